"""An exporter that runs as a process, and this project's daemon as one, with a configuration file.

with daemon(directory, fleet) as ours:
    ours.wait_for(10_000)
"""

from __future__ import annotations

import contextlib
import itertools
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench import usage
from tests.bench.measure import Failed
from tests.bench.servers import Fleet
from tests.processes import Running, running

LONGEST = 600.0
"""Seconds that reading a configuration, or a sweep, may take."""
_PULSE = 0.4
PORTS = itertools.count(9_000)
"""Those to listen on: the kernel gives none of them to a client while a large configuration is being read."""


@dataclass
class Exporter:
    """A running exporter that answers `/probe` at the base URL.

    In its `module`, `{name}` stands for the name of the server.
    """

    url: str
    pid: int
    module: str

    def cpu(self) -> float:
        """CPU seconds of it and of all its processes until now."""
        return usage.cpu(self.pid)

    def resident(self) -> float:
        """Megabytes of memory that it has now."""
        return usage.resident(self.pid)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])


@dataclass
class Daemon(Exporter):
    """This project's. It tells how many probes it has done as it tells systemd, which costs next to nothing."""

    notices: socket.socket = field(repr=False)
    config: Path
    running: Running = field(repr=False)
    _probes: int = 0

    def probes(self) -> int:
        """How many probes have ended, as of a moment ago."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self._read(self.notices.recv(4096))
        return self._probes

    def beat(self) -> int:
        """The same as of now: waits until the daemon says it again."""
        self.probes()
        self.notices.settimeout(LONGEST)
        try:
            while not self._read(self.notices.recv(4096)):
                pass
        finally:
            self.notices.setblocking(False)
        return self._probes

    def _read(self, notice: bytes) -> bool:
        if found := re.search(rb"STATUS=\d+ targets, (\d+) probes", notice):
            self._probes = int(found[1])
        return found is not None

    def wait_for(self, probes: int) -> None:
        """Return once so many probes have ended.

        Raises:
            Failed: the daemon has ended, or this takes too long.
        """
        deadline = time.monotonic() + LONGEST
        while self.probes() < probes:
            if self.running.process.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"the daemon did {self._probes} of {probes} probes:\n{self.running.tail()}")
            time.sleep(0.05)

    def metrics(self) -> str:
        """The answer of /metrics."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=LONGEST) as answer:
            return str(answer.read().decode())

    def check(self, targets: int) -> None:
        """See that every probe until now succeeded, and that every target is there.

        Raises:
            Failed: it is not so.
        """
        check_metrics(self.metrics(), targets)


def check_metrics(text: str, targets: int) -> None:
    """See that every probe succeeded, by an answer of /metrics, and that nothing critical was found.

    Raises:
        Failed: it is not so.
    """
    states = re.findall(r"^smtp_tls_state\{.*\} (\S+)$", text, re.MULTILINE)
    if len(states) != targets or set(states) != {"0"}:
        raise Failed(f"{states.count('0')} of {targets} targets are well, {len(states)} have been probed")
    failures = re.findall(r"^smtp_tls_exporter_probe_failures_total\{(.*)\} (\S+)$", text, re.MULTILINE)
    if not failures or any(float(count) for _, count in failures):
        raise Failed(f"failed probes: {[each for each in failures if float(each[1])]}")


@contextlib.contextmanager
def daemon(
    directory: Path, fleet: Fleet, *flags: str, interval: str = "1h", watched: bool = True
) -> Iterator[Daemon]:
    """Run the daemon with a configuration that names every server.

    Args:
        directory: an empty one.
        fleet: the servers.
        flags: more for its command line.
        interval: between two probes of a target.
        watched: whether the servers are targets; otherwise it may only be asked for them.
    """
    config = directory / "config.yaml"
    config.write_text(configuration(fleet if watched else fleet.of(0), interval=interval), encoding="utf-8")
    port = next(PORTS)
    command = [sys.executable, "-m", "exporter", f"--config.file={config}", "--log.level=warn"]
    command += [f"--web.listen-address=127.0.0.1:{port}", *flags]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        notices.bind(str(directory / "notices"))
        env = {"NOTIFY_SOCKET": str(directory / "notices"), "WATCHDOG_USEC": str(round(_PULSE * 1e6))}
        with running(command, log=directory / "daemon.log", env=env) as process:
            _wait_until_ready(notices, process)
            notices.setblocking(False)
            url = f"http://127.0.0.1:{port}"
            yield Daemon(url, process.process.pid, str(fleet.mode), notices, config, process)


def _wait_until_ready(notices: socket.socket, process: Running) -> None:
    notices.settimeout(1.0)
    deadline = time.monotonic() + LONGEST
    while time.monotonic() < deadline and process.process.poll() is None:
        with contextlib.suppress(TimeoutError):
            if b"READY=1" in notices.recv(4096):
                return
    raise Failed(f"the daemon did not become ready:\n{process.tail()}")


def configuration(fleet: Fleet, *, interval: str, timeout: str = "15s") -> str:
    """The servers as targets of the daemon."""
    targets = [
        f"  - {{host: {address}, port: {port}, mode: {fleet.mode}, names: [{name}]}}\n"
        for address, port, name in fleet.members()
    ]
    return "".join(
        [
            f"defaults: {{interval: {interval}, timeout: {timeout}, ehlo_name: bench.example.org,",
            " trust_stores: [bench], revocation: []}\n",
            f"trust_stores: {{bench: {{type: pem, path: {fleet.root}}}}}\n",
            "modules: {starttls: {mode: starttls}, tls: {mode: tls}}\n",
            "probe: {allow: [127.0.0.0/8], ports: [",
            ", ".join(str(fleet.port + number) for number in range(fleet.certificates)),
            "]}\n",
            "targets:\n" if targets else "",
            *targets,
        ]
    )


def knows(flag: str) -> bool:
    """Whether the daemon has a flag."""
    command = [sys.executable, "-m", "exporter", "--help"]
    return flag in subprocess.run(command, capture_output=True, text=True, check=True).stdout
