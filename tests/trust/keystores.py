"""Writes JKS and JCEKS by hand, right or wrong, so that their reader is tested without Java."""

from __future__ import annotations

import hashlib
import struct

JKS = b"\xfe\xed\xfe\xed"
JCEKS = b"\xce\xce\xce\xce"


def keystore(*entries: bytes, password: str = "changeit", magic: bytes = JKS, version: int = 2) -> bytes:
    """Return a store of these entries with its digest."""
    body = magic + struct.pack(">II", version, len(entries)) + b"".join(entries)
    return body + hashlib.sha1(password.encode("utf-16-be") + b"Mighty Aphrodite" + body).digest()


def trusted(alias: str, der: bytes, kind: str = "X.509", version: int = 2) -> bytes:
    """Return an entry with a trusted certificate."""
    return _entry(2, alias) + _certificate(der, kind, version)


def private_key(alias: str, *chain: bytes, key: bytes = b"encrypted") -> bytes:
    """Return an entry with a private key and its certificates."""
    certificates = b"".join(_certificate(der, "X.509", 2) for der in chain)
    return _entry(1, alias) + _sized(">I", key) + struct.pack(">I", len(chain)) + certificates


def secret_key(alias: str) -> bytes:
    """Return an entry that only JCEKS may have, with the beginning of a Java object."""
    return _entry(3, alias) + b"\xac\xed\x00\x05sr"


def _entry(tag: int, alias: str) -> bytes:
    return struct.pack(">I", tag) + _sized(">H", alias.encode()) + struct.pack(">Q", 1_795_392_000_000)


def _certificate(der: bytes, kind: str, version: int) -> bytes:
    return (_sized(">H", kind.encode()) if version == 2 else b"") + _sized(">I", der)


def _sized(width: str, data: bytes) -> bytes:
    return struct.pack(width, len(data)) + data
