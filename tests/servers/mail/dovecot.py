"""Dovecot's submission service, in front of a relay that nobody runs."""

from __future__ import annotations

import contextlib
import subprocess
from typing import TYPE_CHECKING

from exporter.model import Mode
from tests.processes import PATIENCE, running
from tests.programs import program, root_only
from tests.servers.mail.observed import Observed, both_ports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CONFIG = """\
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {directory}/dovecot.log
hostname = mail.example.org
protocols = submission
listen = 127.0.0.1
ssl = yes
ssl_cert = <{chain}
ssl_key = <{chain}
ssl_dh =
default_internal_user = dovecot
default_login_user = dovenull
submission_relay_host = 127.0.0.1
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={directory}
}}
service submission-login {{
  chroot =
  inet_listener submission {{
    port = {starttls}
  }}
  inet_listener submissions {{
    port = {tls}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
"""


@contextlib.contextmanager
def dovecot(directory: Path, chain: Path) -> Iterator[Observed]:
    """Run Dovecot for the length of the block."""
    binary = program("dovecot")
    root_only("a running Dovecot")
    ports = both_ports()
    config = directory / "dovecot.conf"
    config.write_text(
        _CONFIG.format(directory=directory, chain=chain, starttls=ports[Mode.STARTTLS], tls=ports[Mode.TLS])
    )
    with running([binary, "-F", "-c", config], log=directory / "output.log") as server:
        for port in ports.values():
            server.wait_until_listening(port)
        try:
            yield Observed(
                ports,
                (directory / "dovecot.log",),
                over=dict.fromkeys(ports, r"Info: Disconnected: [^\n]*\n"),
                orderly=dict.fromkeys(ports, "Disconnected: Aborted login by logging out .* TLS,"),
            )
        finally:
            # The services are process groups of their own; the master ends them.
            subprocess.run([binary, "-c", config, "stop"], check=False, capture_output=True)
            server.process.wait(PATIENCE)
