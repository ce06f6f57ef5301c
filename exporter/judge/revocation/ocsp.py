"""OCSP (RFC 6960): the request for one certificate, and what an answer says of it.

An answer counts when the issuer signed it, or a responder that the issuer itself certified for this purpose
(section 4.2.2.2), and when it is about this very certificate of this very issuer.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from exporter.der import CONTEXT_0, parse
from exporter.judge.extensions import UNREADABLE
from exporter.judge.revocation.readings import Said, invalid, unsupported, what_came
from exporter.judge.signatures import Signed, signed_by
from exporter.model import Reading, RevocationQuestion, RevocationStatus, Statement

_STATUSES = {
    ocsp.OCSPCertStatus.GOOD: RevocationStatus.GOOD,
    ocsp.OCSPCertStatus.REVOKED: RevocationStatus.REVOKED,
    ocsp.OCSPCertStatus.UNKNOWN: RevocationStatus.UNKNOWN,
}
_REFUSALS = {
    ocsp.OCSPResponseStatus.MALFORMED_REQUEST: "malformedRequest",
    ocsp.OCSPResponseStatus.INTERNAL_ERROR: "internalError",
    ocsp.OCSPResponseStatus.TRY_LATER: "tryLater",
    ocsp.OCSPResponseStatus.SIG_REQUIRED: "sigRequired",
    ocsp.OCSPResponseStatus.UNAUTHORIZED: "unauthorized",
}


def ocsp_request(question: RevocationQuestion) -> bytes:
    """The request as DER: SHA-1 in its CertID, as all responders know it, and no nonce (RFC 5019).

    Raises:
        ValueError: the issuer's name or key has no form that a request can tell.
    """
    certificate, issuer = _load(question.certificate.der), _load(question.issuer.der)
    try:
        builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, hashes.SHA1())  # noqa: S303 - as above
        return builder.build().public_bytes(Encoding.DER)
    except (TypeError, UnsupportedAlgorithm) as error:
        raise ValueError(str(error)) from error


def read_ocsp(der: bytes, question: RevocationQuestion) -> Reading:
    """What an answer says of the certificate in question, whatever the time.

    Args:
        der: the OCSP response as it came, or a staple.
        question: the certificate and its issuer.
    """
    try:
        response = ocsp.load_der_ocsp_response(der)
        refusal = _REFUSALS.get(response.response_status)
        if refusal:
            return Said(_unknown(f"the responder answered {refusal}"))
        return _read(response, der, question)
    except UnsupportedAlgorithm as error:
        return unsupported(f"an OCSP response that cannot be read: {error}")
    except (*UNREADABLE, x509.InvalidVersion) as error:
        return invalid(f"{what_came(der, 'an OCSP response')} ({error})")


def _read(response: ocsp.OCSPResponse, der: bytes, question: RevocationQuestion) -> Said:
    issuer = _load(question.issuer.der)
    single = _newest(one for one in response.responses if _is_about(one, question, issuer))
    if single is None:
        return invalid("the OCSP response is about another certificate")
    signed = Signed.parse(_basic(der))
    signer = _signer(response, issuer, single.this_update_utc)
    if isinstance(signer, str):
        return invalid(signer)
    fits = signed.fits(signer.public_key())
    if fits is None:
        return unsupported("the signature of the OCSP response is of a kind that cannot be checked")
    if not fits:
        return invalid("the signature of the OCSP response does not hold")
    return Said(_statement(single))


def _statement(single: ocsp.OCSPSingleResponse) -> Statement:
    status = _STATUSES[single.certificate_status]
    reason = single.revocation_reason
    return Statement(
        status=status,
        detail="the responder does not know the certificate" if status is RevocationStatus.UNKNOWN else "",
        this_update=single.this_update_utc,
        next_update=single.next_update_utc,
        revoked_at=single.revocation_time_utc,
        reason=reason.value if reason else None,
    )


def _unknown(detail: str) -> Statement:
    return Statement(status=RevocationStatus.UNKNOWN, detail=detail)


# --- the certificate ------------------------------------------------------------------------------


def _is_about(
    single: ocsp.OCSPSingleResponse, question: RevocationQuestion, issuer: x509.Certificate
) -> bool:
    """RFC 6960 section 4.1.1: serial number, and digests of the issuer's name and key."""
    if single.serial_number != int(question.certificate.serial, 16):
        return False
    try:
        algorithm = single.hash_algorithm
    except UnsupportedAlgorithm:
        return False
    name = _digest(issuer.subject.public_bytes(), algorithm)
    return single.issuer_name_hash == name and single.issuer_key_hash == _digest(_key_bits(issuer), algorithm)


def _newest(singles: Iterable[ocsp.OCSPSingleResponse]) -> ocsp.OCSPSingleResponse | None:
    return max(singles, key=lambda single: single.this_update_utc, default=None)


def _digest(data: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(data)
    return digest.finalize()


def _key_bits(certificate: x509.Certificate) -> bytes:
    """The content of the BIT STRING subjectPublicKey, without its count of unused bits."""
    info = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return bytes(parse(info).children(2)[1].value[1:])


# --- the responder --------------------------------------------------------------------------------


def _signer(
    response: ocsp.OCSPResponse, issuer: x509.Certificate, moment: datetime
) -> x509.Certificate | str:
    """The certificate whose key must have signed the answer, or why nobody had the right to."""
    if _is_responder(response, issuer):
        return issuer
    delegates = [one for one in response.certificates if _is_responder(response, one)]
    if not delegates:
        return "the OCSP response is by another responder, whose certificate is not enclosed"
    return next((one for one in delegates if not _fault(one, issuer, moment)), None) or str(
        _fault(delegates[0], issuer, moment)
    )


def _is_responder(response: ocsp.OCSPResponse, certificate: x509.Certificate) -> bool:
    """RFC 6960 section 4.2.1: a responder is named by its subject, or by the SHA-1 of its key."""
    if response.responder_name is not None:
        return response.responder_name == certificate.subject
    return response.responder_key_hash == _digest(_key_bits(certificate), hashes.SHA1())  # noqa: S303 - as the standard says


def _fault(delegate: x509.Certificate, issuer: x509.Certificate, moment: datetime) -> str | None:
    """Why the issuer did not authorise this responder at that moment (RFC 6960 section 4.2.2.2)."""
    if signed_by(delegate, issuer) is not True:
        return "the OCSP response is by a responder that the issuer did not certify"
    try:
        usage = delegate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        allowed = ExtendedKeyUsageOID.OCSP_SIGNING in usage
    except (x509.ExtensionNotFound, *UNREADABLE):
        allowed = False
    if not allowed:
        return "the OCSP response is by a certificate that was not issued for OCSP signing"
    if not delegate.not_valid_before_utc <= moment <= delegate.not_valid_after_utc:
        return "the responder's certificate was not valid when it answered"
    return None


def _basic(der: bytes) -> memoryview:
    """The BasicOCSPResponse within an OCSPResponse (RFC 6960 section 4.2.1)."""
    for field in parse(der).children(2):
        if field.tag == CONTEXT_0:
            return field.children(1)[0].children(2)[1].value
    raise ValueError("an answer without a body")


@functools.lru_cache(maxsize=256)
def _load(der: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(der)
