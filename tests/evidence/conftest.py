"""No test here sends a packet beyond loopback, whatever the code under test does."""

from __future__ import annotations

import ipaddress
import socket
from asyncio.selector_events import BaseSelectorEventLoop
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.evidence.website import Site, website

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
PUBLIC = "203.0.113.25"
"""The address of a mail server that anybody may reach."""
PRIVATE = "10.0.0.25"


@pytest.fixture(autouse=True)
def attempts(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The addresses that connections were attempted to; those beyond loopback fail before any packet."""
    seen: list[str] = []
    connect = BaseSelectorEventLoop.sock_connect

    async def guarded(loop: BaseSelectorEventLoop, sock: socket.socket, address: tuple[str, int]) -> None:
        seen.append(address[0])
        if not any(ipaddress.ip_address(address[0]) in network for network in LOOPBACK):
            raise OSError(f"this test would have left the machine: {address}")
        await connect(loop, sock, address)

    def no_look_up(*arguments: object, **_: object) -> None:
        raise AssertionError(f"this test would have asked the system's resolver: {arguments}")

    monkeypatch.setattr(BaseSelectorEventLoop, "sock_connect", guarded)
    monkeypatch.setattr("socket.getaddrinfo", no_look_up)
    yield seen
    assert all(any(ipaddress.ip_address(one) in network for network in LOOPBACK) for one in seen)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """A web server on 127.0.0.1."""
    async with website() as site:
        yield site
