"""DER to `CertificateFacts`: the one place where certificates are parsed.

A broken extension must not hide the rest of a certificate, so each is read for itself and counts as
absent when it cannot be read. Results are kept by the certificate's bytes, since the same
certificates are seen again and again.
"""

from __future__ import annotations

import functools
import hashlib
import warnings
from collections.abc import Callable, Iterable

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, SignatureAlgorithmOID

from exporter.judge import naming
from exporter.judge.extensions import UNREADABLE, Extensions
from exporter.judge.signatures import signed_by
from exporter.model import CertificateFacts

# That a server's certificate is old-fashioned (a serial number of 0, a long name) is for its judge to tell, not
# for a warning on the terminal of whoever looks at it.
warnings.filterwarnings("ignore", category=CryptographyDeprecationWarning)
warnings.filterwarnings("ignore", "Attribute's length must be|Country names should be", UserWarning)

MAX_CACHED = 16384
"""Bytes; a larger certificate is parsed anew each time, so that hostile ones do not fill the memory."""

# OpenSSL accepts the two "server gated crypto" usages for servers beside serverAuth, but not anyExtendedKeyUsage.
_SERVER_USAGES = {
    ExtendedKeyUsageOID.SERVER_AUTH,
    x509.ObjectIdentifier("1.3.6.1.4.1.311.10.3.3"),
    x509.ObjectIdentifier("2.16.840.1.113730.4.1"),
}
_SIGNATURES = {
    value: name.replace("_WITH_", "-").replace("RSASSA_PSS", "RSA-PSS").replace("_", "-")
    for name, value in vars(SignatureAlgorithmOID).items()
    if isinstance(value, x509.ObjectIdentifier)
}


class UnreadableCertificateError(ValueError):
    """The bytes are not a certificate that can be parsed."""


def read_certificate(der: bytes) -> CertificateFacts:
    """Everything that is judged of one certificate (RFC 5280 section 4.1).

    Raises:
        UnreadableCertificateError: the bytes are not a certificate.
    """
    return _read(der) if len(der) > MAX_CACHED else _read_cached(der)


def _read(der: bytes) -> CertificateFacts:
    try:
        return _facts(x509.load_der_x509_certificate(der), der)
    except (*UNREADABLE, x509.InvalidVersion) as error:
        raise UnreadableCertificateError(str(error)) from error


_read_cached = functools.lru_cache(maxsize=8192)(_read)


def _facts(certificate: x509.Certificate, der: bytes) -> CertificateFacts:
    key, key_bits = _describe_key(certificate)
    extensions = Extensions(certificate)
    is_ca = _is_ca(extensions)
    access = _access_urls(extensions)
    names = naming.read(certificate)
    return CertificateFacts(
        der=der,
        subject=names.subject,
        issuer=names.issuer,
        common_name=names.common_name,
        serial=_whole_bytes(certificate.serial_number),
        sha1=hashlib.sha1(der, usedforsecurity=False).hexdigest().upper(),
        sha256=hashlib.sha256(der).hexdigest().upper(),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        key=key,
        key_bits=key_bits,
        signature=_describe_signature(certificate),
        sans=_sans(extensions),
        self_issued=names.self_issued,
        self_signed=names.self_issued and _is_self_signed(certificate),
        is_ca=is_ca,
        usage_allows_server=_usage_allows_server(extensions, is_ca=is_ca),
        aia_issuers=access(AuthorityInformationAccessOID.CA_ISSUERS),
        ocsp_urls=access(AuthorityInformationAccessOID.OCSP),
        crl_urls=_crl_urls(extensions),
        must_staple=_must_staple(extensions),
    )


def _whole_bytes(number: int) -> str:
    """Hexadecimal as OpenSSL prints serial numbers."""
    digits = f"{abs(number):X}"
    return ("-" if number < 0 else "") + digits.zfill(len(digits) + len(digits) % 2)


def _describe_key(certificate: x509.Certificate) -> tuple[str, int | None]:
    """The public key as people name it, and its size in bits."""
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return "unknown", None
    match key:
        case rsa.RSAPublicKey():
            return f"RSA {key.key_size}", key.key_size
        case ec.EllipticCurvePublicKey():
            return f"EC {key.curve.name}", key.key_size
        case dsa.DSAPublicKey():
            return f"DSA {key.key_size}", key.key_size
        case ed25519.Ed25519PublicKey():
            return "Ed25519", 256
        case ed448.Ed448PublicKey():
            return "Ed448", 456
        case _:
            return type(key).__name__.removesuffix("PublicKey"), None


def _describe_signature(certificate: x509.Certificate) -> str:
    """Algorithm and hash; with RSA-PSS the hash is a parameter (RFC 4055 section 3.1)."""
    number = certificate.signature_algorithm_oid
    name = _SIGNATURES.get(number, number.dotted_string)
    if number != SignatureAlgorithmOID.RSASSA_PSS:
        return name
    digest = certificate.signature_hash_algorithm
    return f"{name}-{digest.name.upper()}" if digest else name


def _is_self_signed(certificate: x509.Certificate) -> bool:
    """Whether its own key signed it; where the signature cannot be checked, whether its names say so."""
    return signed_by(certificate, certificate) is not False


def _is_ca(extensions: Extensions) -> bool:
    """RFC 5280 section 4.2.1.9."""
    constraints = extensions.get(x509.BasicConstraints)
    return constraints is not None and constraints.ca


def _must_staple(extensions: Extensions) -> bool:
    """RFC 7633 section 4.2.2."""
    features = extensions.get(x509.TLSFeature)
    return features is not None and x509.TLSFeatureType.status_request in features


def _usage_allows_server(extensions: Extensions, *, is_ca: bool) -> bool:
    """As OpenSSL's purpose `sslserver` sees it (RFC 5280 sections 4.2.1.3 and 4.2.1.12).

    An absent extension allows everything. An authority's key usage is OpenSSL's own business when it
    builds the path, so here only its extended key usage counts.
    """
    extended = extensions.get(x509.ExtendedKeyUsage)
    if extended is not None and not _SERVER_USAGES & set(extended):
        return False
    usage = extensions.get(x509.KeyUsage)
    if is_ca or usage is None:
        return True
    return usage.digital_signature or usage.key_encipherment or usage.key_agreement


def _access_urls(extensions: Extensions) -> Callable[[x509.ObjectIdentifier], tuple[str, ...]]:
    """Authority Information Access (RFC 5280 section 4.2.2.1), by access method."""
    access = extensions.get(x509.AuthorityInformationAccess) or ()

    def by_method(method: x509.ObjectIdentifier) -> tuple[str, ...]:
        return _urls(entry.access_location for entry in access if entry.access_method == method)

    return by_method


def _crl_urls(extensions: Extensions) -> tuple[str, ...]:
    """CRL distribution points (RFC 5280 section 4.2.1.13)."""
    points = extensions.get(x509.CRLDistributionPoints) or ()
    return _urls(name for point in points for name in point.full_name or ())


def _urls(names: Iterable[x509.GeneralName]) -> tuple[str, ...]:
    return tuple(name.value for name in names if isinstance(name, x509.UniformResourceIdentifier))


def _sans(extensions: Extensions) -> tuple[str, ...]:
    """Subject alternative names (RFC 5280 section 4.2.1.6) with the prefixes that OpenSSL prints."""
    names = extensions.get(x509.SubjectAlternativeName) or ()
    return tuple(_general_name(name) for name in names)


def _general_name(name: x509.GeneralName) -> str:
    match name:
        case x509.DNSName():
            return f"DNS:{name.value}"
        case x509.IPAddress():
            return f"IP:{name.value}"
        case x509.RFC822Name():
            return f"email:{name.value}"
        case x509.UniformResourceIdentifier():
            return f"URI:{name.value}"
        case x509.DirectoryName():
            return f"DirName:{name.value.rfc4514_string()}"
        case x509.OtherName():
            return f"othername:{name.type_id.dotted_string}"
        case _:
            return type(name).__name__
