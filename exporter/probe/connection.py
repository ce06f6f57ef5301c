"""One TCP connection on an event loop: the few system calls that a probe makes, and nothing between it and them.

asyncio's own transports do the same and more; for a probe that sends five small messages their pausing, buffering and
waking of tasks is a tenth of what it costs. What stays is the contract: a listener hears `connection_made` once, then
`data_received` for whatever arrives, and `connection_lost` at last, unless it closed the connection itself.

`readiness` watches the socket.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from typing import Protocol

from exporter.probe.readiness import READ, WRITE, watch

MOST = 65536
"""Bytes that are taken at a time."""
_ACKNOWLEDGE = getattr(socket, "TCP_QUICKACK", None)
_UNDER_WAY = {0, errno.EINPROGRESS, errno.EINTR}


class Listener(Protocol):
    """Who is told what happens to a connection."""

    def connection_made(self) -> None:
        """It is established."""

    def data_received(self, data: bytes) -> None:
        """Something arrived."""

    def connection_lost(self, why: OSError | None) -> None:
        """It could not be established, it broke, or (without a reason) the other side closed it. Nothing follows."""


class Connection:
    """A connection that begins to be made as soon as there is an object.

    Args:
        loop: where it is watched.
        listener: hears of it, from the next turn of the loop on.
        address: the IPv4 or IPv6 address of the other side, with its zone if it has one (RFC 4007 section 11).
        port: its TCP port.

    Raises:
        OSError: it cannot even begin.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, listener: Listener, address: str, port: int) -> None:
        self._loop = loop
        self._watch = watch(loop)
        self._listener = listener
        self._unsent = b""
        self._answered = False
        self.closed = False
        family, place = _place(address, port)
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._number = self._socket.fileno()
        try:
            self._socket.setblocking(False)
            if (code := self._socket.connect_ex(place)) not in _UNDER_WAY:
                raise _error(code)
            self._watch.begin(self._number, WRITE, self._established)
        except BaseException:
            self._socket.close()
            raise

    def own_address(self) -> str:
        """The address of this side."""
        return str(self._socket.getsockname()[0])

    def write(self, data: bytes) -> None:
        """Send at once what the system takes, and the rest as soon as it takes more."""
        if self.closed or not data:
            return
        self._answered = True
        if not self._unsent:
            data = data[self._send(data) :]
            if not data:
                return
            self._watch.change(self._number, READ | WRITE, self._writable)
        self._unsent += data

    def close(self) -> None:
        """Let go of it; what has not been sent by now never is, and nobody is told."""
        if self.closed:
            return
        self.closed = True
        self._watch.end(self._number)
        self._socket.close()

    def _established(self) -> None:
        """The system has an answer to the attempt to connect."""
        if code := self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._lose(_error(code))
            return
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._watch.change(self._number, READ, self._readable)
        self._listener.connection_made()

    def _readable(self) -> None:
        try:
            data = self._socket.recv(MOST)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lose(error)
            return
        if not data:
            self._lose(None)
            return
        self._answered = False
        self._listener.data_received(data)
        if not self._answered:
            self._acknowledge()

    def _acknowledge(self) -> None:
        """Say at once that something arrived, where no answer says so.

        A server that sends in two pieces, such as session tickets and then its 221, may wait with the second one until
        the first is acknowledged (RFC 896), and the system would put that off for 40 ms in the hope of an answer
        (RFC 1122 section 4.2.3.2).
        """
        if _ACKNOWLEDGE is not None and not self.closed:
            self._socket.setsockopt(socket.IPPROTO_TCP, _ACKNOWLEDGE, 1)

    def _writable(self) -> None:
        """There may be something to read, too."""
        self._unsent = self._unsent[self._send(self._unsent) :]
        if not self._unsent and not self.closed:
            self._watch.change(self._number, READ, self._readable)
        if not self.closed:
            self._readable()

    def _send(self, data: bytes) -> int:
        """How much of it needs no further attempt."""
        try:
            return self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as error:
            self._loop.call_soon(self._break, error)
            return len(data)

    def _break(self, why: OSError) -> None:
        """Nothing can be sent any more, but what arrived before that, an alert perhaps, is still heard."""
        while not self.closed:
            try:
                data = self._socket.recv(MOST)
            except OSError:
                data = b""
            if data:
                self._listener.data_received(data)
            else:
                self._lose(why)

    def _lose(self, why: OSError | None) -> None:
        if not self.closed:
            self.close()
            self._listener.connection_lost(why)


def _place(address: str, port: int) -> tuple[socket.AddressFamily, tuple[str | int, ...]]:
    """What the system wants to know of the other side; the zone of an IPv6 address is a number there."""
    if ":" not in address:
        return socket.AF_INET, (address, port)
    bare, _, zone = address.partition("%")
    if not zone:
        return socket.AF_INET6, (bare, port)
    return socket.AF_INET6, (bare, port, 0, int(zone) if zone.isdecimal() else socket.if_nametoindex(zone))


def _error(code: int) -> OSError:
    """The exception that Python has for it."""
    return OSError(code, os.strerror(code))
