"""The connection of a probe over real sockets: what its listener hears, in the order in which it happened."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from exporter.probe.connection import Connection

PATIENCE = 10.0
MUCH = b"0123456789abcdef" * 2**19
"""More than two sockets hold between them."""


class Ear:
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.received = b""
        self.made, self.some, self.lost = asyncio.Event(), asyncio.Event(), asyncio.Event()

    def connection_made(self) -> None:
        """Keep it."""
        self.heard.append("made")
        self.made.set()

    def data_received(self, data: bytes) -> None:
        """Keep it."""
        self.received += data
        self.some.set()

    def connection_lost(self, why: OSError | None) -> None:
        """Keep it."""
        self.heard.append("lost" if why is None else type(why).__name__)
        self.lost.set()


def listener(address: str) -> socket.socket:
    """A socket that nobody accepts from yet."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return socket.create_server((address, 0), family=family)
    except OSError as error:
        pytest.skip(f"cannot listen on {address} here: {error}")


@pytest.fixture(params=["127.0.0.1", "::1"])
def listening(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    """One of either family."""
    with closing(listener(request.param)) as server:
        yield server


async def connected(server: socket.socket, ear: Ear) -> tuple[Connection, socket.socket]:
    """Both ends."""
    address, port = server.getsockname()[:2]
    connection = Connection(asyncio.get_running_loop(), ear, address, port)
    await asyncio.wait_for(ear.made.wait(), PATIENCE)
    peer, _ = server.accept()
    peer.settimeout(PATIENCE)
    return connection, peer


async def test_both_directions(listening: socket.socket) -> None:
    """What is written arrives, what arrives is heard, and so is the end."""
    ear = Ear()
    connection, peer = await connected(listening, ear)
    with peer:
        connection.write(b"EHLO\r\n")
        assert peer.recv(100) == b"EHLO\r\n"
        assert connection.own_address() == peer.getpeername()[0]
        peer.sendall(b"250 mx\r\n")
    await asyncio.wait_for(ear.lost.wait(), PATIENCE)
    assert (ear.heard, ear.received, connection.closed) == (["made", "lost"], b"250 mx\r\n", True)


@pytest.mark.skipif(not hasattr(socket, "TCP_QUICKACK"), reason="this system has no way to ask for it")
async def test_what_is_not_answered_is_acknowledged(listening: socket.socket) -> None:
    """The system does not put off the acknowledgement in the hope of an answer."""
    ear = Ear()
    connection, peer = await connected(listening, ear)
    with peer:
        connection.write(b"QUIT\r\n")
        connection._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        peer.sendall(b"22")
        await asyncio.wait_for(ear.some.wait(), PATIENCE)
        assert connection._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK)
    connection.close()


async def test_more_than_the_system_takes(listening: socket.socket) -> None:
    """The rest is sent as soon as there is room, in order, with what is written meanwhile behind it."""
    ear = Ear()
    connection, peer = await connected(listening, ear)
    with peer:
        connection.write(MUCH)
        connection.write(b"the end")
        arrived = await asyncio.to_thread(lambda: _everything(peer, len(MUCH) + 7))
        assert arrived == MUCH + b"the end"
        connection.write(b"more")
        assert peer.recv(100) == b"more"
    connection.close()
    connection.close()
    await asyncio.sleep(0.05)
    assert ear.heard == ["made"], "who closes it is not told that it is closed"


def _everything(peer: socket.socket, length: int) -> bytes:
    arrived = bytearray()
    while len(arrived) < length:
        arrived += peer.recv(1 << 20)
    return bytes(arrived)


async def test_closed_with_something_unsent(listening: socket.socket) -> None:
    """Nothing holds up whoever closes, and nothing is written afterwards."""
    ear = Ear()
    connection, peer = await connected(listening, ear)
    with peer:
        connection.write(MUCH)
        connection.close()
        connection.write(b"more")
        arrived = await asyncio.to_thread(lambda: b"".join(iter(lambda: peer.recv(1 << 20), b"")))
    assert MUCH.startswith(arrived)
    assert len(arrived) < len(MUCH)


async def test_a_reset_is_told_after_what_came_before_it(listening: socket.socket) -> None:
    """A server that answers and then resets was heard."""
    ear = Ear()
    connection, peer = await connected(listening, ear)
    peer.sendall(b"554 go away\r\n")
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
    connection.write(b"EHLO\r\n")
    connection.write(b"NOOP\r\n")
    await asyncio.wait_for(ear.lost.wait(), PATIENCE)
    assert ear.received == b"554 go away\r\n"
    assert ear.heard[0] == "made"
    assert ear.heard[1:] in (["ConnectionResetError"], ["BrokenPipeError"])


async def test_refused(free_port: Callable[[], int]) -> None:
    """Nobody listens there."""
    ear = Ear()
    Connection(asyncio.get_running_loop(), ear, "127.0.0.1", free_port())
    await asyncio.wait_for(ear.lost.wait(), PATIENCE)
    assert ear.heard == ["ConnectionRefusedError"]


async def test_given_up_before_it_is_made() -> None:
    """Closing it is enough; nothing is heard of it."""
    ear = Ear()
    with closing(listener("127.0.0.1")) as server:
        connection = Connection(asyncio.get_running_loop(), ear, "127.0.0.1", server.getsockname()[1])
        connection.close()
        await asyncio.sleep(0.05)
    assert ear.heard == []


async def test_what_cannot_even_begin() -> None:
    """The system's own words."""
    loop, ear = asyncio.get_running_loop(), Ear()
    with pytest.raises(OSError, match=r"no interface with this name|No such device"):
        Connection(loop, ear, "fe80::1%nothing", 25)
    with pytest.raises(OSError, match="Invalid argument"):
        Connection(loop, ear, "fe80::1", 25)


async def test_zones() -> None:
    """An address may name its zone by name or by number."""
    with closing(listener("::1")) as server:
        for zone in ("lo", str(socket.if_nametoindex("lo"))):
            ear = Ear()
            port = server.getsockname()[1]
            connection = Connection(asyncio.get_running_loop(), ear, f"::1%{zone}", port)
            await asyncio.wait_for(ear.made.wait(), PATIENCE)
            connection.close()
