"""The mail servers that are swept: one nginx with as many loopback addresses and certificates as wanted."""

from __future__ import annotations

import contextlib
import functools
import http.server
import itertools
import resource
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography.x509 import ReasonFlags

from exporter.demo.authority import Intermediate, Leaf, Root, self_signed
from exporter.demo.publication import revocation_list
from exporter.model import Mode
from tests.processes import free_ports
from tests.servers.nginx import Endpoint, nginx

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


LISTED = 20_000
"""Certificates on the list of the authority that issued the servers'."""


@dataclass(frozen=True)
class Fleet:
    """Servers that run: how many, their common port, and the file with the root that they chain to."""

    count: int
    port: int
    root: Path

    def members(self) -> Iterator[tuple[str, str]]:
        """Address and name of each server. All addresses are in 127.0.0.0/8."""
        for number in range(self.count):
            yield f"127.10.{number // 250}.{number % 250 + 1}", f"mail{number}.example.org"


@contextlib.contextmanager
def fleet(directory: Path, count: int, key: str) -> Iterator[Fleet]:
    """Run the servers for the length of the block.

    Args:
        directory: an empty one.
        count: of servers, each with a leaf of its own below a common intermediate.
        key: kind of all keys, as `exporter.demo.authority` names them.
    """
    allow_open_files()
    servers = Fleet(count, free_ports(1)[0], directory / "root.pem")
    with publication(directory) as url:
        chains = _chains(directory, servers, key, url)
        endpoints = [
            Endpoint(servers.port, Mode.STARTTLS, chain, address)
            for (address, _), chain in zip(servers.members(), chains, strict=True)
        ]
        with nginx(directory, endpoints):
            yield servers


@contextlib.contextmanager
def publication(directory: Path) -> Iterator[str]:
    """A web server on loopback for the lists; gives the URL of the directory."""
    handler = functools.partial(_Silent, directory=str(directory))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


class _Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name for it
        """Say nothing."""


def _chains(directory: Path, servers: Fleet, key: str, url: str) -> Iterator[Path]:
    """Write the root and the lists, then a chain for each server; the leaves share one key, which saves minutes."""
    root = self_signed(Root("CN=Bench Root", key=key), datetime.now(UTC))
    sub = root.issue(Intermediate("CN=Bench Issuing CA", key=key, crl_urls=(f"{url}/root.crl",)))
    (directory / "root.crl").write_bytes(revocation_list(root))
    (directory / "sub.crl").write_bytes(
        revocation_list(sub, dict.fromkeys(range(1, LISTED + 1), ReasonFlags.superseded))
    )
    shared = sub.issue(Leaf("CN=key", key=key)).key
    servers.root.write_text(root.pem, encoding="ascii")
    for number, (_, name) in zip(itertools.count(), servers.members(), strict=False):
        leaf = sub.issue(Leaf(f"CN={name}", dns=(name,), key=shared, crl_urls=(f"{url}/sub.crl",)))
        path = directory / f"{number}.pem"
        path.write_text(leaf.key_pem + leaf.chain_pem(sub), encoding="ascii")
        yield path


def allow_open_files() -> None:
    """Use as many file descriptors as the system grants: nginx needs one for each address."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
