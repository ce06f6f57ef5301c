"""Did this key sign that certificate? Also for algorithms that nobody should use any more.

`Certificate.verify_directly_issued_by` refuses SHA-1 and MD5; but whether an old certificate is
self-signed, or which intermediate issued it, is a question of its own beside whether that is wise.
"""

from __future__ import annotations

from cryptography import x509
from cryptography.exceptions import InternalError, InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa


def signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool | None:
    """Whether the issuer's name and key are those that the certificate was signed with.

    Returns:
        None when the names fit but the signature cannot be checked, for want of its algorithm.
    """
    if certificate.issuer != issuer.subject:
        return False
    try:
        _verify(certificate, issuer)
    except InvalidSignature:
        return False
    except (UnsupportedAlgorithm, InternalError, ValueError, TypeError):
        return None
    return True


def _verify(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    key, signature = issuer.public_key(), certificate.signature
    signed, digest = certificate.tbs_certificate_bytes, certificate.signature_hash_algorithm
    match key:
        case rsa.RSAPublicKey() if digest is not None:
            scheme = certificate.signature_algorithm_parameters
            if not isinstance(scheme, padding.PKCS1v15 | padding.PSS):
                raise UnsupportedAlgorithm("an RSA signature of another scheme")
            key.verify(signature, signed, scheme, digest)
        case ec.EllipticCurvePublicKey() if digest is not None:
            key.verify(signature, signed, ec.ECDSA(digest))
        case dsa.DSAPublicKey() if digest is not None:
            key.verify(signature, signed, digest)
        case ed25519.Ed25519PublicKey() | ed448.Ed448PublicKey():
            key.verify(signature, signed)
        case _:
            raise UnsupportedAlgorithm("key and signature do not fit")
