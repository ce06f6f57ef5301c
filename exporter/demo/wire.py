"""The server's end of connections: lines and bytes, first in plaintext and then over TLS.

In: accepted connections. Out: what the client says, and a way to answer. TLS runs on memory buffers, so
that this module decides which bytes reach it: plaintext that came before TLS never does, and is never
taken for something said under its protection (RFC 3207 section 6). It speaks no SMTP.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

CHUNK = 65536
LINGER = 0.5
"""Seconds that a closing connection waits for its client to close too."""

T = TypeVar("T")


class ClosedError(ConnectionError):
    """The client closed the connection."""


class LineTooLongError(ValueError):
    """The client sent more than the limit without ending the line."""


class TlsSession(Protocol):
    """What is used here of an `ssl.SSLObject`; it raises what that raises."""

    def do_handshake(self) -> None:
        """Go on with the handshake."""

    def read(self, length: int, /) -> bytes:
        """Decrypt what has arrived."""

    def write(self, data: bytes, /) -> int:
        """Encrypt."""

    def unwrap(self) -> object:
        """Say goodbye."""


class TlsContext(Protocol):
    """What is used here of an `ssl.SSLContext`."""

    def wrap_bio(
        self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, server_side: bool = False
    ) -> TlsSession:
        """A session between two buffers."""


class Wire:
    """One accepted connection. With `one_byte_packets`, every byte leaves in a packet of its own."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.one_byte_packets = False
        self.tls: TlsSession | None = None
        self._reader = reader
        self._writer = writer
        self._pending = bytearray()
        self._from_client = ssl.MemoryBIO()
        self._to_client = ssl.MemoryBIO()

    @property
    def peer(self) -> str:
        """The client's IP address, empty when it was gone before it could be asked for."""
        name = self._writer.get_extra_info("peername")
        return str(name[0]) if name else ""

    async def receive(self) -> bytes:
        """Return what comes next, at least one byte; raise `ClosedError` when nothing more will."""
        data = await self._receive()
        if not data:
            raise ClosedError
        return data

    async def line(self, limit: int = 4096) -> bytes:
        """Return the next line without its end, CRLF or LF.

        Raises:
            LineTooLongError: the line has more than `limit` bytes.
            ClosedError: the client closed before the end of the line.
        """
        while (end := self._pending.find(b"\n")) < 0 and len(self._pending) <= limit:
            self._pending += await self.receive()
        if not 0 <= end <= limit:
            raise LineTooLongError
        line = bytes(self._pending[:end])
        del self._pending[: end + 1]
        return line.removesuffix(b"\r")

    async def send(self, data: bytes) -> None:
        """Send all of it, under TLS once that has begun."""
        if (tls := self.tls) is None:
            await self._send(data)
        elif data:
            await self._drive(lambda: tls.write(data))

    async def start_tls(self, context: TlsContext, announcement: bytes = b"") -> None:
        """Forget plaintext that has arrived, send the announcement in plaintext and shake hands.

        Without an announcement, what has not been read yet is taken for the client's handshake.

        Raises:
            ssl.SSLError: the handshake failed.
        """
        self._pending.clear()
        if announcement:
            await self._forget_plaintext()
            await self._send(announcement)
        tls = context.wrap_bio(self._from_client, self._to_client, server_side=True)
        await self._drive(tls.do_handshake)
        self.tls = tls

    async def finish(self) -> None:
        """Close so that what was sent arrives: say goodbye, then wait a little for the client's."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER):
                await self._say_goodbye()
                while await self._reader.read(CHUNK):
                    pass

    def reset(self) -> None:
        """Close with a RST instead of a FIN."""
        sock = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def close(self) -> None:
        """Close at once, and return when it is closed."""
        self._writer.transport.abort()
        # Shielded: on Python 3.11 one waiter that is cancelled cancels what all others wait for.
        await asyncio.shield(self._closed())

    async def _closed(self) -> None:
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _say_goodbye(self) -> None:
        if (tls := self.tls) is not None:
            with contextlib.suppress(ssl.SSLError):  # the client has not answered it yet, or came first
                tls.unwrap()
            await self._flush()
        self._writer.write_eof()

    async def _forget_plaintext(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0):
                while await self._reader.read(CHUNK):
                    pass

    async def _receive(self) -> bytes:
        if (tls := self.tls) is None:
            return await self._reader.read(CHUNK)
        try:
            return await self._drive(lambda: tls.read(CHUNK))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    async def _drive(self, step: Callable[[], T]) -> T:
        """Repeat a step of the TLS engine, carrying bytes both ways, until it is done."""
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._fill()
            except ssl.SSLError:
                await self._flush()  # the alert
                raise
            else:
                await self._flush()
                return result

    async def _fill(self) -> None:
        data = await self._reader.read(CHUNK)
        if data:
            self._from_client.write(data)
        else:
            self._from_client.write_eof()

    async def _flush(self) -> None:
        await self._send(self._to_client.read())

    async def _send(self, data: bytes) -> None:
        if not self.one_byte_packets:
            self._writer.write(data)
            await self._writer.drain()
            return
        for byte in data:
            self._writer.write(bytes([byte]))
            await self._writer.drain()
            await asyncio.sleep(0)


class Listener:
    """Runs `serve` on every connection to an IP address, whatever its clients do.

    It can be started again after it was stopped, and then has the same port.
    """

    def __init__(
        self, serve: Callable[[Wire], Awaitable[None]], host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.host = host
        self.port = port
        self._serve = serve
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], Wire] = {}

    async def start(self) -> None:
        """Listen; afterwards `port` is the one in use. Raises OSError when it is taken."""
        self._server = await asyncio.start_server(self._accept, self.host, self.port, backlog=512)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and cut every connection."""
        server, self._server = self._server, None
        if server is None:
            return
        for _ in range(3):  # asyncio leaks a connection that it has accepted but not set up when it closes
            await asyncio.sleep(0)
        server.close()
        for task in self._connections:
            task.cancel()
        for task, wire in tuple(self._connections.items()):
            await asyncio.wait([task])
            await wire.close()  # a task that is cancelled before it began closes nothing
        await server.wait_closed()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._server is None:  # it was on its way in when the server stopped
            writer.transport.abort()
            return
        wire = Wire(reader, writer)
        task = asyncio.create_task(self._connection(wire))
        self._connections[task] = wire
        task.add_done_callback(self._connections.pop)

    async def _connection(self, wire: Wire) -> None:
        try:
            await self._serve(wire)
        except OSError:
            pass  # the client went away, was silent for too long, or failed at TLS
        finally:
            await wire.close()
