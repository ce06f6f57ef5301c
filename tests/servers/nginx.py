"""nginx's mail module as an SMTP server: any number of endpoints, each with a certificate of its own.

It answers EHLO with STARTTLS on the last line, as RFC 5321 allows and some clients do not expect.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.model import Mode
from tests.processes import running
from tests.programs import missing, program

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_CONFIG = """\
{load}
daemon off;
worker_processes 1;
worker_rlimit_nofile 16384;
pid {directory}/nginx.pid;
error_log {directory}/error.log {level};
events {{ worker_connections 8192; }}
mail {{
    server_name mail.example.org;
    # The module wants the address of a login service. Nobody logs in here, so none needs to answer.
    auth_http 127.0.0.1:9/login;
    smtp_auth login;
    ssl_session_cache off;
    ssl_protocols TLSv1.2 TLSv1.3;  # nginx's own default since 1.27.3, but not that of Debian's
{servers}
}}
"""
_SERVER = """\
    server {{
        listen {address}:{port}{ssl};
        protocol smtp;
        starttls {starttls};
        ssl_certificate {chain};
        ssl_certificate_key {chain};
    }}
"""


@dataclass(frozen=True)
class Endpoint:
    """Where to listen, how TLS begins there, and the PEM file with key and chain."""

    port: int
    mode: Mode
    chain: Path
    address: str = "127.0.0.1"


@contextlib.contextmanager
def nginx(directory: Path, endpoints: Sequence[Endpoint], level: str = "error") -> Iterator[None]:
    """Run nginx with these endpoints for the length of the block. Needs no privileges.

    What is at least as bad as `level` stands in `error.log` in the directory.
    """
    binary = program("nginx")
    config = directory / "nginx.conf"
    servers = "".join(_server(each) for each in endpoints)
    load = _load(binary)
    config.write_text(_CONFIG.format(load=load, directory=directory, level=level, servers=servers))
    command: list[str | Path] = [binary, "-p", directory, "-e", directory / "error.log", "-c", config]
    with running(command, log=directory / "output.log") as server:
        server.wait_until_listening(endpoints[-1].port)
        yield


def _server(endpoint: Endpoint) -> str:
    implicit = endpoint.mode is Mode.TLS
    return _SERVER.format(
        address=endpoint.address,
        port=endpoint.port,
        ssl=" ssl" if implicit else "",
        starttls="off" if implicit else "only",
        chain=endpoint.chain,
    )


def _load(binary: Path) -> str:
    """The line that loads the mail module, empty where it is compiled in."""
    about = subprocess.run([binary, "-V"], capture_output=True, text=True, check=True).stderr
    if re.search(r"--with-mail(\s|$)", about):
        return ""
    folder = re.search(r"--modules-path=(\S+)", about)
    module = Path(folder[1] if folder else "modules") / "ngx_mail_module.so"
    if not module.is_file():
        missing("nginx has no mail module (Debian: apt install libnginx-mod-mail)")
    return f"load_module {module};"
