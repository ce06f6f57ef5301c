"""nginx's mail module. Only its debug log tells what became of a session."""

from __future__ import annotations

import contextlib
import subprocess
from typing import TYPE_CHECKING

from tests.programs import missing, program
from tests.servers import nginx
from tests.servers.mail.observed import Observed, both_ports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextlib.contextmanager
def nginx_mail(directory: Path, chain: Path) -> Iterator[Observed]:
    """Run nginx for the length of the block. Needs no privileges."""
    about = subprocess.run([program("nginx"), "-V"], capture_output=True, text=True, check=True).stderr
    if "--with-debug" not in about:
        missing("this nginx was built without --with-debug")
    ports = both_ports()
    endpoints = [nginx.Endpoint(port, mode, chain) for mode, port in ports.items()]
    with nginx.nginx(directory, endpoints, "debug"):
        yield Observed(
            ports,
            (directory / "error.log",),
            over=dict.fromkeys(ports, r"close mail connection.* reusable connection: 0\n"),
            # It logs no commands: 6 bytes are QUIT, 15 are 221 2.0.0 Bye.
            orderly=dict.fromkeys(ports, r" SSL_read: 6\n.* SSL_write: 15\n.* close mail connection"),
        )
