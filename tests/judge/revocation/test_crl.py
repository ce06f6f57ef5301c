"""Revocation lists: what a list says, and every list that may not be used."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ReasonFlags

from exporter.demo.authority import DAY, Intermediate, Leaf
from exporter.judge.revocation.crl import read_crl
from exporter.model import RevocationStatus, Statement
from tests.judge.revocation.material import HOUR, LIST, NOW, Pki, crl, pki

S = RevocationStatus


def said(of: Pki, body: bytes) -> Statement:
    """What a list says of the leaf."""
    return read_crl(body, of.question.issuer).about(of.question.certificate)


def scope(**given: object) -> tuple[x509.ExtensionType, bool]:
    """An issuingDistributionPoint."""
    usual = {
        "full_name": None,
        "relative_name": None,
        "only_contains_user_certs": False,
        "only_contains_ca_certs": False,
        "only_some_reasons": None,
        "indirect_crl": False,
        "only_contains_attribute_certs": False,
    }
    return x509.IssuingDistributionPoint(**(usual | given)), True  # type: ignore[arg-type]


def at(url: str) -> list[x509.GeneralName]:
    """The name of a distribution point."""
    return [x509.UniformResourceIdentifier(url)]


@pytest.mark.parametrize("key", ["ec-p256", "rsa-2048", "ed25519"])
@pytest.mark.parametrize("pem", [False, True], ids=["der", "pem"])
def test_revoked_and_not(key: str, pem: bool) -> None:
    """A serial number that is listed is revoked, with its reason; any other is not."""
    mine = pki(key)
    serial = mine.leaf.certificate.serial_number
    full, other = (crl(mine.sub, {s: ReasonFlags.key_compromise}) for s in (serial, serial + 1))
    if pem:
        full, other = (x509.load_der_x509_crl(one).public_bytes(Encoding.PEM) for one in (full, other))
    found = said(mine, full)
    assert (found.status, found.reason, found.revoked_at) == (S.REVOKED, "keyCompromise", NOW - DAY)
    assert said(mine, other) == Statement(status=S.GOOD, this_update=NOW - HOUR, next_update=NOW + HOUR)


def test_no_reason() -> None:
    """Most entries give no reason."""
    mine = pki()
    found = said(mine, crl(mine.sub, {mine.leaf.certificate.serial_number: None}))
    assert (found.status, found.reason) == (S.REVOKED, None)


def test_a_long_list() -> None:
    """Every entry of a long list is found, and no other serial number."""
    mine = pki()
    serials = [mine.leaf.certificate.serial_number, *range(10**30, 10**30 + 2000)]
    assert said(mine, crl(mine.sub, dict.fromkeys(serials))).status is S.REVOKED
    assert said(mine, crl(mine.sub, dict.fromkeys(serials[1:]))).status is S.GOOD


@pytest.mark.parametrize(
    ("extension", "status", "words"),
    [
        (scope(only_contains_user_certs=True), S.GOOD, ""),
        (scope(only_contains_ca_certs=True), S.INVALID, "authorities' certificates alone"),
        (scope(full_name=at(LIST)), S.GOOD, ""),
        (scope(full_name=at("http://pki.contoso.com/2.crl")), S.INVALID, "another distribution point"),
        (scope(indirect_crl=True), S.UNSUPPORTED, "indirect"),
        (scope(only_contains_attribute_certs=True), S.UNSUPPORTED, "attribute"),
        (scope(only_some_reasons=frozenset({ReasonFlags.key_compromise})), S.UNSUPPORTED, "some reasons"),
        ((x509.DeltaCRLIndicator(1), True), S.UNSUPPORTED, "delta"),
        ((x509.CRLNumber(1), False), S.GOOD, ""),
        (
            (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True),
            S.UNSUPPORTED,
            "unknown critical extension 1.2.3.4",
        ),
    ],
    ids=["users", "authorities", "this point", "other point", "indirect", "attributes", "reasons", "delta", "number", "critical"],
)  # fmt: skip
def test_scope(extension: tuple[x509.ExtensionType, bool], status: S, words: str) -> None:
    """A list that does not cover the certificate says nothing of it, and why is told."""
    mine = pki()
    found = said(mine, crl(mine.sub, {}, extension))
    assert (found.status, words in found.detail) == (status, True), found.detail


def test_signed_by_somebody_else() -> None:
    """The name alone does not make a list the authority's."""
    mine = pki()
    found = said(mine, crl(mine.sub, signer=mine.root))
    assert (found.status, found.detail) == (S.INVALID, "the signature of the list does not hold")


def test_of_another_issuer() -> None:
    """Another authority's list is told by its name."""
    mine = pki()
    assert said(mine, crl(mine.root)).detail == "a list by another issuer (CN=Root)"


@pytest.mark.parametrize(
    "body", [b"", b"<html>login</html>", b"\x30\x82", b"-----BEGIN X509 CRL-----\nMII=\n"]
)
def test_something_else(body: bytes) -> None:
    """What is no list is invalid."""
    assert said(pki(), body).status is S.INVALID


@pytest.mark.parametrize("cut", [10, 100, -1])
def test_truncated(cut: int) -> None:
    """What is cut off is no list."""
    mine = pki()
    assert said(mine, crl(mine.sub)[:cut]).status is S.INVALID


def test_an_authority_that_may_not_sign_lists() -> None:
    """Key usage without cRLSign forbids it (RFC 5280 section 6.3.3 f)."""
    mine = pki()
    mute = mine.root.issue(Intermediate("CN=Sub", usage=("key_cert_sign",)))
    mine = Pki(mine.root, mute, mute.issue(Leaf("CN=mail")))
    found = said(mine, crl(mute))
    assert found.status is S.INVALID
    assert "not for signing lists" in found.detail


def test_every_changed_byte() -> None:
    """No list that was changed makes the reader raise, or says of a revoked certificate that it is good."""
    mine = pki()
    body = crl(mine.sub, {mine.leaf.certificate.serial_number: None})
    for at_byte, octet in enumerate(body):
        changed = bytes([*body[:at_byte], octet ^ 1, *body[at_byte + 1 :]])
        assert said(mine, changed).status is not S.GOOD, at_byte


def test_what_a_long_list_takes() -> None:
    """The list itself is not kept: at most 64 bytes an entry are, and a little for the rest."""
    mine = pki()
    serials = range(10**30, 10**30 + 3000)
    reading = read_crl(crl(mine.sub, dict.fromkeys(serials)), mine.question.issuer)
    assert 16 * len(serials) < reading.size <= 64 * len(serials) + 1024
