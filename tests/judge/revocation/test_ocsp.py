"""OCSP: what an answer says, and every reason not to believe it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from exporter.demo.authority import CLIENT_AUTH, DAY, Leaf, Root, self_signed
from exporter.judge.revocation import judge_revocation
from exporter.judge.revocation.ocsp import ocsp_request, read_ocsp
from exporter.model import RevocationMethod, RevocationStatus, Statement
from tests.judge.revocation.material import HOUR, NOW, OCSP_SIGNING, Pki, pki, response

S = RevocationStatus
GOOD, REVOKED, UNKNOWN = ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.REVOKED, ocsp.OCSPCertStatus.UNKNOWN


def said(of: Pki, der: bytes) -> Statement:
    """What a response says of the leaf."""
    return read_ocsp(der, of.question).about(of.question.certificate)


@pytest.mark.parametrize("key", ["ec-p256", "ec-p384", "rsa-2048", "ed25519"])
@pytest.mark.parametrize(("status", "expected"), [(GOOD, S.GOOD), (REVOKED, S.REVOKED), (UNKNOWN, S.UNKNOWN)])
def test_answers_of_the_authority(key: str, status: ocsp.OCSPCertStatus, expected: S) -> None:
    """The three answers, with each kind of signature; a revocation has its moment and its reason."""
    mine = pki(key)
    found = said(mine, response(mine, status))
    assert (found.status, found.this_update, found.next_update) == (expected, NOW - HOUR, NOW + HOUR)
    revoked = (NOW - DAY, "keyCompromise") if status is REVOKED else (None, None)
    assert (found.revoked_at, found.reason) == revoked


@pytest.mark.parametrize("algorithm", [hashes.SHA1(), hashes.SHA256(), hashes.SHA384(), hashes.SHA512()])
def test_digests_of_the_certificate(algorithm: hashes.HashAlgorithm) -> None:
    """The CertID may be made with any of the usual hashes."""
    mine = pki()
    assert said(mine, response(mine, algorithm=algorithm)).status is S.GOOD


def test_delegated_responder() -> None:
    """A responder that the authority certified for OCSP signing counts as the authority."""
    mine = pki()
    assert said(mine, response(mine, REVOKED, by=mine.delegate(OCSP_SIGNING))).status is S.REVOKED


@pytest.mark.parametrize(
    ("make", "words"),
    [
        pytest.param(lambda p: p.delegate(CLIENT_AUTH), "not issued for OCSP signing", id="other purpose"),
        pytest.param(lambda p: p.delegate(), "not issued for OCSP signing", id="no purpose"),
        pytest.param(lambda p: p.delegate(OCSP_SIGNING, by=p.root), "did not certify", id="by the root"),
        pytest.param(lambda p: p.delegate(OCSP_SIGNING, ends=-2 * HOUR), "was not valid", id="expired"),
        pytest.param(lambda _: self_signed(Root("CN=Evil"), NOW), "did not certify", id="self-signed"),
    ],
)
def test_responders_without_the_right(make: object, words: str) -> None:
    """An answer by anybody else is no answer."""
    assert callable(make)
    mine = pki()
    found = said(mine, response(mine, by=make(mine)))
    assert (found.status, words in found.detail) == (S.INVALID, True), found.detail


def test_another_responder_that_is_not_enclosed() -> None:
    """Without its certificate nobody can tell who answered."""
    mine, other = pki(), pki()
    found = said(mine, response(other, about=mine.leaf, issuer=mine.sub))
    assert (found.status, "not enclosed" in found.detail) == (S.INVALID, True)


def test_another_certificate() -> None:
    """An answer about another certificate of the same authority says nothing."""
    mine = pki()
    other = mine.sub.issue(Leaf("CN=other"))
    assert said(mine, response(mine, about=other)).detail == "the OCSP response is about another certificate"


def test_another_issuer() -> None:
    """The same serial number of another authority is another certificate."""
    mine, other = pki(), pki()
    assert said(mine, response(mine, issuer=other.sub)).status is S.INVALID


def test_changed_in_transit() -> None:
    """One bit of the signed part that is changed makes the signature not hold."""
    mine = pki()
    der = bytearray(response(mine, REVOKED))
    at = der.index(b"\x0a\x01\x01", 10)  # the reason, keyCompromise
    der[at + 2] = 4
    found = said(mine, bytes(der))
    assert (found.status, found.detail) == (S.INVALID, "the signature of the OCSP response does not hold")


def test_signed_by_pss() -> None:
    """RSASSA-PSS, whose parameters stand in the message alone."""
    mine = pki("rsa-2048")
    key = mine.sub.key
    assert isinstance(key, rsa.RSAPrivateKey)
    plain = response(mine)
    # The library signs OCSP responses by PKCS#1 v1.5 alone, so the last two fields are made by hand.
    signed = ocsp.load_der_ocsp_response(plain).tbs_response_bytes
    scheme = padding.PSS(padding.MGF1(hashes.SHA384()), 48)
    assert (
        said(mine, enveloped(signed, PSS_SHA384, key.sign(signed, scheme, hashes.SHA384()))).status is S.GOOD
    )
    forged = key.sign(signed + b"x", scheme, hashes.SHA384())
    assert said(mine, enveloped(signed, PSS_SHA384, forged)).status is S.INVALID


def tlv(tag: int, content: bytes) -> bytes:
    """One element of DER."""
    size = len(content)
    octets = b"" if size < 128 else size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets) if octets else size]) + octets + content


SHA384 = tlv(0x30, bytes.fromhex("0609608648016503040202") + b"\x05\x00")
MGF1 = tlv(0x30, bytes.fromhex("06092a864886f70d010108") + SHA384)
PSS_SHA384 = tlv(
    0x30,
    bytes.fromhex("06092a864886f70d01010a")
    + tlv(0x30, tlv(0xA0, SHA384) + tlv(0xA1, MGF1) + tlv(0xA2, b"\x02\x01\x30")),
)


def enveloped(signed: bytes, algorithm: bytes, signature: bytes) -> bytes:
    """A successful OCSPResponse around a signed part."""
    basic = tlv(0x30, signed + algorithm + tlv(0x03, b"\x00" + signature))
    body = tlv(0x30, bytes.fromhex("06092b0601050507300101") + tlv(0x04, basic))
    return tlv(0x30, b"\x0a\x01\x00" + tlv(0xA0, body))


@pytest.mark.parametrize("status", list(ocsp.OCSPResponseStatus)[1:], ids=lambda status: status.name)
def test_refusals(status: ocsp.OCSPResponseStatus) -> None:
    """A responder that does not answer leaves it unknown, and its word is told."""
    der = ocsp.OCSPResponseBuilder.build_unsuccessful(status).public_bytes(Encoding.DER)
    found = said(pki(), der)
    assert (found.status, found.detail.startswith("the responder answered ")) == (S.UNKNOWN, True)


@pytest.mark.parametrize("cut", [0, 1, 5, 40, 200, -1])
def test_truncated(cut: int) -> None:
    """What is cut off anywhere is not a response."""
    mine = pki()
    assert said(mine, response(mine)[:cut]).status is S.INVALID


@pytest.mark.parametrize(
    "body", [b"", b"<html><body>busy</body></html>", b"\x30\x03\x0a\x01\x09", b"\xff" * 500]
)
def test_something_else(body: bytes) -> None:
    """What is no response is invalid, and shown by its beginning."""
    assert said(pki(), body).status is S.INVALID


@pytest.mark.parametrize(
    ("made", "due", "expected"),
    [
        (-2 * HOUR, -HOUR, S.STALE),
        (HOUR, 2 * HOUR, S.STALE),
        (timedelta(minutes=2), HOUR, S.GOOD),
        (-HOUR, None, S.GOOD),
        (-8 * DAY, None, S.STALE),
    ],
    ids=["expired", "from the future", "clocks that differ a little", "always new", "always new, once"],
)
def test_dates_of_a_staple(made: timedelta, due: timedelta | None, expected: S) -> None:
    """A staple counts within its dates only."""
    mine = pki()
    staple = response(mine, made=made, due=due)
    (verdict,) = judge_revocation([mine.question], [], staple, [RevocationMethod.STAPLE], NOW)
    assert (verdict.method, verdict.status) == (RevocationMethod.STAPLE, expected)


def test_a_revocation_does_not_grow_old() -> None:
    """What was revoked last week is revoked, though newer news are due."""
    mine = pki()
    staple = response(mine, REVOKED, made=-2 * HOUR, due=-HOUR)
    (verdict,) = judge_revocation([mine.question], [], staple, [RevocationMethod.STAPLE], NOW)
    assert (verdict.status, "newer news was due" in verdict.detail) == (S.REVOKED, True)


def test_request() -> None:
    """The request names the certificate as every responder knows it, and has no nonce."""
    mine = pki()
    request = ocsp.load_der_ocsp_request(ocsp_request(mine.question))
    assert request.serial_number == mine.leaf.certificate.serial_number
    assert (request.hash_algorithm.name, list(request.extensions)) == ("sha1", [])


def test_every_changed_byte() -> None:
    """No answer that was changed makes the reader raise, or says of a revoked certificate that it is good."""
    mine = pki()
    body = response(mine, ocsp.OCSPCertStatus.REVOKED, by=mine.delegate(OCSP_SIGNING))
    for at, octet in enumerate(body):
        for bit in (1, 2, 128):
            changed = bytes([*body[:at], octet ^ bit, *body[at + 1 :]])
            assert said(mine, changed).status is not S.GOOD, at
