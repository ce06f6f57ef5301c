"""A newcomer's path: every block of quickstart.md, pasted into a shell in a fresh copy of the project."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from tests.deploy.copied import DOCS, PAGES, TOP
from tests.deploy.scraping import Prometheus
from tests.laboratory import demo_in_thread
from tests.processes import Running, free_ports, running, wait_until
from tests.programs import program

if TYPE_CHECKING:
    from pathlib import Path

    from exporter.demo.smtpd import Server

pytestmark = pytest.mark.servers

BLOCKS = re.findall(
    r"^```sh\n(.*?)^```$", (DOCS / "quickstart.md").read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
)
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv*", ".*_cache", ".hypothesis", "__pycache__", "*.egg-info", "build"
)
INSTALLING = 300.0
"""Seconds that the first `make run` may take on a slow machine with a slow package index."""


class Newcomer:
    """Pastes blocks into a shell in the fresh copy, whose exporter listens on another port than the usual one."""

    def __init__(self, here: Path, port: int) -> None:
        self._here, self._port = here, port
        path = [str(program(name).parent) for name in ("promtool", "curl")]
        self.environment = {
            "ARGS": f"--web.listen-address=127.0.0.1:{port}",
            "PYTHON": getattr(sys, "_base_executable", sys.executable),
            "VENV": ".venv",
            "MAKEFLAGS": "",
            "PATH": os.pathsep.join([*path, os.environ["PATH"]]),
        }

    def paste(self, block: str, *replaced: tuple[str, str]) -> subprocess.CompletedProcess[str]:
        """What a block prints, with one's own server put in its place."""
        assert all(old in block for old, _ in replaced), block
        for old, new in (("127.0.0.1:10465", f"127.0.0.1:{self._port}"), *replaced):
            block = block.replace(old, new)
        environment = {**os.environ, **self.environment}
        return subprocess.run(
            ["bash", "-uc", block],
            cwd=self._here,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )


def test_every_block_works(tmp_path: Path) -> None:
    """The demo, one's own server, the check, the configuration and Prometheus, each by copy and paste."""
    began = time.monotonic()
    here = tmp_path / "checkout"
    shutil.copytree(TOP, here, ignore=LEFT_OUT)
    port, prometheus_port = free_ports(2)
    newcomer = Newcomer(here, port)
    start, metrics, probe, check, configure, scrape = BLOCKS
    with running(start.split(), log=tmp_path / "make.log", env=newcomer.environment, cwd=here) as demo:
        _wait_for_demo(demo, port)
        print(f"the demo after {time.monotonic() - began:.0f} s")
        seen = newcomer.paste(metrics).stdout
        assert re.search(r'^smtp_tls_problem\{target="expired",.*problem="expired"\} 1', seen, re.MULTILINE)
    with demo_in_thread() as lab:
        server = lab.servers["expired"]
        _look_at_a_server(newcomer, probe, check, server)
        print(f"one's own server after {time.monotonic() - began:.0f} s")
        configured = newcomer.paste(
            configure, ("mx1.example.org", server.host), ("port: 25", f"port: {server.port}")
        )
        assert configured.returncode == 0, configured.stdout + configured.stderr
        assert configured.stdout.startswith("config.yaml is valid\n")
        scraped = newcomer.paste(scrape)
        assert scraped.returncode == 0, scraped.stdout + scraped.stderr
        with running(start.split(), log=tmp_path / "again.log", env=newcomer.environment, cwd=here):
            _see_the_problem(here, prometheus_port)
    print(f"everything after {time.monotonic() - began:.0f} s")


def test_the_readme_leads_here() -> None:
    """The first commands of the README are those of the quick start, which it links to; so does every other page."""
    text = (TOP / "README.md").read_text(encoding="utf-8")
    (first, *_) = re.findall(r"^```\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert first.startswith("make run ")
    assert BLOCKS[0] == "make run\n"
    linked = set(re.findall(r"\]\((docs/[\w-]+\.md)", text))
    assert linked == {f"docs/{path.name}" for path in PAGES}


def _look_at_a_server(newcomer: Newcomer, probe: str, check: str, server: Server) -> None:
    host, port = server.host, server.port
    probed = newcomer.paste(probe, ("mx1.example.org:25", f"{host}:{port}"))
    assert "CRITICAL" in probed.stdout
    assert "certificate has expired" in probed.stdout
    checked = newcomer.paste(check, ("mx1.example.org -p 25", f"{host} -p {port}"))
    assert checked.returncode == 2
    assert checked.stdout.startswith("SMTP_TLS CRITICAL - ")
    assert "expired: " in checked.stdout


def _see_the_problem(here: Path, port: int) -> None:
    """Prometheus with the pasted file, but for its pace, shows what is wrong."""
    path = here / "prometheus.yml"
    path.write_text(
        "global: {scrape_interval: 1s, evaluation_interval: 1s}\n" + path.read_text(encoding="utf-8"),
        encoding="utf-8",
    )
    command: list[str | Path] = [
        program("prometheus"), f"--config.file={path}", f"--storage.tsdb.path={here / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    with running(command, log=here / "prometheus.log") as scraping:
        scraping.wait_for_port(port)
        asking = Prometheus(port)
        wait_until(asking.ready, "Prometheus to have read its storage")

        def alerts() -> set[str]:
            return {one["labels"]["alertname"] for one in asking.ask("alerts")["alerts"]}

        wait_until(lambda: "SmtpTlsExpired" in alerts(), "the alert about the newcomer's own server")


def _wait_for_demo(demo: Running, port: int) -> None:
    deadline = time.monotonic() + INSTALLING
    while f"127.0.0.1:{port}" not in demo.tail():
        assert demo.process.poll() is None, demo.tail()
        assert time.monotonic() < deadline, demo.tail()
        time.sleep(0.2)
    demo.wait_for_port(port)
    wait_until(lambda: len(_results(port)) == 14, "a result of every server")


def _results(port: int) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/targets", timeout=30) as answer:
        return {one["target"]: one["results"][0] for one in json.load(answer)["targets"] if one["results"]}
