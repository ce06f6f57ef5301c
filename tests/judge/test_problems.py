"""Every problem, found and not found; all at once; unknown where it cannot be told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.demo.authority import CLIENT_AUTH, DAY, Intermediate, Issued, Leaf, Root, self_signed
from exporter.judge import judge, remaining
from exporter.judge.problems import CHECKS
from exporter.model import (
    Exchange,
    Failure,
    Mode,
    Observation,
    Policy,
    Reason,
    Reply,
    SmtpFacts,
    Stage,
    State,
    Target,
    Threshold,
    TlsFacts,
    TrustStore,
    Verdict,
)
from exporter.model import ProblemKind as P

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOST = "mail.example.org"
ROOT = self_signed(Root("CN=Root"), NOW)
SUB = ROOT.issue(Intermediate("CN=Sub"))
TARGET = Target(name=f"{HOST}:25", host=HOST, names=(HOST,), policy=Policy(stores=("store",)))
STORES = {"store": TrustStore("store", (ROOT.der,))}
OFFERED = SmtpFacts(
    (Exchange("", Reply(220, ("mx ESMTP",))), Exchange("EHLO m", Reply(250, ("mx", "STARTTLS")))),
    ("STARTTLS",),
    True,
)
CHAIN_KINDS = {
    P.UNTRUSTED_ROOT,
    P.MISSING_INTERMEDIATE,
    P.SELF_SIGNED,
    P.EXPIRED,
    P.NOT_YET_VALID,
    P.EXPIRES_SOON,
    P.HOSTNAME_MISMATCH,
    P.WRONG_USAGE,
    P.CHAIN_INVALID,
    P.WEAK_KEY,
    P.WEAK_SIGNATURE,
    P.LEGACY_TLS,
}


def leaf(**changes: object) -> Issued:
    """A certificate that is good but for these changes."""
    return SUB.issue(Leaf(f"CN={HOST}", **({"dns": (HOST,)} | changes)))  # type: ignore[arg-type] # knobs of the template


def seen(*chain: Issued) -> Observation:
    """A look that obtained a chain."""
    return Observation(
        address="192.0.2.1",
        stage=Stage.HANDSHAKE,
        smtp=OFFERED,
        tls=TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, "x25519"),
        chain=tuple(certificate.der for certificate in chain),
    )


def failed(stage: Stage, reason: Reason, smtp: SmtpFacts = SmtpFacts()) -> Observation:  # noqa: B008 - frozen
    """A look that obtained nothing."""
    return Observation(
        address="192.0.2.1", stage=stage, failure=Failure(stage, reason, "in words"), smtp=smtp
    )


def verdict(observation: Observation, target: Target = TARGET, now: datetime = NOW) -> Verdict:
    """The judgement on one look."""
    return judge(observation, observation if observation.chain else None, target, STORES, now)


def kinds(found: Verdict) -> set[P]:
    """Which problems were found."""
    return {problem.kind for problem in found.problems}


FOUND = {
    "nothing": ((leaf(), SUB), set()),
    "expired": ((leaf(ends=-DAY), SUB), {P.EXPIRED}),
    "not yet valid": ((leaf(begins=DAY), SUB), {P.NOT_YET_VALID}),
    "expires soon": ((leaf(ends=5 * DAY), SUB), {P.EXPIRES_SOON}),
    "wrong name": ((leaf(dns=("old.example.org",)), SUB), {P.HOSTNAME_MISMATCH}),
    "wrong usage": ((leaf(purposes=(CLIENT_AUTH,)), SUB), {P.WRONG_USAGE}),
    "missing intermediate": ((leaf(aia_issuers=("http://x.example/",)),), {P.MISSING_INTERMEDIATE}),
    "unknown issuer": ((leaf(),), {P.UNTRUSTED_ROOT}),
    "self-signed": ((self_signed(Leaf(f"CN={HOST}", dns=(HOST,)), NOW),), {P.SELF_SIGNED}),
    "bad signature": ((leaf(signing_key=ROOT.key), SUB), {P.CHAIN_INVALID}),
    "three at once": (
        (leaf(ends=-DAY, dns=("old.example.org",), aia_issuers=("http://x.example/",)),),
        {P.EXPIRED, P.HOSTNAME_MISMATCH, P.MISSING_INTERMEDIATE},
    ),
    "usage hidden by an unknown root": ((leaf(purposes=(CLIENT_AUTH,)),), {P.WRONG_USAGE, P.UNTRUSTED_ROOT}),
    "self-signed, expired, of another name": (
        (self_signed(Leaf("CN=x", dns=("x.example",), ends=-DAY), NOW),),
        {P.SELF_SIGNED, P.EXPIRED, P.HOSTNAME_MISMATCH},
    ),
    "signature and date": ((leaf(signing_key=ROOT.key, ends=-DAY), SUB), {P.CHAIN_INVALID, P.EXPIRED}),
}


@pytest.mark.parametrize(("chain", "expected"), FOUND.values(), ids=FOUND)
def test_each_chain_has_exactly_its_problems(chain: tuple[Issued, ...], expected: set[P]) -> None:
    """What is wrong is found, all of it and nothing else."""
    found = verdict(seen(*chain))
    assert kinds(found) == expected
    assert found.evaluated >= expected
    assert found.state is (State.CRITICAL if expected else State.OK)


def test_what_was_looked_for() -> None:
    """A healthy chain has every problem of the chain decided, and the dialogue's."""
    evaluated = verdict(seen(leaf(), SUB)).evaluated
    assert evaluated == CHAIN_KINDS | {P.STARTTLS_MISSING, P.PLAINTEXT_INJECTION, P.UNREACHABLE}


def test_each_problem_has_its_texts() -> None:
    """A finding says what is wrong, what to do and what the clients say."""
    for chain, _ in FOUND.values():
        for problem in verdict(seen(*chain)).problems:
            assert problem.summary
            assert problem.remedy
            assert set(problem.clients) == {"dotnet", "java", "openssl", "go", "outlook"}


FAILURES = {
    "no STARTTLS": (
        failed(Stage.EHLO, Reason.STARTTLS_NOT_OFFERED, replace(OFFERED, starttls_offered=False)),
        {P.STARTTLS_MISSING},
        {P.STARTTLS_MISSING, P.UNREACHABLE},
    ),
    "injection": (
        failed(Stage.STARTTLS, Reason.PLAINTEXT_INJECTION, replace(OFFERED, injected=b"250 x")),
        {P.PLAINTEXT_INJECTION},
        {P.STARTTLS_MISSING, P.PLAINTEXT_INJECTION, P.UNREACHABLE},
    ),
    "421": (failed(Stage.GREETING, Reason.TEMPORARY_FAILURE), {P.UNREACHABLE}, {P.UNREACHABLE}),
    "refused": (failed(Stage.CONNECT, Reason.CONNECTION_REFUSED), {P.UNREACHABLE}, {P.UNREACHABLE}),
    "STARTTLS refused": (
        failed(Stage.STARTTLS, Reason.STARTTLS_REFUSED, OFFERED),
        {P.UNREACHABLE},
        {P.UNREACHABLE, P.STARTTLS_MISSING},
    ),
}


@pytest.mark.parametrize(("observation", "found", "evaluated"), FAILURES.values(), ids=FAILURES)
def test_failed_looks(observation: Observation, found: set[P], evaluated: set[P]) -> None:
    """Without a certificate only what the dialogue told is judged; the rest is unknown."""
    result = verdict(observation)
    assert (kinds(result), set(result.evaluated)) == (found, evaluated)
    assert (result.chain, result.stores, result.names) == ((), (), ())


def test_a_fault_of_ours_is_unknown_not_critical() -> None:
    """An internal error says nothing about the server."""
    assert verdict(failed(Stage.HANDSHAKE, Reason.INTERNAL_ERROR)).state is State.UNKNOWN


def test_implicit_tls_has_no_starttls() -> None:
    """With implicit TLS neither STARTTLS problem is evaluated."""
    evaluated = verdict(seen(leaf(), SUB), replace(TARGET, mode=Mode.TLS)).evaluated
    assert evaluated == CHAIN_KINDS | {P.UNREACHABLE}


def test_last_certificate_is_judged_again() -> None:
    """When a look fails, the last certificate is judged at the new time beside the failure."""
    before = seen(leaf(ends=DAY), SUB)
    later = judge(failed(Stage.CONNECT, Reason.TIMEOUT), before, TARGET, STORES, NOW + 2 * DAY)
    assert kinds(later) == {P.EXPIRED, P.UNREACHABLE}
    assert remaining(later.chain, NOW + 2 * DAY)[0] == -1


def test_undecided_causes_are_not_evaluated() -> None:
    """What the store leaves open is neither found nor ruled out."""
    assert P.MISSING_INTERMEDIATE not in verdict(seen(leaf())).evaluated
    assert P.UNTRUSTED_ROOT not in verdict(seen(leaf(aia_issuers=("http://x.example/",)))).evaluated


@pytest.mark.parametrize(
    ("days", "state"),
    [(21.5, State.OK), (21, State.OK), (20.9, State.WARNING), (7, State.WARNING), (6.9, State.CRITICAL)],
)
def test_thresholds_in_days(days: float, state: State) -> None:
    """By default 21 days warn and 7 alarm."""
    assert verdict(seen(leaf(ends=timedelta(days=days)), SUB)).state is state


@pytest.mark.parametrize(("days_old", "state"), [(10, State.OK), (32, State.WARNING), (44, State.CRITICAL)])
def test_thresholds_in_percent(days_old: int, state: State) -> None:
    """A third of a 47-day certificate's life warns, a tenth alarms, whatever its authority's age."""
    policy = Policy(
        stores=("store",), warning=Threshold(1 / 3, ratio=True), critical=Threshold(0.1, ratio=True)
    )
    chain = seen(leaf(begins=timedelta(days=-days_old), ends=timedelta(days=47 - days_old)), SUB)
    assert verdict(chain, replace(TARGET, policy=policy)).state is state


def test_an_authority_that_expires_soon() -> None:
    """An intermediate that ends within the threshold is due as the leaf would be."""
    sub = ROOT.issue(Intermediate("CN=Sub", ends=3 * DAY))
    found = verdict(seen(sub.issue(Leaf(f"CN={HOST}", dns=(HOST,))), sub))
    assert kinds(found) == {P.EXPIRES_SOON}
    assert "CN=Sub" in found.problems[0].summary


def test_an_upper_bound_is_about_the_leaf_alone() -> None:
    """A range with an upper end concerns the certificate, not the twenty years of its root."""
    policy = Policy(stores=("store",), warning=Threshold(21, 400), critical=Threshold(7))
    assert verdict(seen(leaf(), SUB), replace(TARGET, policy=policy)).state is State.OK
    assert verdict(seen(leaf(ends=500 * DAY), SUB), replace(TARGET, policy=policy)).state is State.WARNING


@pytest.mark.parametrize(
    ("key", "weak"),
    [("rsa-1024", True), ("rsa-2048", False), ("ec-p192", True), ("ec-p256", False), ("ed25519", False)],
)
def test_weak_keys(key: str, weak: bool) -> None:
    """RSA under 2048 bits and EC under 224 are weak, in the leaf and above it."""
    assert (P.WEAK_KEY in kinds(verdict(seen(leaf(key=key), SUB)))) is weak
    sub = ROOT.issue(Intermediate("CN=Sub", key=key))
    assert (P.WEAK_KEY in kinds(verdict(seen(sub.issue(Leaf("CN=x", dns=(HOST,))), sub)))) is weak


@pytest.mark.parametrize(
    ("version", "old"), [("TLSv1", True), ("TLSv1.1", True), ("TLSv1.2", False), ("TLSv1.3", False)]
)
def test_legacy_versions(version: str, old: bool) -> None:
    """Nothing newer than TLS 1.1 is a warning."""
    observation = replace(seen(leaf(), SUB), tls=TlsFacts(version, "x", 128, None))
    found = verdict(observation)
    assert kinds(found) == ({P.LEGACY_TLS} if old else set())
    assert found.state is (State.WARNING if old else State.OK)


def test_an_unrelated_certificate_that_expired_is_nothing() -> None:
    """Dates count on the path alone."""
    stranger = self_signed(Leaf("CN=stranger", ends=-DAY), NOW)
    assert verdict(seen(leaf(), SUB, stranger)).problems == ()


def test_expired_intermediate_of_an_untrusted_chain() -> None:
    """Where no store trusts the chain, dates are judged on what the server sent of the path."""
    other = self_signed(Root("CN=Other"), NOW)
    sub = other.issue(Intermediate("CN=Other Sub", ends=-DAY))
    assert kinds(verdict(seen(sub.issue(Leaf("CN=x", dns=(HOST,))), sub))) == {P.UNTRUSTED_ROOT, P.EXPIRED}


def test_several_names_are_told_apart() -> None:
    """Each expected name has its own verdict; the summary names those that are missing."""
    found = verdict(seen(leaf(), SUB), replace(TARGET, names=(HOST, "smtp.example.org")))
    assert [(name.name, name.match) for name in found.names] == [(HOST, True), ("smtp.example.org", False)]
    assert "smtp.example.org" in found.problems[0].summary


def test_without_names_nothing_is_said_of_them() -> None:
    """A target without expected names has no verdict on them."""
    assert P.HOSTNAME_MISMATCH not in verdict(seen(leaf(), SUB), replace(TARGET, names=())).evaluated


def test_without_stores_dates_and_names_are_still_judged() -> None:
    """A policy without trust stores leaves the chain's trust open, not its dates."""
    bare = replace(TARGET, policy=Policy(stores=()))
    found = verdict(seen(leaf(ends=-DAY), SUB), bare)
    assert kinds(found) == {P.EXPIRED}
    assert P.UNTRUSTED_ROOT not in found.evaluated


def test_severities_can_be_changed_and_problems_turned_off() -> None:
    """A policy may make a problem a warning, or nothing at all."""
    severities = {P.HOSTNAME_MISMATCH: State.WARNING, P.EXPIRED: State.OK}
    policy = Policy(stores=("store",), severities=severities)
    found = verdict(seen(leaf(dns=("x.example",), ends=-DAY), SUB), replace(TARGET, policy=policy))
    assert (kinds(found), found.state) == ({P.HOSTNAME_MISMATCH}, State.WARNING)
    assert P.EXPIRED not in found.evaluated


def test_worst_first() -> None:
    """Problems are in the order of their severity, then of the list of kinds."""
    policy = Policy(stores=("store",), severities={P.EXPIRED: State.WARNING})
    chain = seen(leaf(dns=("x.example",), ends=-DAY))
    found = verdict(chain, replace(TARGET, policy=policy))
    assert [p.kind for p in found.problems] == [P.UNTRUSTED_ROOT, P.HOSTNAME_MISMATCH, P.EXPIRED]


def test_unreadable_certificate_ends_the_chain() -> None:
    """Bytes that are no certificate are left out, with everything above them, and that is a problem."""
    good = leaf()
    observation = replace(seen(good, SUB), chain=(good.der, b"rubbish", SUB.der))
    found = verdict(observation)
    assert [c.subject for c in found.chain] == [f"CN={HOST}"]
    assert P.CHAIN_INVALID in kinds(found)
    assert "certificate 1 cannot be read" in next(
        p.summary for p in found.problems if p.kind is P.CHAIN_INVALID
    )


def test_unreadable_leaf_is_never_ok() -> None:
    """A certificate that OpenSSL serves and that cannot be read here (of version 4) is critical, not nothing."""
    der = leaf().der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x03", 1)
    found = verdict(replace(seen(leaf(), SUB), chain=(der, SUB.der)))
    assert (kinds(found), found.state) == ({P.CHAIN_INVALID}, State.CRITICAL)
    assert "certificate 0 cannot be read" in found.problems[0].summary


@given(days=st.floats(min_value=-400, max_value=400), later=st.floats(min_value=0, max_value=400))
def test_time_never_improves_a_valid_certificate(days: float, later: float) -> None:
    """Once a certificate has begun, its state only gets worse."""
    observation = seen(leaf(begins=-1000 * DAY), SUB)
    first = verdict(observation, now=NOW + timedelta(days=days)).state
    second = verdict(observation, now=NOW + timedelta(days=days + later)).state
    assert second.rank >= first.rank


def test_the_table_of_checks_is_complete() -> None:
    """Every kind has a check."""
    assert set(CHECKS) == set(P)
