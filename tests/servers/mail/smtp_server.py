"""npm's smtp-server, by the author of nodemailer. It answers "You talk too soon" to a client that does."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.model import Mode
from tests.processes import running
from tests.programs import fetched, program
from tests.servers.mail.observed import Observed, both_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

_SCRIPT = Path(__file__).with_suffix(".js")


@contextlib.contextmanager
def smtp_server(directory: Path, chain: Path) -> Iterator[Observed]:
    """Run smtp-server for the length of the block. Needs no privileges."""
    modules = fetched("npm/node_modules/smtp-server").parent
    ports = both_ports()
    command: list[str | Path] = [
        program("node"),
        _SCRIPT,
        chain,
        str(ports[Mode.STARTTLS]),
        str(ports[Mode.TLS]),
    ]
    log = directory / "output.log"
    with running(command, log=log, env={"NODE_PATH": str(modules)}) as server:
        for port in ports.values():
            server.wait_until_listening(port)
        yield Observed(
            ports,
            (log,),
            over={mode: rf"{mode} info Connection closed to [^\n]+\n" for mode in ports},
            orderly={mode: rf"{mode} debug C: QUIT\n{mode} debug S: 221 Bye\n" for mode in ports},
        )
