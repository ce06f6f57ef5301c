"""Beyond one process: four shards, and four replicas of /probe behind one Prometheus, cover 2,000 targets exactly once."""

from __future__ import annotations

import json
import re
import sys
import urllib.request
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.deploy.copied import DEPLOY
from tests.deploy.scraping import Prometheus
from tests.processes import Running, free_ports, running, wait_until
from tests.programs import program

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

COUNT = 2000
SHARDS = 4
HOSTS = [f"127.1.{number // 250}.{number % 250 + 1}" for number in range(COUNT)]
"""Addresses of this machine at whose port 1 nobody listens: what a probe finds there does not matter here."""
TARGETS = {f"{host}:1" for host in HOSTS}


def _start(stack: ExitStack, here: Path, flags: Sequence[Sequence[str]]) -> list[tuple[int, Running]]:
    """One exporter for each list of flags, with its port, once all of them listen."""
    ports = free_ports(len(flags))
    common = ["-m", "exporter", f"--config.file={here / 'config.yaml'}"]
    started = [
        stack.enter_context(
            running(
                [sys.executable, *common, f"--web.listen-address=127.0.0.1:{port}", *more],
                log=here / f"exporter-{port}.log",
            )
        )
        for port, more in zip(ports, flags, strict=True)
    ]
    for port, program_ in zip(ports, started, strict=True):
        program_.wait_for_port(port)
    return list(zip(ports, started, strict=True))


def _probed(port: int) -> list[str]:
    """The targets that an exporter has results of."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        return re.findall(r'^smtp_tls_state\{target="([^"]+)"', answer.read().decode(), re.MULTILINE)


def test_shards_probe_each_target_once(tmp_path: Path) -> None:
    """The four shares are disjoint, about equal, and together everything."""
    config = {
        "defaults": {"interval": "10s", "timeout": "5s"},
        "targets": [{"host": h, "port": 1} for h in HOSTS],
    }
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    with ExitStack() as stack:
        exporters = _start(stack, tmp_path, [[f"--shard={index}/{SHARDS}"] for index in range(SHARDS)])

        def shares() -> list[list[str]]:
            found = [_probed(port) for port, _ in exporters]
            return found if sum(map(len, found)) >= COUNT else []

        found = wait_until(shares, "a probe of every target")
    assert Counter(target for share in found for target in share) == dict.fromkeys(TARGETS, 1)
    assert all(COUNT / SHARDS * 0.8 < len(share) < COUNT / SHARDS * 1.2 for share in found)


@pytest.mark.servers
def test_replicas_probe_each_target_once(tmp_path: Path) -> None:
    """Prometheus asks each target through one replica; when one is gone, its targets alone are missed."""
    config = {"probe": {"allow": ["127.0.0.0/8"], "ports": [1]}, "targets": []}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    (port,) = free_ports(1)
    with ExitStack() as stack:
        replicas = _start(stack, tmp_path, [[]] * SHARDS)
        command: list[str | Path] = [
            program("prometheus"),
            f"--config.file={_configuration(tmp_path, [number for number, _ in replicas])}",
            f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        stack.enter_context(running(command, log=tmp_path / "prometheus.log")).wait_for_port(port)
        asking = Prometheus(port)
        wait_until(asking.ready, "Prometheus to have read its storage")
        by_replica = "count by (replica) (up == {state})"
        counted = wait_until(
            lambda: _whole(asking, "count by (replica) (up == 1)", COUNT), "a scrape of every target"
        )
        assert len(counted) == SHARDS
        states = asking.vector("smtp_tls_state")
        assert Counter(one["metric"]["target"] for one in states) == dict.fromkeys(TARGETS, 1)

        lost, gone = replicas[0]
        gone.stop()
        missed = wait_until(
            lambda: _whole(asking, by_replica.format(state=0), counted[str(lost)]), "its targets to be missed"
        )
        assert missed == {str(lost): counted[str(lost)]}
        kept = {name: count for name, count in counted.items() if name != str(lost)}
        assert _counts(asking, by_replica.format(state=1)) == kept


def _counts(asking: Prometheus, expression: str) -> dict[str, int]:
    return {one["metric"]["replica"]: int(one["value"][1]) for one in asking.vector(expression)}


def _whole(asking: Prometheus, expression: str, total: int) -> dict[str, int]:
    found = _counts(asking, expression)
    return found if sum(found.values()) == total else {}


def _configuration(here: Path, ports: Sequence[int]) -> Path:
    """The example with the addresses, the targets and the pace of this test, and the replica as a label."""
    text = (DEPLOY / "prometheus" / "scrape-sharded.yml").read_text(encoding="utf-8")
    for number, port in enumerate(ports):
        text = text.replace(f"exporter-{number}:10465", f"127.0.0.1:{port}")
    content = yaml.safe_load(text)
    (job,) = content["scrape_configs"]
    job["scrape_interval"] = job["scrape_timeout"] = "10s"
    job["relabel_configs"].append(
        {"source_labels": ["__address__"], "regex": r".*:(\d+)", "target_label": "replica"}
    )
    (here / "targets").mkdir()
    (here / "targets" / "all.json").write_text(json.dumps([{"targets": sorted(TARGETS)}]), encoding="utf-8")
    path = here / "prometheus.yml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path
