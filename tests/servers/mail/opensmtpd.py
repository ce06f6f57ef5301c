"""Debian's OpenSMTPD 6.8.

It was built for OpenSSL 1.1 and cannot finish a handshake with OpenSSL 3 (its issues 1171 and 1239): it closes
the connection right after it has sent its certificate.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from exporter.model import Mode
from tests.processes import running
from tests.programs import fetched, root_only
from tests.servers.mail.apart import apart
from tests.servers.mail.observed import Observed, both_ports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_USERS = ("opensmtpd", "opensmtpq")
_CONFIG = """\
pki mail.example.org cert "{chain}"
pki mail.example.org key "{chain}"
listen on 127.0.0.1 port {starttls} tls pki mail.example.org hostname mail.example.org
listen on 127.0.0.1 port {tls} smtps pki mail.example.org hostname mail.example.org
action "local" maildir
match from any for local action "local"
"""


@contextlib.contextmanager
def opensmtpd(directory: Path, chain: Path) -> Iterator[Observed]:
    """Run OpenSMTPD for the length of the block."""
    binary = fetched("opensmtpd/usr/sbin/smtpd")
    root_only("a running OpenSMTPD")
    ports = both_ports()
    copy = directory / "chain.pem"
    copy.write_bytes(chain.read_bytes())
    copy.chmod(0o600)
    config = directory / "smtpd.conf"
    config.write_text(_CONFIG.format(chain=copy, starttls=ports[Mode.STARTTLS], tls=ports[Mode.TLS]))
    start = 'mkdir -p /var/lib/opensmtpd/empty; exec "$@"'
    command: list[str | Path] = ["sh", "-ec", start, "sh", binary, "-d", "-v", "-f", config]
    log = directory / "output.log"
    places = ("/var/lib", "/var/spool", "/run")
    with running(apart(directory, _USERS, command, empty=places), log=log) as server:
        for port in ports.values():
            server.wait_until_listening(port)
        yield Observed(
            ports,
            (log,),
            over=dict.fromkeys(ports, r"smtp disconnected reason=[^\n]*\n"),
            orderly=dict.fromkeys(ports, r"smtp disconnected reason=quit"),
        )
