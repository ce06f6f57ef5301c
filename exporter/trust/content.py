"""Tells files of trust stores apart by their first bytes, whatever their names end in.

In: the bytes of a file. Out: the kind of store, or an error that names the kind which the file has instead. keytool
has written PKCS#12 into files called `.jks` since Java 9, so names say little.
"""

from __future__ import annotations

from pathlib import Path

from exporter.trust.files import StoreError

JKS_MAGIC = b"\xfe\xed\xfe\xed"
JCEKS_MAGIC = b"\xce\xce\xce\xce"

_NAMES = {"jks": "JKS or JCEKS", "pkcs12": "PKCS#12", "pem": "PEM"}
_SEQUENCE = 0x30
_LONG = 0x80
_VERSION_3 = b"\x02\x01\x03"  # RFC 7292 section 4: PFX begins with INTEGER 3, a certificate with a SEQUENCE


def kind_of(data: bytes) -> str | None:
    """Return `jks`, `pkcs12` or `pem`, or None for anything else; a DER certificate is `pem`."""
    if data.startswith((JKS_MAGIC, JCEKS_MAGIC)):
        return "jks"
    if span := sequence(data):
        return "pkcs12" if data.startswith(_VERSION_3, span[0]) else "pem"
    return "pem" if b"-----BEGIN " in data else None


def sequence(data: bytes) -> tuple[int, int] | None:
    """Return where the content of a leading DER SEQUENCE begins and should end.

    The end may lie behind the end of the data, which are truncated then. BER's indefinite length, which
    old browsers write, promises no end: there it is the beginning. None: the data begin otherwise.
    """
    if len(data) < 2 or data[0] != _SEQUENCE:
        return None
    if data[1] < _LONG:
        return 2, 2 + data[1]
    begin = 2 + data[1] - _LONG
    return begin, begin + int.from_bytes(data[2:begin], "big")


def require(kind: str, file: Path, data: bytes) -> None:
    """Make sure that a file is of a kind.

    Raises:
        StoreError: it is empty or of another kind.
    """
    if not data:
        raise StoreError(f"{file}: the file is empty")
    found = kind_of(data)
    if found != kind:
        instead = f" but {_NAMES[found]}, which is type {found}" if found else ""
        raise StoreError(f"{file}: not a {_NAMES[kind]} file{instead}")
