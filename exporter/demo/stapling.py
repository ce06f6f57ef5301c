"""TLS contexts of servers that staple an OCSP response, which `ssl` cannot: a pyOpenSSL connection in its shape.

In: a chain and the bytes to staple, sensible or not. Out: what `Wire.start_tls` takes for a context.
"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, TypeVar

from OpenSSL import SSL

from exporter.demo.wire import CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.demo.authority import Issued

T = TypeVar("T")


def stapling_context(leaf: Issued, *chain: Issued, staple: bytes) -> StaplingContext:
    """Return a context that sends the leaf, the chain and the staple; with an empty one it staples nothing."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_cipher_list(b"DEFAULT:@SECLEVEL=0")  # a bad certificate must be loaded to be shown
    context.use_privatekey(leaf.key)
    context.use_certificate(leaf.certificate)
    for issued in chain:
        context.add_extra_chain_cert(issued.certificate)
    context.set_ocsp_server_callback(lambda _connection, _data: staple)
    return StaplingContext(context)


class StaplingContext:
    """As much of an `ssl.SSLContext` as a `Wire` needs."""

    def __init__(self, context: SSL.Context) -> None:
        self._context = context

    def wrap_bio(
        self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, server_side: bool = True
    ) -> StaplingSession:
        """A session of a server between two buffers."""
        assert server_side
        return StaplingSession(SSL.Connection(self._context, None), incoming, outgoing)


class StaplingSession:
    """As much of an `ssl.SSLObject` as a `Wire` needs; it raises what that raises."""

    def __init__(self, connection: SSL.Connection, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO) -> None:
        connection.set_accept_state()
        self._connection = connection
        self._incoming = incoming
        self._outgoing = outgoing

    def do_handshake(self) -> None:
        """Go on with the handshake."""
        self._carry(lambda connection: connection.do_handshake())

    def read(self, length: int, /) -> bytes:
        """Decrypt what has arrived."""
        return self._carry(lambda connection: connection.recv(length))

    def write(self, data: bytes, /) -> int:
        """Encrypt; returns how much of it."""
        return self._carry(lambda connection: connection.send(data))

    def unwrap(self) -> None:
        """Send close_notify."""
        self._carry(lambda connection: connection.shutdown())

    def _carry(self, step: Callable[[SSL.Connection], T]) -> T:
        """Take a step with what has arrived, and put out what it wants to send whatever became of it."""
        if arrived := self._incoming.read():
            self._connection.bio_write(arrived)
        try:
            return step(self._connection)
        except SSL.WantReadError as error:
            if self._incoming.eof:
                raise ssl.SSLEOFError from error
            raise ssl.SSLWantReadError from error
        except SSL.ZeroReturnError as error:
            raise ssl.SSLZeroReturnError from error
        except SSL.Error as error:
            raise ssl.SSLError(str(error)) from error
        finally:
            self._put_out()

    def _put_out(self) -> None:
        try:
            while True:
                self._outgoing.write(self._connection.bio_read(CHUNK))
        except SSL.WantReadError:
            return
