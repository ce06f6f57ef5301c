"""What a check costs from start to end, beside the plugins that it takes the place of.

    python -m tests.bench.plugin [REPETITIONS]

The servers are the demo's healthy one and a daemon that watches the demo; check_ssl_cert and check_smtp are Debian's (monitoring-plugins-contrib
and monitoring-plugins-basic), and are left out where they are not installed (check_ssl_cert also wants the program host). Each in turn, several times; medians of CPU (of the check and its children),
wall and resident memory (10 MiB at the least). Nothing counts unless the check says OK.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.laboratory import demo_in_thread
from tests.processes import free_ports, running, wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exporter.demo import Demo

PLUGINS = Path("/usr/lib/nagios/plugins")
OURS = str(Path(sys.executable).with_name("check_smtp_tls"))
RIVAL = "check_ssl_cert"


class Run(NamedTuple):
    """One check: CPU and wall seconds, and the largest resident set in MiB."""

    cpu: float
    wall: float
    memory: float


def commands(demo: Demo, daemon: str) -> Mapping[str, Sequence[str]]:
    """The checks by name, all of the same server; the last one asks the daemon."""
    server = demo.servers["healthy"]
    host, port, root = server.host, str(server.port), str(demo.root_path)
    name = "mail.int.contoso.com"
    made: dict[str, Sequence[str]] = {
        "check_smtp_tls": [OURS, "-H", host, "-p", port, "-n", name, "-r", root],
        RIVAL: [
            str(PLUGINS / RIVAL), "-H", host, "-p", port, "-P", "smtp", "-m", name, "-r", root,
            "--ignore-ocsp", "--ignore-sct",
        ],
        "check_smtp": [str(PLUGINS / "check_smtp"), "-H", host, "-p", port, "-S", "-D", "21,7"],
    }  # fmt: skip
    watched = _watched(daemon)
    made["check_smtp_tls --exporter"] = [
        OURS, "-H", watched["host"], "-p", str(watched["port"]), "--exporter", daemon
    ]  # fmt: skip
    return {name: words for name, words in made.items() if Path(words[0]).exists()}


def _watched(daemon: str) -> Mapping[str, str]:
    with urllib.request.urlopen(f"{daemon}/api/v1/targets?target=healthy", timeout=30) as answer:
        found: Mapping[str, str] = json.load(answer)["targets"][0]["results"][0]
    return found


_STARTER = """
import os, sys, time
began = time.perf_counter()
silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
_, status, usage = os.wait4(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=silent), 0)
print(status, usage.ru_utime + usage.ru_stime, time.perf_counter() - began, usage.ru_maxrss / 1024)
"""
"""Starts a check in a small process: what the kernel calls a program's largest resident set begins with its parent's."""


def measure(words: Sequence[str]) -> Run:
    """Run a check to its end."""
    starter = [sys.executable, "-I", "-S", "-c", _STARTER, *words]
    status, *figures = subprocess.run(starter, capture_output=True, text=True, check=True).stdout.split()
    if int(status) != 0:
        sys.exit(f"bench: wait status {status} of {' '.join(words)}")
    return Run(*map(float, figures))


def main(repetitions: int) -> None:
    """Measure and print."""
    (port,) = free_ports(1)
    daemon = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as here, demo_in_thread() as demo:
        start = [sys.executable, "-m", "exporter", "--demo", f"--web.listen-address=127.0.0.1:{port}"]
        with running(start, log=Path(here) / "daemon.log") as server:
            server.wait_for_port(port)
            wait_until(lambda: _ready(daemon), "a result of the healthy server")
            wanted = commands(demo, daemon)
            rounds = [{name: measure(words) for name, words in wanted.items()} for _ in range(repetitions)]
    print(f"{'':<28}{'CPU ms':>8}{'wall ms':>9}{'MiB':>6}{'of ' + RIVAL:>19}")
    for name in wanted:
        cpu, wall, memory = (statistics.median(each[name][part] for each in rounds) for part in range(3))
        ratios = [each[name].cpu / each[RIVAL].cpu for each in rounds if RIVAL in each]
        share = f"{statistics.median(ratios):.2f}" if ratios else "-"
        print(f"{name:<28}{1000 * cpu:>8.0f}{1000 * wall:>9.0f}{memory:>6.0f}{share:>19}")


def _ready(daemon: str) -> bool:
    with urllib.request.urlopen(f"{daemon}/api/v1/targets?target=healthy", timeout=30) as answer:
        return any(one["results"] for one in json.load(answer)["targets"])


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 9)
