"""Certificates from text files, single DER files and directories of both.

In: a path. Out: what its blocks hold, decoded but not yet read as certificates.
"""

from __future__ import annotations

import binascii
import re
import stat
from base64 import b64decode
from collections.abc import Iterable, Iterator
from pathlib import Path

from exporter.trust.files import Entry, contents, leave_out, log, reason

_BLOCK = re.compile(
    rb"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----"
    # Anything up to the next end: ten times as fast as to look for it at each place. (Possessive quantifiers
    # would be faster still, but CPython before 3.11.4 gets them wrong.)
    rb"([^-]*(?:-(?!----END)[^-]*)*)"
    rb"-----END (?:X509 |TRUSTED )?CERTIFICATE-----"
)


def entries(paths: Iterable[Path]) -> Iterator[Entry]:
    """Yield what the files hold, and the files of those that are directories.

    Raises:
        StoreError: a file that was named cannot be read.
        OSError: a directory cannot be listed.
    """
    for path in paths:
        for file in _files(path):
            yield from _certificates(file, contents(file))


def _files(path: Path) -> Iterator[Path]:
    """A file, or the files of a directory, each once however many `c_rehash` links lead to it."""
    if not path.is_dir():
        yield path
        return
    seen: set[tuple[int, int]] = set()
    for entry in sorted(path.iterdir()):
        try:
            status = entry.stat()
        except OSError as error:  # a link that leads nowhere or in a circle
            log.warning("%s is left out", reason(entry, error))
            continue
        if stat.S_ISREG(status.st_mode) and (status.st_dev, status.st_ino) not in seen:
            seen.add((status.st_dev, status.st_ino))
            yield entry


def _certificates(file: Path, data: bytes) -> Iterator[Entry]:
    """The blocks of a PEM file; without any, a file that begins like DER as one certificate."""
    blocks = _BLOCK.findall(data)
    if not blocks and data[:1] == b"\x30":
        yield f"certificate 1 of {file}", data
    for number, block in enumerate(blocks, 1):
        name = f"certificate {number} of {file}"
        try:
            yield name, b64decode(block)
        except binascii.Error as error:
            leave_out(name, error)
