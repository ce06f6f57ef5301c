"""pyhanko-certvalidator, another implementation, says the same of the same evidence.

Where the two differ, it is listed with the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from asn1crypto import crl as asn1_crl  # type: ignore[import-untyped]
from asn1crypto import ocsp as asn1_ocsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509 import ocsp
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import PathBuildingError, RevokedError, ValidationError

from exporter.demo.authority import CLIENT_AUTH, Issued, Leaf, PrivateKey
from exporter.judge.revocation import judge_revocation
from exporter.judge.revocation.crl import read_crl
from exporter.judge.revocation.ocsp import read_ocsp
from exporter.model import RevocationAnswer, RevocationMethod, RevocationStatus
from tests.judge.revocation.material import HOUR, LIST, NOW, OCSP_SIGNING, Pki, crl, pki, response

S = RevocationStatus
GOOD, REVOKED, UNKNOWN = ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.REVOKED, ocsp.OCSPCertStatus.UNKNOWN


def loaded(issued: Issued) -> asn1_x509.Certificate:
    """A certificate as the other implementation knows it."""
    return asn1_x509.Certificate.load(issued.der)


async def their_opinion(of: Pki, method: RevocationMethod, evidence: bytes) -> str:
    """`good`, `revoked`, or `none` when it comes to no answer."""
    # It wants to know about the intermediate, too.
    lists = [crl(of.root), *([evidence] if method is RevocationMethod.CRL else [])]
    answers = [asn1_ocsp.OCSPResponse.load(evidence)] if method is RevocationMethod.OCSP else []
    context = ValidationContext(
        trust_roots=[loaded(of.root)],
        moment=NOW,
        allow_fetching=False,
        crls=[asn1_crl.CertificateList.load(one) for one in lists],
        ocsps=answers,
        revocation_mode="require",
        weak_hash_algos=set(),
    )
    try:
        validator = CertificateValidator(loaded(of.leaf), [loaded(of.sub)], context)
        await validator.async_validate_usage(set())  # type: ignore[no-untyped-call]
    except RevokedError:
        return "revoked"
    except (ValidationError, PathBuildingError):
        return "none"
    return "good"


def our_opinion(of: Pki, method: RevocationMethod, evidence: bytes) -> str:
    """The same of ours."""
    read = read_crl(evidence, of.question.issuer) if method is RevocationMethod.CRL else None
    reading = read or read_ocsp(evidence, of.question)
    answer = RevocationAnswer(position=0, method=method, reading=reading)
    (verdict,) = judge_revocation([of.question], [answer], b"", [method], NOW)
    return verdict.status.value if verdict.status in {S.GOOD, S.REVOKED} else "none"


OCSP_CASES: dict[str, Callable[[Pki], bytes]] = {
    "good": response,
    "revoked": lambda p: response(p, REVOKED),
    "unknown": lambda p: response(p, UNKNOWN),
    "expired": lambda p: response(p, made=-2 * HOUR, due=-HOUR),
    "delegate": lambda p: response(p, REVOKED, by=p.delegate(OCSP_SIGNING)),
    "no right": lambda p: response(p, by=p.delegate(CLIENT_AUTH)),
    "another certificate": lambda p: response(p, about=p.sub.issue(Leaf("CN=other"))),
}
DIFFERENCES = {"delegate": "none"}
"""What they say where they differ: a responder's own certificate must be vouched for, too, unless it has the
extension id-pkix-ocsp-nocheck, which RFC 6960 section 4.2.2.2.1 leaves to the client; we go without."""


def other_key(of: Pki) -> PrivateKey:
    """Another key of the same kind as the authority's."""
    kind = "rsa-2048" if isinstance(of.sub.key, rsa.RSAPrivateKey) else "ec-p256"
    return of.sub.issue(Leaf("CN=another key", key=kind)).key


CRL_CASES: dict[str, Callable[[Pki], bytes]] = {
    "good": lambda p: crl(p.sub),
    "revoked": lambda p: crl(p.sub, {p.leaf.certificate.serial_number: x509.ReasonFlags.superseded}),
    "expired": lambda p: crl(p.sub, made=timedelta(hours=-2), due=-HOUR),
    "bad signature": lambda p: crl(p.sub, signer=replace(p.sub, key=other_key(p))),
    "other issuer": lambda p: crl(p.root),
}


@pytest.mark.parametrize("key", ["ec-p256", "rsa-2048"])
@pytest.mark.parametrize("name", OCSP_CASES)
async def test_ocsp(name: str, key: str) -> None:
    """OCSP answers, right and wrong."""
    mine = pki(key, Leaf("CN=mail", ocsp_urls=("http://ocsp.contoso.com/",)))
    evidence = OCSP_CASES[name](mine)
    ours = our_opinion(mine, RevocationMethod.OCSP, evidence)
    theirs = await their_opinion(mine, RevocationMethod.OCSP, evidence)
    assert theirs == DIFFERENCES.get(name, ours)
    assert (theirs == ours) is (name not in DIFFERENCES)


@pytest.mark.parametrize("key", ["ec-p256", "rsa-2048"])
@pytest.mark.parametrize("name", CRL_CASES)
async def test_crl(name: str, key: str) -> None:
    """Lists, right and wrong."""
    mine = pki(key, Leaf("CN=mail", crl_urls=(LIST,)))
    evidence = CRL_CASES[name](mine)
    ours = our_opinion(mine, RevocationMethod.CRL, evidence)
    assert ours == await their_opinion(mine, RevocationMethod.CRL, evidence)
