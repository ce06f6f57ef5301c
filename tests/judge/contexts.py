"""Contexts for the texts: the Contoso chain of certificates, written down by hand."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from exporter.judge.context import ProblemContext
from exporter.model import (
    CertificateFacts,
    Failure,
    Mode,
    ProblemKind,
    Reason,
    RevocationMethod,
    RevocationStatus,
    RevocationVerdict,
    Stage,
)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOST = "exchange01.int.contoso.com"
ROOT_NAME = "CN=Contoso Offline Root CA"
SUB_NAME = "CN=Contoso Subordinate CA,DC=int,DC=contoso,DC=com"
AIA = "http://pki.contoso.com/sub.crt"


def certificate(subject: str, issuer: str) -> CertificateFacts:
    """One certificate; its digests are those of its subject, which is enough to tell them apart."""
    common_name = next((part[3:] for part in subject.split(",") if part.startswith("CN=")), None)
    der = subject.encode("utf-8", "surrogateescape")
    return CertificateFacts(
        der=der,
        subject=subject,
        issuer=issuer,
        common_name=common_name,
        serial="1A2B",
        sha1=hashlib.sha1(der).hexdigest().upper(),
        sha256=hashlib.sha256(der).hexdigest().upper(),
        not_before=NOW - 300 * DAY,
        not_after=NOW + 65 * DAY,
        key="RSA 2048",
        key_bits=2048,
        signature="RSA-SHA256",
        sans=(),
        self_issued=subject == issuer,
        self_signed=subject == issuer,
        is_ca=False,
        usage_allows_server=True,
    )


def distinct(facts: CertificateFacts) -> CertificateFacts:
    """The same facts in a certificate of its own, since certificates are compared by their bytes."""
    der = repr(facts).encode("utf-8", "backslashreplace")
    return replace(
        facts,
        der=der,
        sha1=hashlib.sha1(der).hexdigest().upper(),
        sha256=hashlib.sha256(der).hexdigest().upper(),
    )


ROOT = replace(certificate(ROOT_NAME, ROOT_NAME), is_ca=True, not_after=NOW + 3000 * DAY)
SUB = replace(certificate(SUB_NAME, ROOT_NAME), is_ca=True, not_after=NOW + 1000 * DAY)
LEAF = replace(certificate(f"CN={HOST}", SUB_NAME), sans=(f"DNS:{HOST}", "DNS:mail.contoso.com"))
SELF_SIGNED = replace(certificate(f"CN={HOST}", f"CN={HOST}"), sans=(f"DNS:{HOST}",))

SERVER = ProblemContext(
    host=HOST,
    port=25,
    mode=Mode.STARTTLS,
    now=NOW,
    address="192.0.2.25",
    names=(HOST,),
    chain=(LEAF, SUB),
    stores=("contoso",),
)
"""Leaf and intermediate are sent, the root is not, as it should be."""


def with_leaf(leaf: CertificateFacts) -> ProblemContext:
    """The same server with another certificate."""
    return replace(SERVER, chain=(distinct(leaf), SUB))


def failed(stage: Stage, reason: Reason, detail: str = "", reply: str = "") -> ProblemContext:
    """A look that ended without a certificate."""
    return replace(SERVER, chain=(), stores=(), failure=Failure(stage, reason, detail), reply=reply)


EXAMPLES: dict[ProblemKind, ProblemContext] = {
    ProblemKind.UNTRUSTED_ROOT: replace(SERVER, culprit=SUB, missing_issuer=ROOT_NAME, code=20, depth=1),
    ProblemKind.MISSING_INTERMEDIATE: replace(
        SERVER,
        chain=(replace(LEAF, aia_issuers=(AIA,)),),
        missing_issuer=SUB_NAME,
        aia_url=AIA,
        code=20,
        depth=0,
    ),
    ProblemKind.SELF_SIGNED: replace(SERVER, chain=(SELF_SIGNED,), code=18, depth=0),
    ProblemKind.EXPIRED: with_leaf(replace(LEAF, not_after=NOW - 3 * DAY)),
    ProblemKind.NOT_YET_VALID: with_leaf(replace(LEAF, not_before=NOW + 2 * DAY)),
    ProblemKind.EXPIRES_SOON: with_leaf(replace(LEAF, not_after=NOW + 5 * DAY)),
    ProblemKind.HOSTNAME_MISMATCH: replace(
        with_leaf(replace(LEAF, sans=("DNS:mail.contoso.com",))), unmatched=(HOST,)
    ),
    ProblemKind.REVOKED: replace(
        SERVER,
        revocation=(RevocationVerdict(0, RevocationMethod.CRL, RevocationStatus.REVOKED, "keyCompromise"),),
    ),
    ProblemKind.REVOCATION_UNKNOWN: replace(
        with_leaf(replace(LEAF, ocsp_urls=("http://ocsp.contoso.com/",))),
        revocation=(RevocationVerdict(0, RevocationMethod.OCSP, RevocationStatus.UNREACHABLE, "timed out"),),
    ),
    ProblemKind.WRONG_USAGE: with_leaf(replace(LEAF, usage_allows_server=False)),
    ProblemKind.CHAIN_INVALID: replace(SERVER, culprit=SUB, code=25, depth=1),
    ProblemKind.WEAK_KEY: with_leaf(replace(LEAF, key="RSA 1024", key_bits=1024)),
    ProblemKind.WEAK_SIGNATURE: with_leaf(replace(LEAF, signature="RSA-SHA1")),
    ProblemKind.LEGACY_TLS: replace(SERVER, tls_version="TLSv1"),
    ProblemKind.STARTTLS_MISSING: failed(Stage.EHLO, Reason.STARTTLS_NOT_OFFERED, reply="250 8BITMIME"),
    ProblemKind.PLAINTEXT_INJECTION: replace(
        failed(Stage.STARTTLS, Reason.PLAINTEXT_INJECTION), injected=b"250 hello\r\n"
    ),
    ProblemKind.UNREACHABLE: failed(
        Stage.GREETING, Reason.TEMPORARY_FAILURE, reply="421 4.3.2 Service not available"
    ),
}
"""One server for each problem."""
