"""Trust stores in PKCS#12 (RFC 7292), as keytool, OpenSSL and Windows write them.

In: a file and its password. Out: the certificates that belong to no private key of the file. A store may
be encrypted in the current way (PBES2) or the old one (RC2, Triple DES), or not at all.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12KeyAndCertificates, load_pkcs12

from exporter.trust.content import require, sequence
from exporter.trust.files import Entry, StoreError, contents

_GUESSES = (None, b"changeit")
"""Tried when there is no password file: none, then the one that Java's documentation made customary."""


def entries(file: Path, password: str | None) -> Iterator[Entry]:
    """Yield the certificates of one file, named by alias where they have one.

    Raises:
        StoreError: the file cannot be read or opened, or is truncated.
    """
    data = contents(file)
    require("pkcs12", file, data)
    span = sequence(data)
    if span and span[1] > len(data):
        raise StoreError(f"{file}: truncated, {len(data)} of {span[1]} bytes are there")
    store = _open(file, data, _GUESSES if password is None else (password.encode(),))
    for number, found in enumerate(_without_key(store), 1):
        alias = found.friendly_name
        name = repr(alias.decode(errors="replace")) if alias else str(number)
        yield f"certificate {name} of {file}", found.certificate.public_bytes(Encoding.DER)
