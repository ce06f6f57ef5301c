"""Bytes of TLS without a socket: those that no library sends, written by hand (RFC 5246), and a real server's."""

from __future__ import annotations

import contextlib
import ssl

ALERT, HANDSHAKE = 21, 22
TLS_1_2 = b"\x03\x03"
ECDHE_ECDSA = b"\xc0\x2b"
"""TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256."""
HANDSHAKE_FAILURE = b"\x02\x28"
PROTOCOL_VERSION = b"\x02\x46"


def record(kind: int, body: bytes, version: bytes = TLS_1_2) -> bytes:
    """One record, with its length."""
    return bytes([kind]) + version + len(body).to_bytes(2, "big") + body


def records(body: bytes) -> bytes:
    """Handshake messages of any size, in as many records as they need."""
    return b"".join(record(HANDSHAKE, body[at : at + 16384]) for at in range(0, len(body), 16384))


def server_hello(version: bytes = TLS_1_2, cipher: bytes = ECDHE_ECDSA, extensions: bytes = b"") -> bytes:
    """A ServerHello without a session, whose random bytes are zero."""
    body = version + bytes(32) + b"\x00" + cipher + b"\x00" + extensions
    return b"\x02" + len(body).to_bytes(3, "big") + body


def certificates(*chain: bytes) -> bytes:
    """A Certificate message with these, DER or not."""
    listed = b"".join(len(one).to_bytes(3, "big") + one for one in chain)
    body = len(listed).to_bytes(3, "big") + listed
    return b"\x0b" + len(body).to_bytes(3, "big") + body


class MemoryServer:
    """A real TLS server without a socket: give it what the client sent, it returns what it answers."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._session = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.established = False

    def answer(self, data: bytes, plain: bytes = b"") -> bytes:
        """Go on with the handshake; when it is complete, say `plain` inside TLS."""
        self._incoming.write(data)
        with contextlib.suppress(ssl.SSLError):  # it wants more, or is told that the client gives up
            if not self.established:
                self._session.do_handshake()
                self.established = True
                if plain:
                    self._session.write(plain)
            self._session.read()
        return self._outgoing.read()
