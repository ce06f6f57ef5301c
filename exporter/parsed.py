"""Certificates as OpenSSL has just read them, so that what the handshake has read is not read again to be verified.

In: what a handshake presented, or bytes. Out: the same for whoever asks within a moment. It is a cache and nothing more: a
certificate means the same whether it was found here or not.
"""

from __future__ import annotations

from OpenSSL import crypto

RECENT = 256
"""Certificates that are kept: those that were presented or verified last."""
LONGEST = 16_384
"""Bytes of one that is kept. Real ones have a tenth of that; nobody should fill the memory with others."""

_recent: dict[bytes, tuple[bytes, crypto.X509]] = {}


def present(certificate: crypto.X509) -> bytes:
    """Keep one for a moment; returns its DER encoding, in the same object for the same certificate if it can be had."""
    der = crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)
    known = _recent.get(der)
    return known[0] if known else _keep(der, certificate)


def read(der: bytes) -> crypto.X509:
    """The certificate with this encoding.

    Raises:
        OpenSSL.crypto.Error: it is none.
    """
    if (known := _recent.get(der)) is not None:
        return known[1]
    certificate = crypto.load_certificate(crypto.FILETYPE_ASN1, der)
    _keep(der, certificate)
    return certificate


def _keep(der: bytes, certificate: crypto.X509) -> bytes:
    if len(der) <= LONGEST:
        if len(_recent) >= RECENT:
            del _recent[next(iter(_recent))]
        _recent[der] = der, certificate
    return der
