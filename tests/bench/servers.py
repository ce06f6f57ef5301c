"""The mail servers that are looked at: one nginx with as many certificates as wanted, under any number of addresses.

Each certificate has a port of its own on which nginx listens on all addresses. So every address of 127.0.0.0/8 with
such a port is a target, and many targets need few sockets. It must run in a network of its own, see `apart`.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import json
import resource
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from cryptography.x509 import ReasonFlags

from exporter.demo.authority import Intermediate, Leaf, Root, self_signed
from exporter.demo.publication import revocation_list
from exporter.model import Mode
from tests.servers.nginx import Endpoint, nginx

LISTED = 20_000
"""Certificates on the list of the authority that issued the servers'."""
CERTIFICATES = 200
"""Different ones where there are more targets than that."""
_PORT = 10_000
"""The first one that is used. The kernel takes those of clients from 32,768 on."""
_ROW = 250


class Member(NamedTuple):
    """One server: where it is, and the name in its certificate."""

    address: str
    port: int
    name: str


@dataclass(frozen=True)
class Fleet:
    """Servers that run.

    Attributes:
        count: how many.
        port: of those with the first certificate; the next one follows.
        certificates: how many of them there are.
        root: the file with the root that all of them chain to.
        mode: how TLS begins.
    """

    count: int
    port: int
    certificates: int
    root: str
    mode: Mode = Mode.STARTTLS

    def members(self) -> Iterator[Member]:
        """Each server. No two have the same address."""
        for number in range(self.count):
            which = number % self.certificates
            address = f"127.{10 + number // _ROW**2}.{number // _ROW % _ROW}.{number % _ROW + 1}"
            yield Member(address, self.port + which, f"mail{which}.example.org")

    def of(self, count: int) -> Fleet:
        """The same with another number of addresses."""
        return replace(self, count=count)

    def text(self) -> str:
        """As a word for a command line."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> Fleet:
        """What `text` made."""
        fields = json.loads(text)
        return cls(**{**fields, "mode": Mode(fields["mode"])})


@dataclass(frozen=True)
class Kind:
    """The key of all certificates, as `exporter.demo.authority` names it, and how TLS begins."""

    key: str
    mode: Mode = Mode.STARTTLS

    def __str__(self) -> str:
        return self.key if self.mode is Mode.STARTTLS else f"{self.key}/{self.mode}"


RSA, ECDSA = Kind("rsa-2048"), Kind("ec-p256")
KINDS = {str(each): each for each in (RSA, ECDSA, Kind("rsa-2048", Mode.TLS), Kind("ec-p256", Mode.TLS))}


@contextlib.contextmanager
def fleets(directory: Path, kinds: Sequence[Kind], certificates: int = CERTIFICATES) -> Iterator[list[Fleet]]:
    """Run the servers for the length of the block; gives for each kind those with one address a certificate."""
    allow_open_files()
    with publication(directory) as url:
        for key in {kind.key for kind in kinds}:
            (directory / key).mkdir()
            _write(directory / key, certificates, key, url)
        made = [
            Fleet(
                certificates,
                _PORT + number * certificates,
                certificates,
                str(directory / kind.key / "root.pem"),
                kind.mode,
            )
            for number, kind in enumerate(kinds)
        ]
        endpoints = [
            Endpoint(fleet.port + which, kind.mode, directory / kind.key / f"{which}.pem", "0.0.0.0")
            for kind, fleet in zip(kinds, made, strict=True)
            for which in range(certificates)
        ]
        with nginx(directory, endpoints):
            yield made


@contextlib.contextmanager
def fleet(directory: Path, count: int, kind: Kind) -> Iterator[Fleet]:
    """Run servers of one kind, each with a certificate of its own."""
    with fleets(directory, [kind], count) as (only,):
        yield only


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


def _write(directory: Path, certificates: int, key: str, url: str) -> None:
    """Write root, lists and a chain for each server; the leaves share one key, which saves minutes."""
    url = f"{url}/{directory.name}"
    root = self_signed(Root(f"CN=Bench Root {key}", key=key), datetime.now(UTC))
    sub = root.issue(Intermediate(f"CN=Bench Issuing CA {key}", key=key, crl_urls=(f"{url}/root.crl",)))
    (directory / "root.crl").write_bytes(revocation_list(root))
    (directory / "sub.crl").write_bytes(
        revocation_list(sub, dict.fromkeys(range(1, LISTED + 1), ReasonFlags.superseded))
    )
    shared = sub.issue(Leaf("CN=key", key=key)).key
    (directory / "root.pem").write_text(root.pem, encoding="ascii")
    for number in range(certificates):
        name = f"mail{number}.example.org"
        leaf = sub.issue(Leaf(f"CN={name}", dns=(name,), key=shared, crl_urls=(f"{url}/sub.crl",)))
        text = leaf.key_pem + leaf.chain_pem(sub)
        (directory / f"{number}.pem").write_text(text, encoding="ascii")


def allow_open_files() -> None:
    """Use as many file descriptors as the system grants."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
