"""Debian's Exim, which speaks TLS by GnuTLS and gives up on clients that talk before their turn."""

from __future__ import annotations

import contextlib
import shutil
from typing import TYPE_CHECKING

from exporter.model import Mode
from tests.processes import running
from tests.programs import fetched, root_only
from tests.servers.mail.apart import FIRST_ID, apart
from tests.servers.mail.observed import Observed, both_ports, copy_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_USER = "Debian-exim"
"""The name is compiled in."""
_CONFIG = """\
exim_path = {binary}
spool_directory = {directory}/spool
log_file_path = {directory}/log/%slog
pid_file_path = {directory}/exim.pid
keep_environment =
local_interfaces = 127.0.0.1
daemon_smtp_ports = {starttls} : {tls}
tls_on_connect_ports = {tls}
tls_advertise_hosts = *
tls_certificate = {chain}
tls_privatekey = {chain}
primary_hostname = mail.example.org
host_lookup =
rfc1413_query_timeout = 0s
smtp_enforce_sync = true
log_selector = +smtp_connection +smtp_no_mail +smtp_protocol_error +smtp_syntax_error +incoming_port \
+incoming_interface
"""


@contextlib.contextmanager
def exim(directory: Path, chain: Path) -> Iterator[Observed]:
    """Run Exim for the length of the block."""
    binary = fetched("exim4-daemon-light/usr/sbin/exim4")
    root_only("a running Exim")
    ports = both_ports()
    for name in ("spool", "log"):
        (directory / name).mkdir()
        shutil.chown(directory / name, FIRST_ID, FIRST_ID)
    copy = copy_for(FIRST_ID, chain, directory)
    config = directory / "exim.conf"
    config.write_text(
        _CONFIG.format(
            binary=binary, directory=directory, chain=copy,
            starttls=ports[Mode.STARTTLS], tls=ports[Mode.TLS],
        )
    )  # fmt: skip
    command = apart(directory, [_USER], [binary, "-C", config, "-bdf"])
    with running(command, log=directory / "output.log") as server:
        for port in ports.values():
            server.wait_until_listening(port)
        yield Observed(
            ports,
            tuple(directory / "log" / name for name in ("mainlog", "rejectlog", "paniclog")),
            over=dict.fromkeys(ports, r"no MAIL in SMTP connection [^\n]*\n"),
            orderly=dict.fromkeys(ports, r"closed by QUIT\n.* X=TLS1\.3:[^\n]* C=(EHLO,STARTTLS,)?QUIT\n"),
        )
