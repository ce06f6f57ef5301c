"""A real Prometheus and the real daemon with its demo: verdicts arrive as time series."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exporter.demo.cases import CASES
from tests.processes import PATIENCE, free_ports, running, wait_until
from tests.programs import program
from tests.servers.prometheus import Prometheus, jobs, prometheus

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.servers

COMMAND = Path(sys.executable).parent / "smtp-tls-exporter"
NAMES = [case.name for case in CASES]
JOBS = ["smtp-tls", "smtp-tls-probe"]


@pytest.fixture(scope="module")
def exporter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the daemon with its demo."""
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    log = tmp_path_factory.mktemp("exporter") / "exporter.log"
    with running([COMMAND, "--demo", f"--web.listen-address={address}"], log=log) as daemon:
        daemon.wait_for_port(port)
        yield address


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, exporter: str) -> Iterator[Prometheus]:
    """Prometheus scraping the daemon, after its first scrapes of everything."""
    with prometheus(tmp_path_factory.mktemp("prometheus"), jobs(exporter, NAMES)) as started:
        for job in JOBS:
            wanted = f'count(count by (target) (smtp_tls_probe_success{{job="{job}"}})) == {len(NAMES)}'
            wait_until(partial(started.query, wanted), f"all targets of job {job}")
        yield started


@pytest.mark.parametrize("job", JOBS)
def test_every_target_has_exactly_its_own_problems(server: Prometheus, job: str) -> None:
    """`smtp_tls_problem == 1` names the causes that each server of the demo was built with, no others."""
    found = defaultdict(set)
    for labels, _ in server.query(f'smtp_tls_problem{{job="{job}"}} == 1'):
        found[labels["target"]].add(labels["problem"])
    assert found == {case.name: case.problems for case in CASES if case.problems}


@pytest.mark.parametrize("job", JOBS)
def test_values_and_labels_survive_the_scrape(server: Prometheus, job: str) -> None:
    """A verdict, a number and an info series read in Prometheus as the daemon meant them."""
    about = f'{{job="{job}", target="untrusted-root"}}'
    ((labels, code),) = server.query(f"smtp_tls_verify_code{about}")
    assert (labels["store"], labels["address"], code) == ("contoso", "127.0.0.1", 20)
    ((info, _),) = server.query(f"smtp_tls_verify_error_info{about}")
    assert (info["code"], info["depth"]) == ("20", "1")
    ((_, days),) = server.query(f'smtp_tls_cert_days_to_expiry{{job="{job}", target="expires-soon"}}')
    assert 4 < days <= 5


def test_probe_series_carry_the_target_as_instance(server: Prometheus) -> None:
    """The documented relabelling makes the mail server the instance, and not the exporter."""
    labels = [labels for labels, _ in server.query('probe_success{job="smtp-tls-probe"}')]
    assert sorted(each["instance"] for each in labels) == sorted(NAMES)


def test_probe_success_is_that_of_the_verdict(server: Prometheus) -> None:
    """Alerts written for blackbox_exporter fire for every server with a critical problem."""
    failed = {labels["instance"] for labels, _ in server.query("probe_success == 0")}
    assert failed == {case.name for case in CASES if case.problems}


@pytest.mark.parametrize("path", ["/metrics", "/probe?target=healthy", "/probe?target=triple-fault"])
def test_promtool_objects_to_nothing_but_days(server: Prometheus, exporter: str, path: str) -> None:
    """promtool finds the exposition valid and clean, except for the one name that is promised in days."""
    with urllib.request.urlopen(f"http://{exporter}{path}", timeout=PATIENCE) as answer:
        page = answer.read()
    done = subprocess.run(
        [program("promtool"), "check", "metrics"], check=False, input=page, capture_output=True
    )
    complaints = (done.stdout + done.stderr).decode().splitlines()
    assert [line.split()[0] for line in complaints] == ["smtp_tls_cert_days_to_expiry"], complaints
    assert "days" in complaints[0]
