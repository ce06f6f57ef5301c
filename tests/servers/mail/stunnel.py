"""stunnel in front of a server that knows no TLS, doing STARTTLS or implicit TLS for it.

The server behind it is aiosmtpd, whose log tells how each session ended.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from exporter.model import Mode
from tests.processes import free_ports, running
from tests.programs import program
from tests.servers.mail.observed import Observed, both_ports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CONFIG = """\
foreground = yes
pid =
debug = info
[starttls]
accept = 127.0.0.1:{starttls}
connect = 127.0.0.1:{behind}
protocol = smtp
cert = {chain}
[tls]
accept = 127.0.0.1:{tls}
connect = 127.0.0.1:{behind}
cert = {chain}
"""


@contextlib.contextmanager
def stunnel(directory: Path, chain: Path) -> Iterator[Observed]:
    """Run stunnel and the server behind it for the length of the block. Needs no privileges."""
    ports = both_ports()
    (behind,) = free_ports(1)
    config = directory / "stunnel.conf"
    config.write_text(
        _CONFIG.format(behind=behind, chain=chain, starttls=ports[Mode.STARTTLS], tls=ports[Mode.TLS])
    )
    server = [sys.executable, "-m", "aiosmtpd", "--nosetuid", "-ddd", "-l", f"127.0.0.1:{behind}"]
    server += ["-c", "aiosmtpd.handlers.Sink"]
    logs = directory / "stunnel.log", directory / "behind.log"
    with (
        running(server, log=logs[1]) as plain,
        running([program("stunnel", "stunnel4"), config], log=logs[0]) as tunnel,
    ):
        plain.wait_until_listening(behind)
        for port in ports.values():
            tunnel.wait_until_listening(port)
        yield Observed(
            ports,
            logs,
            over=dict.fromkeys(ports, r"Connection (closed|reset): .*\) connection lost\n"),
            orderly=dict.fromkeys(ports, r"Connection closed: .*>> b'QUIT'\n.*<< b'221 Bye'"),
        )
