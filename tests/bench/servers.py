"""The mail servers that are swept: one nginx with as many loopback addresses and certificates as wanted."""

from __future__ import annotations

import contextlib
import itertools
import resource
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from exporter.demo.authority import Intermediate, Leaf, Root, self_signed
from exporter.model import Mode
from tests.processes import free_ports
from tests.servers.nginx import Endpoint, nginx

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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
    endpoints = [
        Endpoint(servers.port, Mode.STARTTLS, chain, address)
        for (address, _), chain in zip(servers.members(), _chains(directory, servers, key), strict=True)
    ]
    with nginx(directory, endpoints):
        yield servers


def _chains(directory: Path, servers: Fleet, key: str) -> Iterator[Path]:
    """Write the root, then a chain for each server; the leaves share one key, which saves minutes."""
    root = self_signed(Root("CN=Bench Root", key=key), datetime.now(UTC))
    sub = root.issue(Intermediate("CN=Bench Issuing CA", key=key))
    shared = sub.issue(Leaf("CN=key", key=key)).key
    servers.root.write_text(root.pem, encoding="ascii")
    for number, (_, name) in zip(itertools.count(), servers.members(), strict=False):
        leaf = sub.issue(Leaf(f"CN={name}", dns=(name,), key=shared))
        path = directory / f"{number}.pem"
        path.write_text(leaf.key_pem + leaf.chain_pem(sub), encoding="ascii")
        yield path


def allow_open_files() -> None:
    """Use as many file descriptors as the system grants: nginx needs one for each address."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
