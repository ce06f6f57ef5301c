"""npm's Haraka. It offers STARTTLS on the last line of its EHLO reply."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from exporter.model import Mode
from tests.processes import running
from tests.programs import fetched, program
from tests.servers.mail.observed import Observed, both_ports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FILES = {
    "smtp.ini": "listen=127.0.0.1:{starttls},127.0.0.1:{tls}\nsmtps_port={tls}\nnodes=0\n",
    # Without this file the first connection ends the whole server.
    "connection.ini": "[haproxy]\nhosts[] =\n[uuid]\nbanner_chars=6\n[message]\n[max]\nline_length=512\n",
    "tls.ini": "key={chain}\ncert={chain}\n",
    "plugins": "tls\nrcpt_to.in_host_list\n",
    "me": "mail.example.org\n",
    "loglevel": "PROTOCOL\n",
    "host_list": "",
}


@contextlib.contextmanager
def haraka(directory: Path, chain: Path) -> Iterator[Observed]:
    """Run Haraka for the length of the block. Needs no privileges."""
    binary = fetched("npm/node_modules/.bin/haraka")
    ports = both_ports()
    (directory / "config").mkdir()
    for name, text in _FILES.items():
        content = text.format(starttls=ports[Mode.STARTTLS], tls=ports[Mode.TLS], chain=chain)
        (directory / "config" / name).write_text(content)
    log = directory / "output.log"
    with running([program("node"), binary, "-c", directory], log=log) as server:
        for port in ports.values():
            server.wait_until_listening(port)
        yield Observed(
            ports,
            (log,),
            over=dict.fromkeys(ports, r" disconnect ip=[^\n]*\n"),
            orderly=dict.fromkeys(ports, r" C: QUIT .* disconnect ip=[^\n]* early=N .* tls=Y .*errors=0 "),
        )
