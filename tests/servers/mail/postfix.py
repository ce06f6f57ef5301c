"""Postfix by itself, behind postscreen, and postscreen when it makes up its mind inside the session."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from exporter.model import Mode
from tests.processes import free_ports
from tests.servers import postfix
from tests.servers.mail.observed import Observed, both_ports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SMTPD = r"{name}/smtpd\[\d+\]: disconnect from [^\n]*"
_DEEP = (
    "postscreen_pipelining_enable=yes",
    "postscreen_non_smtp_command_enable=yes",
    "postscreen_bare_newline_enable=yes",
)


@contextlib.contextmanager
def plain(directory: Path, chain: Path) -> Iterator[Observed]:
    """Postfix itself."""
    ports = both_ports()
    services = [postfix.Service(mode, port, mode, chain) for mode, port in ports.items()]
    over = {mode: _SMTPD.format(name=mode) + r"commands=\S+\n" for mode in ports}
    orderly = {
        Mode.STARTTLS: r"\] ehlo=1 starttls=1 quit=1 commands=3\n",
        Mode.TLS: r"\] quit=1 commands=1\n",
    }
    with postfix.postfix(directory, services) as server:
        yield Observed(ports, (server.log,), over=over, orderly=orderly)


@contextlib.contextmanager
def screened(directory: Path, chain: Path) -> Iterator[Observed]:
    """Postfix behind postscreen, whose first line of greeting is a trap for clients that talk early."""
    (port,) = free_ports(1)
    service = postfix.Service("screened", port, Mode.STARTTLS, chain, screened=True)
    over = _SMTPD.format(name="screened") + r"commands=\S+\n"
    orderly = r"postscreen\[\d+\]: PASS NEW .*\] ehlo=1 starttls=1 quit=1 commands=3\n"
    with postfix.postfix(directory, [service]) as server:
        ports = {Mode.STARTTLS: port}
        yield Observed(
            ports, (server.log,), over=dict.fromkeys(ports, over), orderly=dict.fromkeys(ports, orderly)
        )


@contextlib.contextmanager
def deep(directory: Path, chain: Path) -> Iterator[Observed]:
    """postscreen, which speaks SMTP and TLS itself to watch for pipelining and stray line ends."""
    (port,) = free_ports(1)
    service = postfix.Service("deep", port, Mode.STARTTLS, chain, _DEEP, screened=True)
    over = r"postscreen\[\d+\]: DISCONNECT [^\n]*\n"
    orderly = r"^(?!.*HANGUP).*tlsproxy\[\d+\]: Anonymous TLS connection established .*DISCONNECT"
    with postfix.postfix(directory, [service]) as server:
        ports = {Mode.STARTTLS: port}
        yield Observed(
            ports, (server.log,), over=dict.fromkeys(ports, over), orderly=dict.fromkeys(ports, orderly)
        )
