"""One sentence for each problem."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exporter.judge.context import ProblemContext
from exporter.judge.summaries import summary
from exporter.model import ProblemKind, Reason, Stage
from tests.judge.contexts import (
    AIA,
    DAY,
    EXAMPLES,
    HOST,
    LEAF,
    NOW,
    ROOT,
    ROOT_NAME,
    SERVER,
    SUB,
    SUB_NAME,
    certificate,
    failed,
    with_leaf,
)
from tests.judge.hostile import HOSTILE_NAMES, hostile_context

K = ProblemKind

SENTENCES = {
    K.UNTRUSTED_ROOT: f"the chain ends in '{ROOT_NAME}', which trust store contoso does not hold",
    K.MISSING_INTERMEDIATE: f"the server sends only its own certificate; the intermediate '{SUB_NAME}'"
    f" that issued it is missing (AIA: {AIA})",
    K.SELF_SIGNED: f"the certificate 'CN={HOST}' is signed by its own key,"
    " and trust store contoso does not hold it",
    K.EXPIRED: "the certificate expired 3 days ago (2026-11-20 12:00 UTC)",
    K.NOT_YET_VALID: "the certificate is not valid until 2026-11-25 12:00 UTC, in 2 days",
    K.EXPIRES_SOON: "the certificate expires in 5 days (2026-11-28 12:00 UTC)",
    K.HOSTNAME_MISMATCH: f"the certificate is for 'mail.contoso.com', not for '{HOST}'",
    K.REVOKED: "the certificate is revoked (crl revoked: keyCompromise)",
    K.REVOCATION_UNKNOWN: "nobody could say whether the certificate is revoked (ocsp unreachable: timed out)",
    K.WRONG_USAGE: "the certificate was not issued for server authentication",
    K.CHAIN_INVALID: "the chain is invalid: path length constraint exceeded"
    f" (verify error 25 at depth 1, '{SUB_NAME}')",
    K.WEAK_KEY: "the key of the certificate is weak: RSA 1024",
    K.WEAK_SIGNATURE: "the certificate has a weak signature: RSA-SHA1",
    K.LEGACY_TLS: "the server offers nothing newer than TLS 1.1, only TLSv1",
    K.STARTTLS_MISSING: "the server does not offer STARTTLS",
    K.PLAINTEXT_INJECTION: "11 bytes of plaintext followed the 220 reply to STARTTLS before TLS began: '250 hello'",
    K.UNREACHABLE: "192.0.2.25 port 25 answers with a temporary failure: '421 4.3.2 Service not available'",
}


@pytest.mark.parametrize("kind", ProblemKind)
def test_sentence(kind: ProblemKind) -> None:
    """Each problem has its sentence with the facts of this server."""
    assert summary(kind, EXAMPLES[kind]) == SENTENCES[kind]


def _hostname(sans: tuple[str, ...], *unmatched: str) -> ProblemContext:
    return replace(with_leaf(replace(LEAF, sans=sans)), unmatched=unmatched or ("b.example",))


VARIANTS: dict[str, tuple[ProblemKind, ProblemContext, str]] = {
    "lone leaf, nothing known above it": (
        K.UNTRUSTED_ROOT,
        replace(SERVER, chain=(LEAF,), culprit=LEAF, missing_issuer=SUB_NAME, code=20, depth=0),
        f"trust store contoso does not hold '{SUB_NAME}', which issued the certificate, and the server does not"
        " send it (a missing intermediate looks the same)",
    ),
    "the root is sent": (
        K.UNTRUSTED_ROOT,
        replace(SERVER, chain=(LEAF, SUB, ROOT), culprit=ROOT, missing_issuer=ROOT_NAME, code=19, depth=2),
        f"the chain ends in '{ROOT_NAME}', which trust store contoso does not hold",
    ),
    "several stores": (
        K.UNTRUSTED_ROOT,
        replace(SERVER, culprit=SUB, missing_issuer=ROOT_NAME, stores=("system", "sql-java")),
        f"the chain ends in '{ROOT_NAME}', which trust stores system, sql-java do not hold",
    ),
    "an intermediate in the middle is missing": (
        K.MISSING_INTERMEDIATE,
        replace(SERVER, culprit=SUB, missing_issuer="CN=Policy CA"),
        f"the server does not send the intermediate 'CN=Policy CA' that issued the intermediate '{SUB_NAME}'",
    ),
    "an unrelated certificate is sent instead": (
        K.MISSING_INTERMEDIATE,
        replace(SERVER, chain=(LEAF, ROOT), missing_issuer=SUB_NAME),
        f"the server does not send the intermediate '{SUB_NAME}' that issued the certificate",
    ),
    "the intermediate expired": (
        K.EXPIRED,
        replace(SERVER, culprit=replace(SUB, not_after=NOW - DAY / 12)),
        f"the intermediate '{SUB_NAME}' expired 2 hours ago (2026-11-23 10:00 UTC)",
    ),
    "the root expires": (
        K.EXPIRES_SOON,
        replace(SERVER, culprit=replace(ROOT, not_after=NOW + DAY)),
        f"the root '{ROOT_NAME}' expires in 1 day (2026-11-24 12:00 UTC)",
    ),
    "Common Name only": (
        K.HOSTNAME_MISMATCH,
        _hostname((), HOST),
        f"the certificate carries '{HOST}' only as Common Name, which modern clients ignore",
    ),
    "wrong Common Name and nothing else": (
        K.HOSTNAME_MISMATCH,
        _hostname(()),
        f"the certificate is for '{HOST}' (Common Name only), not for 'b.example'",
    ),
    "one of two names by Common Name": (
        K.HOSTNAME_MISMATCH,
        _hostname((), HOST, "b.example"),
        f"the certificate is for '{HOST}' (Common Name only), not for '{HOST}' and 'b.example'",
    ),
    "many names": (
        K.HOSTNAME_MISMATCH,
        _hostname(tuple(f"DNS:{i}.example" for i in range(9)), "x.example", "y.example"),
        "the certificate is for '0.example', '1.example', '2.example', '3.example', '4.example' and 4 more,"
        " not for 'x.example' and 'y.example'",
    ),
    "only an address": (
        K.HOSTNAME_MISMATCH,
        _hostname(("IP:192.0.2.1", "email:a@b")),
        "the certificate is for '192.0.2.1', not for 'b.example'",
    ),
    "no name at all": (
        K.HOSTNAME_MISMATCH,
        replace(with_leaf(certificate("O=x", SUB_NAME)), unmatched=("b.example",)),
        "the certificate carries no host name; 'b.example' was expected",
    ),
    "no sources of revocation": (
        K.REVOCATION_UNKNOWN,
        SERVER,
        "nobody could say whether the certificate is revoked (nobody was asked)",
    ),
    "intermediate of wrong usage": (
        K.WRONG_USAGE,
        replace(SERVER, culprit=SUB),
        f"the intermediate '{SUB_NAME}' may not issue certificates for server authentication",
    ),
    "error without a depth": (
        K.CHAIN_INVALID,
        replace(SERVER, chain=(), code=17),
        "the chain is invalid: out of memory (verify error 17)",
    ),
    "inspected by a firewall": (
        K.STARTTLS_MISSING,
        replace(EXAMPLES[K.STARTTLS_MISSING], capabilities=("SIZE 100", "XXXXXXXA")),
        "the server does not offer STARTTLS; a firewall seems to remove it ('XXXXXXXA' in the EHLO reply)",
    ),
}


@pytest.mark.parametrize(("kind", "context", "sentence"), VARIANTS.values(), ids=VARIANTS)
def test_variant(kind: ProblemKind, context: ProblemContext, sentence: str) -> None:
    """The sentence follows the facts."""
    assert summary(kind, context) == sentence


FAILURES = {
    "name": (
        failed(Stage.RESOLVE, Reason.NAME_NOT_FOUND),
        f"the name '{HOST}' does not exist or has no address",
    ),
    "domain": (
        replace(failed(Stage.RESOLVE, Reason.NULL_MX, "it takes no mail"), host="", domain="example.org"),
        "the mail exchanges of 'example.org' are not known (it takes no mail)",
    ),
    "dns": (failed(Stage.RESOLVE, Reason.DNS_FAILURE), f"no DNS server could answer for '{HOST}'"),
    "refused": (
        failed(Stage.CONNECT, Reason.CONNECTION_REFUSED),
        "192.0.2.25 port 25 refuses the connection",
    ),
    "no greeting": (
        failed(Stage.GREETING, Reason.TIMEOUT),
        "192.0.2.25 port 25 does not answer in time while we wait for the greeting",
    ),
    "closed in the handshake, after a friendly reply": (
        failed(Stage.HANDSHAKE, Reason.CONNECTION_CLOSED, reply="220 2.0.0 SMTP server ready"),
        "192.0.2.25 port 25 closed the connection while we wait for the TLS handshake",
    ),
    "rejected": (
        failed(Stage.GREETING, Reason.REJECTED, reply="554 5.7.1 Go away, see https://example.org/"),
        "192.0.2.25 port 25 rejects us: '554 5.7.1 Go away, see https://example.org/'",
    ),
    "alert": (
        failed(Stage.HANDSHAKE, Reason.TLS_ALERT, "handshake failure"),
        "192.0.2.25 port 25 ended the TLS handshake with an alert (handshake failure); a server that knows"
        " only SSLv3, RC4, DES, 3DES or export ciphers cannot be looked into",
    ),
    "STARTTLS refused": (
        failed(Stage.STARTTLS, Reason.STARTTLS_REFUSED, reply="502 5.5.1 no"),
        "192.0.2.25 port 25 refuses STARTTLS: '502 5.5.1 no'",
    ),
}


@pytest.mark.parametrize(("context", "sentence"), FAILURES.values(), ids=FAILURES)
def test_unreachable(context: ProblemContext, sentence: str) -> None:
    """The stage, the reason, and the server's words only where they are the reason."""
    assert summary(K.UNREACHABLE, context) == sentence


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("stage", Stage)
def test_every_failure_has_a_sentence(stage: Stage, reason: Reason) -> None:
    """No combination of stage and reason is without words, or leaves a placeholder in them."""
    sentence = summary(K.UNREACHABLE, failed(stage, reason))
    assert sentence
    assert "{" not in sentence


@pytest.mark.parametrize("kind", ProblemKind)
@pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=HOSTILE_NAMES)
def test_hostile_names_stay_on_the_line(kind: ProblemKind, name: str) -> None:
    """Whatever others put into names and replies, a summary is one short printable line."""
    sentence = summary(kind, hostile_context(name))
    assert sentence
    assert sentence.isprintable()
    assert len(sentence) <= 500


@pytest.mark.parametrize("kind", ProblemKind)
def test_no_full_stop(kind: ProblemKind) -> None:
    """A summary can be joined to others with commas or semicolons."""
    assert not summary(kind, EXAMPLES[kind]).endswith(".")


@pytest.mark.parametrize("kind", ProblemKind)
def test_nothing_known(kind: ProblemKind) -> None:
    """Without chain and failure there is still a sentence."""
    assert summary(kind, replace(SERVER, chain=(), stores=()))
