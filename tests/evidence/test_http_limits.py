"""What a hostile web server can cost: little memory, and no more time than the deadline."""

from __future__ import annotations

import asyncio
import gzip
import socket
import threading
from collections.abc import Sequence

import pytest

from exporter.evidence.failures import FetchFailure, FetchReason
from exporter.evidence.http import HttpClient, _Socket
from tests.evidence.asking import LIMIT, client, get, reason
from tests.evidence.conftest import PUBLIC
from tests.evidence.website import Site, Visit, answer, endless, raw, redirect, silent

MUCH_LESS_THAN_A_GIGABYTE = 64 << 20
"""Bytes; the kernel's buffers take some megabytes, whatever is read."""


ENDLESS = {
    "body-with-length": (b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n", bytes(65536)),
    "body-without-length": (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", bytes(65536)),
    "body-in-chunks": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"10000\r\n" + bytes(65536) + b"\r\n",
    ),
    "status-line": (b"", b"X" * 65536),
    "header-name": (b"HTTP/1.1 200 OK\r\n", b"X" * 65536),
    "header-value": (b"HTTP/1.1 200 OK\r\nX: ", b"X" * 65536),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 10000),
    "redirect-body": (b"HTTP/1.1 302 Found\r\nContent-Length: 1073741824\r\n\r\n", bytes(65536)),
}


@pytest.mark.parametrize(("start", "octets"), ENDLESS.values(), ids=ENDLESS)
async def test_a_gigabyte(site: Site, start: bytes, octets: bytes) -> None:
    """Whatever has no end is not read: the server gets rid of what the kernel buffers, and no more."""
    outcome = await get(site.put("/ca.crt", endless(octets, start)))
    assert reason(outcome) in {FetchReason.TOO_LARGE, FetchReason.PROTOCOL_ERROR}
    assert site.sent < MUCH_LESS_THAN_A_GIGABYTE


async def test_endless_interim_responses(site: Site) -> None:
    """A server that always says it will go on is left at the deadline."""
    page = endless(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)
    assert reason(await get(site.put("/ca.crt", page), timeout=0.3)) is FetchReason.TIMEOUT


def test_small_portions() -> None:
    """A turn of the loop parses a little of what came, however much is there and asked for."""
    ours, theirs = socket.socketpair()
    with theirs, _Socket(fileno=ours.detach()) as metered:
        theirs.sendall(bytes(65536))
        assert len(metered.recv(1 << 18)) == 16384


@pytest.mark.parametrize("encoding", ["gzip", "br", "\x1b[2J"])
async def test_a_bomb(site: Site, encoding: str) -> None:
    """We ask for identity; what comes compressed all the same is not unpacked."""
    bomb = gzip.compress(bytes(16 << 20))
    outcome = await get(site.put("/ca.crt", answer(bomb, f"Content-Encoding: {encoding}")))
    assert reason(outcome) is FetchReason.PROTOCOL_ERROR


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n0\r\n",
    ],
    ids=["nothing", "header", "body", "chunks"],
)
async def test_a_server_that_stops(site: Site, start: bytes) -> None:
    """Wherever a server stops talking, the deadline holds."""
    outcome = await get(site.put("/ca.crt", silent(start)), timeout=0.3)
    assert outcome == FetchFailure(FetchReason.TIMEOUT, "no answer within 0.3 s")


async def test_a_slow_drip(site: Site) -> None:
    """Bytes that keep coming do not move the deadline, which redirects share."""

    async def drip(visit: Visit) -> None:
        await visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
        while True:
            await visit.send(b"0")
            await asyncio.sleep(0.01)

    site.put("/drip", drip)
    outcome = await get(site.put("/ca.crt", redirect("/drip")), timeout=1.0)
    assert reason(outcome) is FetchReason.TIMEOUT
    assert site.asked("/drip") == 1


async def test_a_slow_name_server() -> None:
    """The deadline covers the name server, whose thread is left behind."""
    release = threading.Event()

    def look_up(name: str) -> Sequence[str]:
        release.wait()
        return ()

    async with HttpClient(timeout=0.1, look_up=look_up) as http:
        outcome = await http.get("http://slow.example/", asked_by=PUBLIC, limit=LIMIT)
        release.set()
    assert reason(outcome) is FetchReason.TIMEOUT


async def test_few_connections_to_one_host(site: Site) -> None:
    """However many URLs name a server, it sees few connections at a time."""
    inside, most = 0, 0

    async def page(visit: Visit) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0)
        inside -= 1
        await answer(b"body")(visit)

    urls = [site.put(f"/{number}", page) for number in range(20)]
    async with client("127.0.0.0/8") as http:
        bodies = await asyncio.gather(*(http.get(url, asked_by=PUBLIC, limit=LIMIT) for url in urls))
    assert bodies == [b"body"] * 20
    assert most <= 2


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"220 mail.example.org ESMTP\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n0",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\x1b]0;title\x07",
        b"HTTP/9.9 999 \xff\xfe\r\n\r\n",
        b"\x16\x03\x01\x00\x02\x02\x28",
        bytes(range(256)) * 4,
    ],
    ids=["nothing", "smtp", "cut", "negative", "two-lengths", "bad-chunk", "bad-status", "tls", "noise"],
)
async def test_what_is_not_http(site: Site, octets: bytes) -> None:
    """Whatever a server sends in place of HTTP, the outcome is a failure in plain words."""
    outcome = await get(site.put("/ca.crt", raw(octets)))
    assert reason(outcome) in {
        FetchReason.PROTOCOL_ERROR,
        FetchReason.CONNECTION_FAILED,
        FetchReason.HTTP_STATUS,
    }
