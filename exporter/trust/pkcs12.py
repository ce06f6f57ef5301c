"""Trust stores in PKCS#12 (RFC 7292), as keytool, OpenSSL and Windows write them.

In: a file and its password. Out: its certificates, except one that belongs to a private key of the file.
They may be encrypted in the current way (PBES2) or the old one (RC2, Triple DES), or not at all. The
library opens a file as a whole, so that one certificate it cannot read costs the store.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs12 import PKCS12KeyAndCertificates, load_pkcs12
from cryptography.x509 import InvalidVersion

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
    store = _open(file, data, password)
    for number, found in enumerate(store.additional_certs, 1):
        alias = found.friendly_name
        name = repr(alias.decode(errors="replace")) if alias else str(number)
        yield f"certificate {name} of {file}", found.certificate.public_bytes(Encoding.DER)


def _open(file: Path, data: bytes, password: str | None) -> PKCS12KeyAndCertificates:
    tried: Sequence[str | None] = (None, JAVAS_PASSWORD) if password is None else (password,)
    for candidate in tried:
        try:
            return _load(data, candidate)
        except (ValueError, UnsupportedAlgorithm, InvalidVersion) as error:
            # The library has no type of its own for this; it also means damage that its checksum shows.
            if "password" not in str(error):
                raise StoreError(f"{file}: cannot be read: {error}") from error
    if password is None:
        raise StoreError(f"{file}: needs a password, see password_file (or it is damaged)")
    raise StoreError(f"{file}: wrong password (or it is damaged)")


def _load(data: bytes, password: str | None) -> PKCS12KeyAndCertificates:
    with warnings.catch_warnings():
        # BER instead of DER, or bytes behind the end, are none of the administrator's business.
        warnings.filterwarnings("ignore", message=r"PKCS#12 bundle could not be parsed as DER")
        return load_pkcs12(data, None if password is None else password.encode())
