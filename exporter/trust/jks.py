"""Java's own trust stores: JKS, and JCEKS as far as it holds certificates and private keys.

In: a file and its password. Out: its trusted certificates. Neither private keys nor their chains are
looked at: Java does not trust the chain of its own key either.

    magic 4, version 4, number of entries 4, entries, SHA-1 20
    entry: tag 4, alias, date 8, then by tag
        1  private key: length 4, key, number of certificates 4, certificates
        2  trusted certificate: one certificate
        3  secret key: a Java object (JCEKS only)
    certificate: type (version 2 only), length 4, DER

Numbers are big-endian; alias and type are texts with their length in 2 bytes. The SHA-1 is over the
password, a constant, and all that comes before. It protects against accidents only, since most stores have
the same password; certificates are not encrypted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from exporter.trust.content import JCEKS_MAGIC, require
from exporter.trust.files import JAVAS_PASSWORD, Entry, StoreError, contents, leave_out, log

_PRIVATE_KEY, _TRUSTED_CERTIFICATE, _SECRET_KEY = 1, 2, 3
_X509 = ("X.509", "X509")


@dataclass(frozen=True)
class Trusted:
    """An entry with a trusted certificate; `type` is `X.509` in all that Java writes."""

    alias: str
    type: str
    der: bytes


@dataclass(frozen=True)
class Keystore:
    """What a file says, unchecked: `body` is what its `digest` is over."""

    trusted: Sequence[Trusted]
    body: bytes
    digest: bytes

    def fits(self, password: str) -> bool:
        """Whether the file is intact and this is its password."""
        # Java's characters are those of UTF-16; a password with half a pair of surrogates is not UTF-8 text.
        secret = password.encode("utf-16-be", "surrogatepass")
        return hashlib.sha1(secret + b"Mighty Aphrodite" + self.body).digest() == self.digest  # noqa: S324 - the format's


def entries(file: Path, password: str | None) -> Iterator[Entry]:
    """Yield the trusted certificates of one file, named by alias.

    Without a password, the one that is customary with Java is tried. If it does not fit, the certificates are
    used without the check, and a warning says so.

    Raises:
        StoreError: the file cannot be read, is damaged or truncated, or the password is wrong.
    """
    data = contents(file)
    require("jks", file, data)
    try:
        store = parse(data)
    except StoreError as error:
        raise StoreError(f"{file}: {error}") from error
    _check(file, store, password)
    for trusted in store.trusted:
        name = f"certificate {trusted.alias!r} of {file}"
        if trusted.type in _X509:
            yield name, trusted.der
        else:
            leave_out(name, f"its type is {trusted.type!r}")


def _check(file: Path, store: Keystore, password: str | None) -> None:
    if store.fits(JAVAS_PASSWORD if password is None else password):
        return
    if password is not None:
        raise StoreError(f"{file}: wrong password (or it is damaged)")
    log.warning(
        "%s is used without checking that it is intact: that needs its password (password_file)", file
    )


def parse(data: bytes) -> Keystore:
    """Read the bytes of a store.

    Raises:
        StoreError: they are not such a store, or end too early; without the file's name.
    """
    cursor = _Cursor(data)
    jceks = cursor.take(4) == JCEKS_MAGIC
    version = cursor.number(4)
    if version not in (1, 2):
        raise StoreError(f"version {version} of the format is unknown")
    trusted: list[Trusted] = []
    for _ in range(cursor.number(4)):  # as many as it claims, but each takes bytes that must be there
        trusted += _entry(cursor, version, jceks=jceks)
    body = data[: cursor.position]
    return Keystore(trusted, body, digest=cursor.take(20))


def _entry(cursor: _Cursor, version: int, *, jceks: bool) -> Iterator[Trusted]:
    tag = cursor.number(4)
    alias = cursor.text()
    cursor.take(8)
    if tag == _TRUSTED_CERTIFICATE:
        yield Trusted(alias, *_certificate(cursor, version))
    elif tag == _PRIVATE_KEY:
        cursor.take(cursor.number(4))
        for _ in range(cursor.number(4)):
            _certificate(cursor, version)
    elif tag == _SECRET_KEY and jceks:
        raise StoreError(
            f"entry {alias!r} is a secret key, whose end only Java can find; put the certificates into a store"
            " that holds no secret keys"
        )
    else:
        raise StoreError(f"entry {alias!r} is of the unknown type {tag}; the file is damaged")


def _certificate(cursor: _Cursor, version: int) -> tuple[str, bytes]:
    type_ = cursor.text() if version == 2 else _X509[0]
    return type_, cursor.take(cursor.number(4))


@dataclass
class _Cursor:
    """Takes bytes off the front and never more than there are, whatever a length claims."""

    data: bytes
    position: int = 0

    def take(self, length: int) -> bytes:
        end = self.position + length
        if end > len(self.data):
            raise StoreError(
                f"truncated: ends after {len(self.data)} bytes, within what should reach to {end}"
            )
        part = self.data[self.position : end]
        self.position = end
        return part

    def number(self, width: int) -> int:
        return int.from_bytes(self.take(width), "big")

    def text(self) -> str:
        # Java's variant of UTF-8 differs from the real one in NUL and rare characters; names are only shown.
        return self.take(self.number(2)).decode(errors="replace")
