"""The benchmark itself works; what it measures is not a matter of pass or fail."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bench.exporters import knows
from tests.bench.figures import Budget, line, single, verdict
from tests.bench.revocation import LOADING
from tests.bench.servers import Fleet
from tests.bench.stores import PAIRS
from tests.programs import program, root_only

SMALL = ("--targets=30", "--repetitions=1", "--window=3")
PROGRAMS = {
    "probes": ["prometheus-blackbox-exporter"],
    "scrape": ["prometheus-blackbox-exporter"],
    "prometheus": ["prometheus-blackbox-exporter", "prometheus"],
    "growth": [],
    "workers": [],
    "stores": [],
    "revocation": [],
    "plugin": ["check_smtp", "check_ssl_cert", "host"],
}
FIGURES = {
    "probes": {
        "floor",
        "sweep, at start",
        "sweep, new",
        "sweep, seen",
        "/probe",
        "/probe, gzip",
        "blackbox_exporter",
    },
    "scrape": {"/metrics", "/-/healthy waits at most", "an idle echo beside it, at most"},
    "prometheus": {"exporter", "Prometheus", "exporter and Prometheus"},
    "growth": {"ready after", "first sweep", "resident after scrapes", "sweep at 100 probes/s"},
    "workers": {"sweep"},
    "stores": {f"{name}, {when}" for name in PAIRS for when in ("new", "seen")},
    "revocation": {"with revocation, new", "with revocation, seen", LOADING},
    "plugin": {"one check", "one check, CPU"},
}
"""Some of what each section has to measure."""


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the benchmark."""
    command = [sys.executable, "-m", "tests.bench", *words]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=Path(__file__).parents[2])


@pytest.mark.servers
@pytest.mark.parametrize("section", FIGURES)
def test_each_section_measures(section: str, tmp_path: Path) -> None:
    """A small run, each of whose probes has to succeed, prints and writes every figure of the section."""
    root_only("a network namespace, everywhere,")
    for name in ("nginx", "unshare", *PROGRAMS[section]):
        program(name)
    path = tmp_path / "figures.json"
    done = run("--only", section, *SMALL, "--kinds", "ec-p256", f"--json={path}")
    if section == "workers" and not knows("--workers"):
        assert done.returncode == 1
        assert "the daemon does not know --workers" in done.stdout
        return
    assert done.returncode == 0, done.stdout + done.stderr
    measured: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["sections"][section]
    assert not measured["trouble"]
    assert {figure["what"] for figure in measured["figures"]} >= FIGURES[section]
    assert all(figure["what"] in done.stdout for figure in measured["figures"])
    assert "limits hold" in done.stdout


def test_a_figure_above_its_limit_is_named() -> None:
    """The table says beside each figure whether it holds, and the last line which ones do not."""
    good, bad, other = (
        single("about", what, "ms", value, budget)
        for what, value, budget in (
            ("good", 1.0, Budget(1.0, 0.5)),
            ("bad", 1.01, Budget(1.0)),
            ("other", 9.0, None),
        )
    )
    assert line(good).endswith("yes")
    assert line(bad).endswith("NO")
    assert verdict([good, bad, other]) == "1 of 2 limits hold; not: about bad ms"


def test_no_two_servers_have_the_same_address() -> None:
    """Fifty thousand targets are as many servers on loopback, over the ports of a few certificates."""
    members = list(Fleet(50_000, 10_000, 200, "root.pem").members())
    assert len({member.address for member in members}) == len(members)
    assert {member.port for member in members} == set(range(10_000, 10_200))
