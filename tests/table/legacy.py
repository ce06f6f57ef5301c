"""Signatures that `cryptography` no longer puts into certificates: SHA-1 and MD5, with RSA."""

from __future__ import annotations

import dataclasses

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from exporter.demo.authority import Issued

# sha256WithRSAEncryption and its forerunners (RFC 8017 appendix C), DER; all of one length.
_PKCS1 = bytes.fromhex("06092a864886f70d0101")
_SHA256 = _PKCS1 + b"\x0b"
_FORERUNNERS: dict[str, tuple[bytes, hashes.HashAlgorithm]] = {
    "sha1": (_PKCS1 + b"\x05", hashes.SHA1()),
    "md5": (_PKCS1 + b"\x04", hashes.MD5()),
}


def signed_with(digest: str, issued: Issued, issuer: Issued) -> Issued:
    """The same certificate, signed again by the same RSA issuer with another hash: `sha1` or `md5`."""
    assert isinstance(issuer.key, rsa.RSAPrivateKey)
    number, algorithm = _FORERUNNERS[digest]
    assert issued.der.count(_SHA256) == 2, "once in what is signed, once beside the signature"
    unsigned = issued.der.replace(_SHA256, number)
    content = x509.load_der_x509_certificate(unsigned).tbs_certificate_bytes
    signature = issuer.key.sign(content, padding.PKCS1v15(), algorithm)
    signed = unsigned[: -len(signature)] + signature
    return dataclasses.replace(issued, certificate=x509.load_der_x509_certificate(signed))
