"""What a check costs from start to end, beside the plugins that it takes the place of.

The servers are the demo's healthy one and a daemon that watches the demo; check_ssl_cert and check_smtp are Debian's.
CPU is that of the check and its children, memory the largest resident set (10 MB at the least).
"""

from __future__ import annotations

import compileall
import contextlib
import json
import site
import subprocess
import sys
import tempfile
import urllib.request
import venv
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import exporter
from tests.bench.figures import Budget, Figure, median
from tests.bench.measure import Failed
from tests.laboratory import demo_in_thread
from tests.processes import free_ports, running, wait_until
from tests.programs import program

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from exporter.demo import Demo
    from tests.bench.options import Options

OURS, ASKING, RIVAL = "check_smtp_tls", "... --exporter", "check_ssl_cert"
_SHARE = Budget(0.2, 0.13)
_ASKING = Budget(60, 35)
_TIMES = 3
"""Checks in each repetition: one takes a moment, and is soon disturbed."""


class Run(NamedTuple):
    """One check: CPU and wall seconds, and the largest resident set in MB."""

    cpu: float
    wall: float
    memory: float


def checks(ours: Path, demo: Demo, daemon: str) -> Mapping[str, Sequence[str]]:
    """The checks by name, all of the same server; the last one asks the daemon."""
    server = demo.servers["healthy"]
    host, port, root = server.host, str(server.port), str(demo.root_path)
    name, watched = "mail.int.contoso.com", _watched(daemon)
    return {
        OURS: [str(ours), "-H", host, "-p", port, "-n", name, "-r", root],
        RIVAL: [
            str(program(RIVAL)), "-H", host, "-p", port, "-P", "smtp", "-m", name, "-r", root,
            "--ignore-ocsp", "--ignore-sct",
        ],
        "check_smtp": [str(program("check_smtp")), "-H", host, "-p", port, "-S", "-D", "21,7"],
        ASKING: [str(ours), "-H", watched["host"], "-p", str(watched["port"]), "--exporter", daemon],
    }  # fmt: skip


def _watched(daemon: str) -> Mapping[str, str]:
    with urllib.request.urlopen(f"{daemon}/api/v1/targets?target=healthy", timeout=30) as answer:
        found: Mapping[str, str] = json.load(answer)["targets"][0]["results"][0]
    return found


_STARTER = """
import os, sys, time
began = time.perf_counter()
silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
_, status, usage = os.wait4(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=silent), 0)
print(status, usage.ru_utime + usage.ru_stime, time.perf_counter() - began, usage.ru_maxrss * 1024 / 1e6)
"""
"""Starts a check in a small process: what the kernel calls a program's largest resident set begins with its parent's."""


def check(words: Sequence[str]) -> Run:
    """Run a check to its end.

    Raises:
        Failed: it did not say OK.
    """
    starter = [sys.executable, "-I", "-S", "-c", _STARTER, *words]
    status, *figures = subprocess.run(starter, capture_output=True, text=True, check=True).stdout.split()
    if int(status) != 0:
        raise Failed(f"wait status {status} of {' '.join(words)}")
    return Run(*map(float, figures))


def measure(options: Options) -> Iterator[Figure]:
    """Each check in turn, of the same server; the median of its costs, and beside check_ssl_cert in the same turn."""
    program("host")  # which check_ssl_cert calls
    with tempfile.TemporaryDirectory() as place, _demo(installed(Path(place))) as commands:
        rounds = [
            {name: check(words) for name, words in commands.items()}
            for _ in range(_TIMES * options.repetitions)
        ]
    for name in rounds[0]:
        limit = _ASKING if name == ASKING else None
        yield median(name, "one check", "CPU ms", (1000 * each[name].cpu for each in rounds), limit)
        yield median(name, "one check", "wall ms", (1000 * each[name].wall for each in rounds))
        yield median(name, "one check", "MB", (each[name].memory for each in rounds))
    for name in rounds[0]:
        if name != RIVAL:
            shares = (each[name].cpu / each[RIVAL].cpu for each in rounds)
            yield median(name, "one check, CPU", f"of {RIVAL}", shares, _SHARE if name == OURS else None)


_SCRIPT = """\
#!{python}
import sys
from exporter.cli import check_smtp_tls
if __name__ == "__main__":
    sys.exit(check_smtp_tls())
"""
"""What pip makes of an entry point."""


def installed(place: Path) -> Path:
    """The check as users have it: compiled, and without what an environment for development loads at each start."""
    package = Path(exporter.__file__).parent
    compileall.compile_dir(str(package), quiet=1)
    venv.create(place)
    (packages,) = place.glob("lib/*/site-packages")
    places = [str(package.parent), *site.getsitepackages()]
    (packages / "installed.pth").write_text("\n".join(places) + "\n", encoding="utf-8")
    script = place / "bin" / OURS
    script.write_text(_SCRIPT.format(python=place / "bin" / "python"), encoding="utf-8")
    script.chmod(0o755)
    return script


@contextlib.contextmanager
def _demo(ours: Path) -> Iterator[Mapping[str, Sequence[str]]]:
    """Run the demo's servers and a daemon that watches them; gives the checks."""
    (port,) = free_ports(1)
    daemon = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as here, demo_in_thread() as demo:
        start = [sys.executable, "-m", "exporter", "--demo", f"--web.listen-address=127.0.0.1:{port}"]
        with running(start, log=Path(here) / "daemon.log") as server:
            server.wait_for_port(port)
            wait_until(lambda: _ready(daemon), "a result of the healthy server")
            yield checks(ours, demo, daemon)


def _ready(daemon: str) -> bool:
    with urllib.request.urlopen(f"{daemon}/api/v1/targets?target=healthy", timeout=30) as answer:
        return any(one["results"] for one in json.load(answer)["targets"])
