"""A scripted peer: a server on loopback that does what a list of steps says, however odd.

    async with Peer(send("220 hello"), expect("EHLO"), send("250 STARTTLS"), reset()) as peer:
        ... connect to 127.0.0.1, peer.port

Every connection runs the whole script. Afterwards the peer closes the connection in an orderly way,
unless the script did so in another. A step that did not get what it expects fails the test when the
peer's block ends; a client that went away early does not, see `Peer.finished`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from exporter.demo.wire import Listener, Wire

if TYPE_CHECKING:
    import ssl

Step = Callable[["Peer", Wire], Awaitable[None]]
FLOOD = 65536
"""Bytes that a flood sends at least before it lets others run."""


class Peer(Listener):
    """Runs the steps on each connection. `lines` are all that `expect` has read."""

    def __init__(self, *steps: Step) -> None:
        super().__init__(self._play)
        self.steps = steps
        self.lines: list[str] = []
        self.finished = asyncio.Event()
        """Set when a connection has run its script to the end."""
        self.failures: list[str] = []

    async def __aexit__(self, *about: object) -> None:
        await super().__aexit__(*about)
        if about[0] is None:
            assert not self.failures, self.failures

    async def _play(self, wire: Wire) -> None:
        try:
            for step in self.steps:
                await step(self, wire)
        except AssertionError as failure:
            self.failures.append(str(failure))
        else:
            self.finished.set()
            await wire.finish()


def _bytes(data: str | bytes) -> bytes:
    return data if isinstance(data, bytes) else f"{data}\r\n".encode()


def send(data: str | bytes) -> Step:
    """Send these bytes as one packet, or this text as one line."""

    async def step(_: Peer, wire: Wire) -> None:
        await wire.send(_bytes(data))

    return step


def drip(data: str | bytes) -> Step:
    """Send each byte in a packet of its own."""

    async def step(_: Peer, wire: Wire) -> None:
        for byte in _bytes(data):
            await wire.send(bytes([byte]))
            await asyncio.sleep(0)

    return step


def tarpit(data: str | bytes, pause: float = 1.0) -> Step:
    """Send this again and again, a byte after every `pause` seconds."""

    async def step(_: Peer, wire: Wire) -> None:
        while True:
            for byte in _bytes(data):
                await wire.send(bytes([byte]))
                await asyncio.sleep(pause)

    return step


def dripping() -> Step:
    """From here on send every byte in a packet of its own, those of the TLS handshake too."""

    async def step(_: Peer, wire: Wire) -> None:
        wire.one_byte_packets = True

    return step


def expect(start: str = "") -> Step:
    """Read a line, which must start with this text in any case."""

    async def step(peer: Peer, wire: Wire) -> None:
        line = (await wire.line()).decode("latin-1")
        peer.lines.append(line)
        assert line.upper().startswith(start.upper()), f"expected {start!r}, the client sent {line!r}"

    return step


def hear() -> Step:
    """Read whatever comes, such as the client's first flight of TLS."""

    async def step(_: Peer, wire: Wire) -> None:
        await wire.receive()

    return step


def tls(context: ssl.SSLContext | Callable[[], ssl.SSLContext]) -> Step:
    """Shake hands as a TLS server; a context may be made when it is needed."""

    async def step(_: Peer, wire: Wire) -> None:
        await wire.start_tls(context() if callable(context) else context)

    return step


def finish() -> Step:
    """Close in an orderly way, under TLS with its close_notify, and await the client's close."""

    async def step(_: Peer, wire: Wire) -> None:
        await wire.finish()

    return step


def close() -> Step:
    """Close at once, under TLS without its close_notify."""

    async def step(_: Peer, wire: Wire) -> None:
        await wire.close()

    return step


def reset() -> Step:
    """Close with a RST."""

    async def step(_: Peer, wire: Wire) -> None:
        wire.reset()

    return step


def silence() -> Step:
    """Say nothing until the client, or the test, ends the connection; what it sends is ignored."""

    async def step(_: Peer, wire: Wire) -> None:
        while True:
            await wire.receive()

    return step


def flood(data: str | bytes) -> Step:
    """Send this again and again, many times at once, until the client ends the connection."""
    once = _bytes(data)
    many = once * (FLOOD // len(once) + 1)

    async def step(_: Peer, wire: Wire) -> None:
        while True:
            await wire.send(many)

    return step
