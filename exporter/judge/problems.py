"""One small function per problem: does this server have it?

Each takes a `Case`, everything that is known at one moment, and answers with a `Finding`, with `False`
when the problem was looked for and is not there, or with `None` when it cannot be told. `CHECKS` is the
list of them all. Nothing here stops at the first trouble: an expired certificate also gets its name
compared, an untrusted one also its dates.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Literal

from exporter.judge.case import Case, Finding
from exporter.judge.presented import presented_path
from exporter.judge.revocation import is_revoked, lacks_staple
from exporter.model import (
    CertificateFacts,
    Failure,
    Mode,
    ProblemKind,
    Reason,
    RevocationStatus,
    State,
    StoreVerdict,
    Threshold,
)

Answer = Finding | Literal[False] | None


# --- the chain ------------------------------------------------------------------------------------


def untrusted_root(case: Case) -> Answer:
    """The chain ends in an authority that a store does not hold (RFC 5280 section 6.1.1 d)."""
    return _shown_by_stores(case, ProblemKind.UNTRUSTED_ROOT, _top_of_chain)


def missing_intermediate(case: Case) -> Answer:
    """The server does not send all certificates up to the root (RFC 8446 section 4.4.2)."""
    return _shown_by_stores(case, ProblemKind.MISSING_INTERMEDIATE, _top_of_chain)


def self_signed(case: Case) -> Answer:
    """The leaf is signed by its own key, and a store does not hold it."""
    return _shown_by_stores(case, ProblemKind.SELF_SIGNED, lambda case: case.leaf)


def chain_invalid(case: Case) -> Answer:
    """Any other verification error: a signature, a constraint, an extension, or what cannot be read."""
    if case.unreadable:
        return Finding(code=_UNSPECIFIED)
    shown = [store for store in case.stores if store.invalid]
    if not shown:
        return False if case.stores else None
    code, depth = shown[0].invalid or (0, None)
    path = case.path(shown[0])
    culprit = path[depth] if depth is not None and depth < len(path) else None
    return Finding(culprit=culprit, stores=_labels(shown), code=code, depth=depth)


_UNSPECIFIED = 1  # X509_V_ERR_UNSPECIFIED


def wrong_usage(case: Case) -> Answer:
    """A certificate on the path was not issued for server authentication (RFC 5280 4.2.1.12)."""
    return _on_paths(case, lambda certificate: not certificate.usage_allows_server)


def _shown_by_stores(
    case: Case, kind: ProblemKind, culprit: Callable[[Case], CertificateFacts | None]
) -> Answer:
    shown = [store for store in case.stores if kind in store.problems]
    if not shown:
        undecided = not case.stores or any(kind in store.undetermined for store in case.stores)
        return None if undecided else False
    certificate = culprit(case)
    return Finding(
        culprit=certificate,
        stores=_labels(shown),
        missing_issuer=certificate.issuer if certificate else "",
        missing=shown[0].missing,
        code=shown[0].code,
        depth=shown[0].depth,
    )


def _top_of_chain(case: Case) -> CertificateFacts | None:
    return presented_path(case.chain)[-1] if case.chain else None


def _on_paths(case: Case, wrong: Callable[[CertificateFacts], bool]) -> Answer:
    """The first certificate on any store's path that has a fault, and the stores whose path it is on."""
    if not case.chain:
        return None
    found = [(labels, c) for path, labels in case.paths.items() for c in path if wrong(c)]
    if not found:
        return False
    culprit = found[0][1]
    return Finding(
        culprit=culprit, stores=tuple(label for labels, c in found if c == culprit for label in labels)
    )


def _labels(stores: Iterable[StoreVerdict]) -> tuple[str, ...]:
    return tuple(store.store for store in stores)


# --- revocation -----------------------------------------------------------------------------------


def revoked(case: Case) -> Answer:
    """A certificate of a trusted path is revoked, whichever method says so (RFC 5280 section 6.3)."""
    found = [verdict for verdict in case.revocation if verdict.status is RevocationStatus.REVOKED]
    if not found:
        return None if is_revoked(case.asked, case.revocation) is None else False
    position = found[0].position
    return Finding(
        culprit=next((one.certificate for one in case.asked if one.position == position), None),
        revocation=tuple(verdict for verdict in found if verdict.position == position),
    )


def revocation_unknown(case: Case) -> Answer:
    """Of a certificate no method could tell, or it demands a stapled answer and none came that counts (RFC 7633)."""
    if not case.asked:
        return None
    known = {verdict.position for verdict in case.revocation if verdict.status in _REVOCATION_KNOWN}
    for question in case.asked:
        if question.position not in known or lacks_staple(question, case.revocation):
            return Finding(
                culprit=question.certificate,
                revocation=tuple(v for v in case.revocation if v.position == question.position),
            )
    return False


_REVOCATION_KNOWN = {RevocationStatus.GOOD, RevocationStatus.REVOKED}


# --- strength -------------------------------------------------------------------------------------


def weak_key(case: Case) -> Answer:
    """A key on the path is shorter than 112 bits of security ask for (NIST SP 800-57 part 1, table 2)."""
    return _on_paths(case, _has_weak_key)


def weak_signature(case: Case) -> Answer:
    """A signature on the path uses SHA-1 or MD5 (RFC 9155); a root's own is not relied on by anybody."""
    return _on_paths(case, lambda c: not c.self_signed and c.signature.endswith(_WEAK_HASHES))


def legacy_tls(case: Case) -> Answer:
    """Nothing newer than TLS 1.1, which RFC 8996 forbids, could be negotiated."""
    if case.tls is None:
        return None
    return Finding(culprit=case.leaf) if case.tls.version in _LEGACY_VERSIONS else False


_WEAK_HASHES = ("-SHA1", "-MD5")
_LEGACY_VERSIONS = {"SSLv3", "TLSv1", "TLSv1.1"}
_LEAST_BITS = {"RSA": 2048, "DSA": 2048, "EC": 224}


def _has_weak_key(certificate: CertificateFacts) -> bool:
    algorithm = certificate.key.partition(" ")[0]
    return (certificate.key_bits or math.inf) < _LEAST_BITS.get(algorithm, 0)


# --- dates ----------------------------------------------------------------------------------------


def expired(case: Case) -> Answer:
    """A certificate on the path is past its notAfter (RFC 5280 section 4.1.2.5)."""
    return _on_paths(case, lambda certificate: certificate.not_after < case.now)


def not_yet_valid(case: Case) -> Answer:
    """A certificate on the path is before its notBefore (RFC 5280 section 4.1.2.5)."""
    return _on_paths(case, lambda certificate: certificate.not_before > case.now)


def expires_soon(case: Case) -> Answer:
    """A certificate on the path that is still valid crosses a threshold of the policy."""
    policy = case.target.policy
    for threshold, severity in ((policy.critical, State.CRITICAL), (policy.warning, State.WARNING)):
        answer = _on_paths(case, _crosses(case, threshold))
        if answer is None:
            return None
        if answer:
            return Finding(culprit=answer.culprit, stores=answer.stores, severity=severity)
    return False


def _crosses(case: Case, threshold: Threshold) -> Callable[[CertificateFacts], bool]:
    """Whether a certificate is due by a threshold that was set with the leaf in mind.

    The authorities above it are due as many days before their end as the leaf is: a root that has used
    up two thirds of its twenty years is no news. An upper bound is about the leaf alone.
    """
    leaf = case.leaf
    lifetime = max(leaf.lifetime_days, 1 / 86400) if leaf else math.inf
    leaf_alone = threshold.inside or threshold.high != math.inf

    def crosses(certificate: CertificateFacts) -> bool:
        if leaf_alone and certificate != leaf:
            return False
        days = case.days_left(certificate)
        return days >= 0 and threshold.crossed(days, days / lifetime)

    return crosses


# --- the name -------------------------------------------------------------------------------------


def hostname_mismatch(case: Case) -> Answer:
    """An expected name is not in the certificate (RFC 9525 section 6), whoever issued it."""
    unmatched = tuple(verdict.name for verdict in case.names if verdict.match is False)
    if unmatched:
        return Finding(culprit=case.leaf, unmatched=unmatched)
    return False if any(verdict.match for verdict in case.names) else None


# --- the dialogue ---------------------------------------------------------------------------------


def starttls_missing(case: Case) -> Answer:
    """STARTTLS is wanted and the EHLO reply does not list it (RFC 3207 section 4)."""
    offered = case.observation.smtp.starttls_offered
    if case.target.mode is Mode.TLS or offered is None:
        return None
    return False if offered else Finding()


def plaintext_injection(case: Case) -> Answer:
    """Bytes came between the 220 reply to STARTTLS and TLS (CVE-2011-0411 and its kin)."""
    if _failed_by(case, Reason.PLAINTEXT_INJECTION):
        return Finding()
    return False if case.target.mode is Mode.STARTTLS and case.observation.chain else None


def unreachable(case: Case) -> Answer:
    """No certificate could be obtained, for a reason that has no problem of its own."""
    failure = case.observation.failure
    if failure is None or failure.reason in _OWN_PROBLEM:
        return False
    return Finding(severity=State.UNKNOWN if failure.reason is Reason.INTERNAL_ERROR else None)


_OWN_PROBLEM = {Reason.STARTTLS_NOT_OFFERED, Reason.PLAINTEXT_INJECTION}


def _failed_by(case: Case, reason: Reason) -> bool:
    failure: Failure | None = case.observation.failure
    return failure is not None and failure.reason is reason


CHECKS: Mapping[ProblemKind, Callable[[Case], Answer]] = {
    ProblemKind.UNTRUSTED_ROOT: untrusted_root,
    ProblemKind.MISSING_INTERMEDIATE: missing_intermediate,
    ProblemKind.SELF_SIGNED: self_signed,
    ProblemKind.EXPIRED: expired,
    ProblemKind.NOT_YET_VALID: not_yet_valid,
    ProblemKind.EXPIRES_SOON: expires_soon,
    ProblemKind.HOSTNAME_MISMATCH: hostname_mismatch,
    ProblemKind.REVOKED: revoked,
    ProblemKind.REVOCATION_UNKNOWN: revocation_unknown,
    ProblemKind.WRONG_USAGE: wrong_usage,
    ProblemKind.CHAIN_INVALID: chain_invalid,
    ProblemKind.WEAK_KEY: weak_key,
    ProblemKind.WEAK_SIGNATURE: weak_signature,
    ProblemKind.LEGACY_TLS: legacy_tls,
    ProblemKind.STARTTLS_MISSING: starttls_missing,
    ProblemKind.PLAINTEXT_INJECTION: plaintext_injection,
    ProblemKind.UNREACHABLE: unreachable,
}
