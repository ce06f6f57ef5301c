"""Debian's Postfix with one smtpd service per certificate, in directories of its own.

The system's own Postfix and its configuration are not touched. Postfix has to be started as root.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.model import Mode
from tests.processes import PATIENCE, running, wait_until
from tests.programs import program, root_only

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_MAIN = """\
compatibility_level = 3.6
queue_directory = {directory}/queue
data_directory = {directory}/data
maillog_file = {directory}/mail.log
maillog_file_prefixes = {directory}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.example.org
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
smtpd_peername_lookup = no
smtpd_tls_loglevel = 1
# Every client is new to postscreen, this machine too, and has to wait for the end of its greeting.
postscreen_access_list =
postscreen_cache_map =
postscreen_greet_wait = 1s
postscreen_greet_action = enforce
"""
_MASTER = """\
rewrite unix - - n - - trivial-rewrite
# Without proxymap, smtpd waits 100 s before its greeting.
proxymap unix - - n - - proxymap
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""
_SERVICE = """\
127.0.0.1:{port} inet n - n - - smtpd
{options}
"""
_SCREEN = """\
127.0.0.1:{port} inet n - n - 1 postscreen
  -o smtpd_service_name={name}
  -o tlsproxy_service_name={name}-tls
{options}
"""
_SCREENED = f"""\
{_SCREEN}\
{{name}} pass - - n - - smtpd
{{options}}
{{name}}-tls unix - - n - 0 tlsproxy
{{options}}
"""


@dataclass(frozen=True)
class Service:
    """One smtpd. `name` marks its lines in the log; `chain` is the PEM file with key and chain.

    `options` are settings of main.cf for it alone. One that is `screened` has postscreen in front, which may
    listen on `more_ports` for it.
    """

    name: str
    port: int
    mode: Mode
    chain: Path
    options: tuple[str, ...] = ()
    screened: bool = False
    more_ports: tuple[int, ...] = ()


@dataclass(frozen=True)
class Postfix:
    """A running Postfix."""

    log: Path

    def session(self, service: str) -> str:
        """What was logged of the first session at a service, once that session is over."""
        lines = wait_until(lambda: self._finished(service), f"the end of a session at {service}")
        return "\n".join(lines)

    def _finished(self, service: str) -> list[str]:
        text = self.log.read_text(encoding="utf-8")
        lines = re.findall(rf"{service}/smtpd\[\d+\]: (.*)\n", text)
        return lines if any(line.startswith("disconnect from") for line in lines) else []


@contextlib.contextmanager
def postfix(
    directory: Path, services: Sequence[Service], settings: str = "", master: str = ""
) -> Iterator[Postfix]:
    """Run Postfix with these services for the length of the block.

    Args:
        directory: an empty directory that every user may enter.
        services: what listens where.
        settings: more lines of main.cf.
        master: more lines of master.cf.
    """
    command = program("postfix")
    root_only("a running Postfix")
    _configure(directory, services, settings, master)
    with running([command, "-c", directory / "etc", "start-fg"], log=directory / "output.log") as server:
        log = directory / "mail.log"
        wait_until(lambda: log.exists() and "daemon started" in log.read_text(), "Postfix's log")
        assert server.process.poll() is None, server.tail()
        try:
            yield Postfix(log)
        finally:
            # Postfix's master leads a process group of its own, which it ends itself.
            subprocess.run([command, "-c", directory / "etc", "abort"], check=True)
            server.process.wait(PATIENCE)


def _configure(directory: Path, services: Sequence[Service], settings: str, master: str) -> None:
    for name in ("etc", "queue", "data"):
        (directory / name).mkdir()
    shutil.chown(directory / "data", "postfix")
    (directory / "etc" / "main.cf").write_text(_MAIN.format(directory=directory) + settings)
    (directory / "etc" / "master.cf").write_text(_MASTER + master + "".join(map(_service, services)))


def _service(service: Service) -> str:
    implicit = service.mode is Mode.TLS
    tls = "smtpd_tls_wrappermode=yes" if implicit else "smtpd_tls_security_level=may"
    settings = [
        f"syslog_name={service.name}",
        f"smtpd_tls_chain_files={service.chain}",
        tls,
        *service.options,
    ]
    template = _SCREENED if service.screened else _SERVICE
    options = "\n".join(f"  -o {setting}" for setting in settings)
    text = template.format(name=service.name, port=service.port, options=options)
    return text + "".join(
        _SCREEN.format(name=service.name, port=port, options=options) for port in service.more_ports
    )
