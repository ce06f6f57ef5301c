"""Trust stores in PKCS#12 (RFC 7292), as keytool, OpenSSL and Windows write them.

In: a file and its password. Out: its certificates, except one that belongs to a private key of the file.
They may be encrypted in the current way (PBES2) or the old one (RC2, Triple DES), or not at all. The
library opens a file as a whole or not at all; where one certificate keeps it from that, `bags` takes the
file apart, so that only that one is lost.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12
from cryptography.x509 import InvalidVersion

from exporter.trust.bags import Found, certificates
from exporter.trust.content import require, sequence
from exporter.trust.files import JAVAS_PASSWORD, Entry, StoreError, contents


def entries(file: Path, password: str | None) -> Iterator[Entry]:
    """Yield the certificates of one file, named by alias where they have one.

    Without a password, no password is tried and then the one that is customary with Java.

    Raises:
        StoreError: the file cannot be read, is truncated, or the password is wrong.
    """
    data = contents(file)
    require("pkcs12", file, data)
    span = sequence(data)
    if span and span[1] > len(data):
        raise StoreError(f"{file}: truncated, {len(data)} of {span[1]} bytes are there")
    for number, found in enumerate(_open(file, data, password), 1):
        yield f"certificate {repr(found.alias) if found.alias else number} of {file}", found.der


def _open(file: Path, data: bytes, password: str | None) -> Sequence[Found]:
    tried: Sequence[str | None] = (None, "", JAVAS_PASSWORD) if password is None else (password,)
    refusal: Exception | None = None
    for candidate in tried:
        try:
            return _load(data, candidate)
        except (ValueError, UnsupportedAlgorithm, InvalidVersion) as error:
            with suppress(ValueError):
                return certificates(data, candidate)
            # The library has no type of its own for this; it also means damage that its checksum shows.
            if "password" not in str(error):
                refusal = error
    if refusal is not None:
        raise StoreError(f"{file}: cannot be read: {refusal}") from refusal
    if password is None:
        raise StoreError(f"{file}: needs a password, see password_file (or it is damaged)")
    raise StoreError(f"{file}: wrong password (or it is damaged)")


def _load(data: bytes, password: str | None) -> Sequence[Found]:
    """All certificates that the library finds.

    Raises:
        ValueError, UnsupportedAlgorithm, InvalidVersion: it cannot read one thing in the file.
    """
    with warnings.catch_warnings():
        # BER instead of DER, or bytes behind the end, are none of the administrator's business.
        warnings.filterwarnings("ignore", message=r"PKCS#12 bundle could not be parsed as DER")
        store = load_pkcs12(data, None if password is None else password.encode())
    return [
        Found((one.friendly_name or b"").decode(errors="replace"), one.certificate.public_bytes(Encoding.DER))
        for one in store.additional_certs
    ]
