"""Debian's Prometheus, scraping with the configuration that users copy from deploy/.

Only what users are told to adapt is adapted: the targets, the address of the exporter, and the pace.
"""

from __future__ import annotations

import contextlib
import json
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tests.processes import PATIENCE, free_ports, running, wait_until
from tests.programs import program

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DEPLOY = Path(__file__).parents[2] / "deploy" / "prometheus"
DOCUMENTED_EXPORTER = "127.0.0.1:10465"
_PACE = {"scrape_interval": "1s", "scrape_timeout": "1s"}

Series = tuple[dict[str, str], float]
"""The labels of a time series and its value."""


def jobs(exporter: str, targets: Sequence[str]) -> list[dict[str, Any]]:
    """The scrape jobs of deploy/ for an exporter at this address and for these targets of `/probe`."""
    found = [job for name in ("scrape-metrics.yml", "scrape-probe.yml") for job in _read(name, exporter)]
    for job in found:
        job.update(_PACE)
        if job.get("metrics_path") == "/probe":
            job["static_configs"] = [{"targets": list(targets)}]
    return found


def _read(name: str, exporter: str) -> list[dict[str, Any]]:
    text = (DEPLOY / name).read_text(encoding="utf-8")
    assert DOCUMENTED_EXPORTER in text
    read: list[dict[str, Any]] = yaml.safe_load(text.replace(DOCUMENTED_EXPORTER, exporter))["scrape_configs"]
    return read


class Prometheus:
    """A running Prometheus at a base URL, a process by that number."""

    def __init__(self, url: str, pid: int) -> None:
        self.url = url
        self.pid = pid

    def is_ready(self) -> bool:
        """Whether it answers queries."""
        try:
            urllib.request.urlopen(f"{self.url}/-/ready", timeout=PATIENCE).close()
        except urllib.error.HTTPError:
            return False
        return True

    def query(self, expression: str) -> list[Series]:
        """The result of an instant query now."""
        question = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"{self.url}/api/v1/query?{question}", timeout=PATIENCE) as answer:
            result = json.load(answer)["data"]["result"]
        return [(each["metric"], float(each["value"][1])) for each in result]


@contextlib.contextmanager
def prometheus(directory: Path, scrape_configs: Sequence[dict[str, Any]]) -> Iterator[Prometheus]:
    """Run Prometheus with these scrape jobs for the length of the block, its data in `directory`."""
    binary = program("prometheus")
    config = directory / "prometheus.yml"
    config.write_text(yaml.safe_dump({"scrape_configs": list(scrape_configs)}), encoding="utf-8")
    (port,) = free_ports(1)
    command: list[str | Path] = [binary, f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}"]
    command += [f"--storage.tsdb.path={directory / 'data'}", "--log.level=warn"]
    with running(command, log=directory / "prometheus.log") as server:
        server.wait_for_port(port)
        started = Prometheus(f"http://127.0.0.1:{port}", server.process.pid)
        wait_until(started.is_ready, "Prometheus to be ready")  # it listens some time before
        yield started
