"""Did this key sign that? Certificates, OCSP answers and lists are all `SEQUENCE { signed, algorithm, signature }`.

The library's own checks refuse SHA-1; but whether an old certificate is self-signed, which intermediate issued
it, and what an old authority says, are questions of their own beside whether that is wise. And they re-encode
what was signed and hash it with the interpreter held, tens of milliseconds for a long list. So the signed part
is taken from the message as it came, and hashed apart from the verification, which holds nobody up.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ObjectIdentifier
from cryptography.x509.oid import SignatureAlgorithmOID as Oid

from exporter.der import CONTEXT_0, SEQUENCE, Element, parse
from exporter.judge.naming import names

_HASHES: dict[str, hashes.HashAlgorithm] = {
    "1.3.14.3.2.26": hashes.SHA1(),  # noqa: S303 - old authorities still sign so, and it is their word
    "2.16.840.1.101.3.4.2.4": hashes.SHA224(),
    "2.16.840.1.101.3.4.2.1": hashes.SHA256(),
    "2.16.840.1.101.3.4.2.2": hashes.SHA384(),
    "2.16.840.1.101.3.4.2.3": hashes.SHA512(),
}
"""The hashes that RSASSA-PSS names in its parameters."""
_NAMES: dict[ObjectIdentifier, str] = {
    oid: name for name, oid in vars(Oid).items() if "_WITH_SHA" in name or name == "RSASSA_PSS"
}
"""The algorithms that can be checked, as the library names them: `RSA_WITH_SHA256`. MD5 is not among them."""
_EDWARDS = {Oid.ED25519: ed25519.Ed25519PublicKey, Oid.ED448: ed448.Ed448PublicKey}


def signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool | None:
    """Whether the issuer's name and key are those that the certificate was signed with.

    Returns:
        None when the names fit but the signature cannot be checked, for want of its algorithm.
    """
    if not names(certificate, issuer):
        return False
    try:
        key = issuer.public_key()
    except (UnsupportedAlgorithm, ValueError):
        return None
    return Signed.parse(certificate.public_bytes(Encoding.DER)).fits(key)


class Signed(NamedTuple):
    """A message in its three parts."""

    content: memoryview
    algorithm: Element
    signature: bytes

    @classmethod
    def parse(cls, data: bytes | memoryview) -> Signed:
        """Take a message apart.

        Raises:
            ValueError: it has no such parts.
        """
        content, algorithm, signature = _exactly(parse(data).children(3), 3)
        return cls(content.encoded, algorithm, bytes(signature.value[1:]))

    def fits(self, key: CertificatePublicKeyTypes) -> bool | None:
        """Whether this key signed it; None when that cannot be checked, for want of the algorithm."""
        try:
            self._verify(key)
        except InvalidSignature:
            return False
        except (UnsupportedAlgorithm, InternalError, ValueError, TypeError):
            return None
        return True

    def _verify(self, key: CertificatePublicKeyTypes) -> None:
        number, *parameters = self.algorithm.children(2)
        oid = _oid(number)
        if oid in _EDWARDS and isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
            if not isinstance(key, _EDWARDS[oid]):
                raise InvalidSignature
            key.verify(self.signature, bytes(self.content))
            return
        digest = _pss_hash(parameters) if oid == Oid.RSASSA_PSS else _hash(oid)
        if digest is None:
            raise UnsupportedAlgorithm(f"a signature by {oid.dotted_string}")
        hashed = hashlib.new(digest.name, self.content, usedforsecurity=False).digest()
        match key, _family(oid):
            case rsa.RSAPublicKey(), "RSA":
                key.verify(self.signature, hashed, padding.PKCS1v15(), utils.Prehashed(digest))
            case rsa.RSAPublicKey(), "RSASSA_PSS":
                scheme = padding.PSS(padding.MGF1(digest), padding.PSS.AUTO)
                key.verify(self.signature, hashed, scheme, utils.Prehashed(digest))
            case ec.EllipticCurvePublicKey(), "ECDSA":
                key.verify(self.signature, hashed, ec.ECDSA(utils.Prehashed(digest)))
            case dsa.DSAPublicKey(), "DSA":
                key.verify(self.signature, hashed, utils.Prehashed(digest))
            case _:
                raise InvalidSignature


def _family(oid: ObjectIdentifier) -> str:
    """`RSA`, `RSASSA_PSS`, `ECDSA` or `DSA`."""
    return _NAMES[oid].partition("_WITH_")[0]


def _hash(oid: ObjectIdentifier) -> hashes.HashAlgorithm | None:
    """The hash in the name of an algorithm."""
    name = _NAMES.get(oid, "").partition("_WITH_")[2]
    return getattr(hashes, name)() if name else None


def _pss_hash(parameters: Sequence[Element]) -> hashes.HashAlgorithm | None:
    """RFC 4055 section 3.1: the first parameter, SHA-1 where it is left out. MGF1 uses the same one."""
    fields = parameters[0].children(4) if parameters and parameters[0].tag == SEQUENCE else ()
    for field in fields:
        if field.tag == CONTEXT_0:
            return _HASHES.get(_oid(field.children(1)[0].children(1)[0]).dotted_string)
    return hashes.SHA1()  # noqa: S303 - what the standard says


def _oid(element: Element) -> ObjectIdentifier:
    """X.690 section 8.19."""
    numbers: list[int] = []
    number = 0
    for octet in element.value:
        number = number << 7 | octet & 0x7F
        if not octet & 0x80:
            numbers.append(number)
            number = 0
    if element.tag != 0x06 or not numbers:
        raise ValueError("not an object identifier")
    first = min(numbers[0] // 40, 2)
    return ObjectIdentifier(".".join(map(str, (first, numbers[0] - 40 * first, *numbers[1:]))))


def _exactly(found: Sequence[Element], number: int) -> Sequence[Element]:
    if len(found) != number:
        raise ValueError(f"{len(found)} elements instead of {number}")
    return found
