"""Bytes of TLS that no library sends: records and handshake messages, written by hand (RFC 5246)."""

from __future__ import annotations

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
