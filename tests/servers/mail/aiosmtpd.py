"""aiosmtpd, the server of Python's own ecosystem: one process for each mode."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from exporter.model import Mode
from tests.processes import running
from tests.servers.mail.observed import Observed, both_ports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_OPTIONS = {Mode.STARTTLS: ("--tlscert", "--tlskey"), Mode.TLS: ("--smtpscert", "--smtpskey")}


@contextlib.contextmanager
def aiosmtpd(directory: Path, chain: Path) -> Iterator[Observed]:
    """Run aiosmtpd for the length of the block. Needs no privileges."""
    ports = both_ports()
    logs = {mode: directory / f"{mode}.log" for mode in ports}
    with contextlib.ExitStack() as stack:
        for mode, port in ports.items():
            certificate, key = _OPTIONS[mode]
            command = [sys.executable, "-m", "aiosmtpd", "--nosetuid", "-ddd", "-l", f"127.0.0.1:{port}"]
            command += [certificate, str(chain), key, str(chain), "-c", "aiosmtpd.handlers.Sink"]
            stack.enter_context(running(command, log=logs[mode])).wait_until_listening(port)
        yield Observed(
            ports,
            tuple(logs.values()),
            over=dict.fromkeys(ports, r"\) connection lost\n"),
            orderly=dict.fromkeys(ports, r">> b'QUIT'\n.*<< b'221 Bye'"),
        )
