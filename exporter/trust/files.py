"""What every kind of trust store shares: its error, reading a file, the password and the warning.

In: paths that an administrator names. Out: bytes, text or a `StoreError`. It knows no format.
"""

from __future__ import annotations

import logging
from pathlib import Path

log = logging.getLogger(__package__)

LIMIT = 64 * 1024 * 1024
"""Bytes; the bundle of a Linux distribution has about 200 KiB."""

JAVAS_PASSWORD = "changeit"  # noqa: S105 - public
"""The password that Java's own trust store has, and by custom most others."""

Entry = tuple[str, bytes]
"""What may be a certificate: how to name it in a warning, and the DER."""


class StoreError(Exception):
    """A trust store cannot be used; the message names the file and the reason."""


def contents(file: Path) -> bytes:
    """Read a whole file.

    Raises:
        StoreError: it cannot be read, or has more than `LIMIT` bytes.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(LIMIT + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise StoreError(reason(file, error)) from error
    if len(data) > LIMIT:
        raise StoreError(f"{file}: larger than {LIMIT // 1024**2} MiB")
    return data


def first_line(file: Path) -> str:
    """Read the password that a file holds: its first line without the line's end, else exactly as written.

    Raises:
        StoreError: the file cannot be read or is not UTF-8.
    """
    try:
        line = contents(file).partition(b"\n")[0].removesuffix(b"\r")
        return line.decode("utf-8-sig")  # editors on Windows begin a file with a byte order mark
    except StoreError as error:
        raise StoreError(f"password file {error}") from error
    except UnicodeDecodeError as error:
        raise StoreError(f"password file {file}: not UTF-8 text") from error


def reason(file: Path | str, error: OSError | ValueError) -> str:
    """Say what the operating system has against a file."""
    return f"{file}: {getattr(error, 'strerror', None) or error}"


def leave_out(name: str, why: object) -> None:
    """Warn that one certificate of a store is not used."""
    log.warning("%s is left out: %s", name, why)
