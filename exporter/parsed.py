"""Certificates as OpenSSL has just read them, so that what the handshake has read is not read again to be verified.

In: what a handshake presented. Out: the same for whoever asks within a moment; from its bytes for everybody else. It is a
cache and nothing more: a certificate means the same whether it was found here or not.
"""

from __future__ import annotations

from OpenSSL import crypto

RECENT = 256
"""Certificates that are kept: those of the handshakes that ended since the loop last judged any."""

_recent: dict[bytes, tuple[bytes, crypto.X509]] = {}


def present(certificate: crypto.X509) -> bytes:
    """Keep one for a moment; returns its DER encoding, in the same object for the same certificate if it can be had."""
    der = crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)
    if (known := _recent.get(der)) is not None:
        return known[0]
    if len(_recent) >= RECENT:
        del _recent[next(iter(_recent))]
    _recent[der] = der, certificate
    return der


def read(der: bytes) -> crypto.X509:
    """The certificate with this encoding.

    Raises:
        OpenSSL.crypto.Error: it is none.
    """
    if (known := _recent.get(der)) is not None:
        return known[1]
    return crypto.load_certificate(crypto.FILETYPE_ASN1, der)
