"""A real Prometheus that scrapes the demo with the files that are copied."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import yaml

from exporter.demo import Demo
from tests.deploy.copied import DEPLOY, RULES
from tests.processes import free_ports, running, wait_until
from tests.programs import program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CASES = Demo.cases


class Prometheus:
    """A running server. Asks it by HTTP."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def ready(self) -> bool:
        """Whether it answers queries yet."""
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=30) as answer:
                return bool(answer.status == HTTPStatus.OK)
        except urllib.error.HTTPError as error:
            error.close()
            return False

    def ask(self, path: str, **parameters: str) -> Any:  # noqa: ANN401 - JSON
        """The data of one answer of its API."""
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)["data"]

    def vector(self, expression: str) -> list[dict[str, Any]]:
        """The series of an instant query."""
        found: list[dict[str, Any]] = self.ask("query", query=expression)["result"]
        return found

    def matrix(self, expression: str) -> list[dict[str, Any]]:
        """The series of a query over the last minute."""
        now = float(self.ask("query", query="time()")["result"][1])
        span = {"start": str(now - 60), "end": str(now), "step": "1"}
        found: list[dict[str, Any]] = self.ask("query_range", query=expression, **span)["result"]
        return found


@contextlib.contextmanager
def scraping_the_demo(here: Path) -> Iterator[Prometheus]:
    """A Prometheus with the example's job and the rules, once it has seen every server of the demo."""
    server = program("prometheus")
    exporter_port, port = free_ports(2)
    flags = ["--demo", f"--web.listen-address=127.0.0.1:{exporter_port}"]
    with running([sys.executable, "-m", "exporter", *flags], log=here / "exporter.log") as exporter:
        exporter.wait_for_port(exporter_port)
        command: list[str | Path] = [
            server,
            f"--config.file={_configuration(here, exporter_port)}",
            f"--storage.tsdb.path={here / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        with running(command, log=here / "prometheus.log") as scraping:
            scraping.wait_for_port(port)
            asking = Prometheus(port)
            wait_until(asking.ready, "Prometheus to have read its storage")
            for job in ("smtp-tls", "smtp-tls-probe"):
                _wait_for_targets(asking, job)
            yield asking


def _wait_for_targets(asking: Prometheus, job: str) -> None:
    states = f'smtp_tls_state{{job="{job}"}}'
    wait_until(lambda: len(asking.vector(states)) == len(CASES), f"{job} to see every target")


def _configuration(here: Path, exporter_port: int) -> Path:
    """Both examples with the address, the targets and the pace of this test, as their heads say to adapt them."""
    jobs = [job for name in ("scrape-metrics.yml", "scrape-probe.yml") for job in _jobs(name, exporter_port)]
    for job in jobs:
        probing = job.get("metrics_path") == "/probe"
        job["scrape_interval"] = job["scrape_timeout"] = "5s" if probing else "1s"
        if probing:
            job["static_configs"] = [{"targets": [case.name for case in CASES]}]
    adapted = {
        "global": {"evaluation_interval": "1s"},
        "rule_files": [str(_rules_at_once(here))],
        "scrape_configs": jobs,
    }
    path = here / "prometheus.yml"
    path.write_text(yaml.safe_dump(adapted), encoding="utf-8")
    return path


def _rules_at_once(here: Path) -> Path:
    """The rules, each alert firing without the time for which it waits."""
    path = here / "rules.yml"
    text = RULES.read_text(encoding="utf-8")
    path.write_text(re.sub(r"^( +for:) \w+$", r"\1 0s", text, flags=re.MULTILINE), encoding="utf-8")
    return path


def _jobs(name: str, exporter_port: int) -> list[dict[str, Any]]:
    example = (DEPLOY / "prometheus" / name).read_text(encoding="utf-8")
    content = yaml.safe_load(example.replace("127.0.0.1:10465", f"127.0.0.1:{exporter_port}"))
    found: list[dict[str, Any]] = content["scrape_configs"]
    return found
