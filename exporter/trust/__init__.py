"""Trust stores: from what an administrator names to a set of anchors, loaded once.

One module for each kind of store yields what may be certificates; here they are read. A store that cannot
be read is an error; one broken certificate inside a store is left out with a warning.

    system   what this machine trusts        machine.py
    mozilla  what Mozilla trusts             mozilla.py
    pem      text files, DER, directories    pem.py
    pkcs12   PKCS#12                         pkcs12.py
    jks      JKS and JCEKS                   jks.py
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

from cryptography import x509
from cryptography.utils import CryptographyDeprecationWarning

from exporter.model import TrustStore
from exporter.trust import machine, pem
from exporter.trust.content import kind_of
from exporter.trust.files import Entry, StoreError, contents, first_line, leave_out, reason

__all__ = ["StoreError", "detect", "load", "system"]

# Java's own store holds a root whose serial number is negative. That is no news for whoever runs a check.
warnings.filterwarnings("ignore", category=CryptographyDeprecationWarning)

_WITH_PASSWORD = ("pkcs12", "jks")


def load(
    label: str, kind: str, paths: tuple[Path, ...] = (), password_file: Path | None = None
) -> TrustStore:
    """Read one trust store.

    Args:
        label: its name in the configuration and in metrics.
        kind: `system`, `mozilla`, `pem`, `pkcs12` or `jks`.
        paths: the files of a `pem`, `pkcs12` or `jks` store, for `pem` also directories.
        password_file: the first line of this file is the password of a `pkcs12` or `jks` store. Without one,
            a `pkcs12` store is opened with no password or with `changeit`. A `jks` store, whose
            certificates are not encrypted, is read in any case, with a warning if `changeit` does not fit.

    Raises:
        StoreError: the kind is unknown, a file cannot be read, the password is wrong, or there is no
            certificate at all.
    """
    try:
        anchors = tuple(dict.fromkeys(_readable(_entries(kind, paths, password_file))))
    except OSError as error:
        raise StoreError(reason(error.filename or kind, error)) from error
    if not anchors:
        raise StoreError(_nothing(kind, paths))
    return TrustStore(label, anchors)


def system_files() -> tuple[Path, ...]:
    """The files and directories that the system's store is read from."""
    return machine.files()


def system() -> TrustStore:
    """The store that OpenSSL on this machine uses, under its usual label."""
    return load("system", "system")


def detect(path: Path) -> str:
    """Return the kind of store that a file is by its content, or `pem` for a directory.

    What looks like nothing in particular is `pem` too, which `load` will find empty.

    Raises:
        StoreError: the file cannot be read.
    """
    if path.is_dir():
        return "pem"
    return kind_of(contents(path)) or "pem"


def _entries(kind: str, paths: tuple[Path, ...], password_file: Path | None) -> Iterable[Entry]:
    """What may be certificates. Modules that only some administrators need are imported only for them."""
    if kind in _WITH_PASSWORD:
        return _protected(kind, paths, first_line(password_file) if password_file else None)
    if password_file:
        raise StoreError(f"a trust store of type {kind} has no password")
    if kind == "system":
        return machine.entries()
    if kind == "pem":
        return pem.entries(paths)
    if kind == "mozilla":
        from exporter.trust import mozilla  # noqa: PLC0415 - certifi takes time that a check has better use for

        return mozilla.entries()
    raise StoreError(f"unknown type of trust store: {kind!r}")


def _protected(kind: str, paths: tuple[Path, ...], password: str | None) -> Iterator[Entry]:
    from exporter.trust import jks, pkcs12  # noqa: PLC0415 - as above

    entries = pkcs12.entries if kind == "pkcs12" else jks.entries
    for path in paths:
        yield from entries(path, password)


def _readable(entries: Iterable[Entry]) -> Iterator[bytes]:
    for name, der in entries:
        try:
            x509.load_der_x509_certificate(der)
        except (ValueError, x509.InvalidVersion) as error:
            leave_out(name, error)
        else:
            yield der


def _nothing(kind: str, paths: tuple[Path, ...]) -> str:
    """Say that a store is empty, and what may be the reason."""
    where = ", ".join(map(str, paths)) or "this system"
    if kind in _WITH_PASSWORD:
        return f"no certificate found in {where} (one that belongs to a private key does not count)"
    others = sorted({detect(path) for path in paths} - {"pem"}) if kind == "pem" else ()
    return "; ".join(
        [f"no certificate found in {where}", *(f"it looks like type {other}" for other in others)]
    )
