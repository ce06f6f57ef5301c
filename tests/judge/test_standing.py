"""A verdict is taken over only where judging anew would lead to the same one."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.demo.authority import DAY
from exporter.judge import grounds, judge, remaining, stands
from exporter.model import (
    CertificateFacts,
    Failure,
    Grounds,
    Observation,
    Policy,
    Reason,
    RevocationAnswer,
    RevocationMethod,
    RevocationStatus,
    Stage,
    State,
    Statement,
    Target,
    Threshold,
    TlsFacts,
    TrustStore,
    Verdict,
)
from exporter.model import ProblemKind as P
from tests.judge.test_problems import HOST, NOW, ROOT, STORES, SUB, TARGET, leaf, seen

LEAF = leaf(begins=-10 * DAY, ends=90 * DAY)
LOOK = replace(seen(LEAF, SUB), staple=b"staple")


class Said:
    """Evidence that says the same of every certificate."""

    usable = True
    size = 0

    def __init__(self, this_update: datetime, next_update: datetime | None) -> None:
        self._said = Statement(status=RevocationStatus.GOOD, this_update=this_update, next_update=next_update)

    @property
    def next_update(self) -> datetime | None:
        """When newer evidence is due."""
        return self._said.next_update

    def about(self, certificate: CertificateFacts) -> Statement:  # noqa: ARG002 - the protocol's name
        """What it says."""
        return self._said


def held(
    target: Target, now: datetime, revocation: tuple[RevocationAnswer, ...] = ()
) -> tuple[Verdict, Grounds | None]:
    """The verdict at a moment, and what it rests on."""
    verdict = judge(LOOK, LOOK, target, STORES, now, revocation=revocation)
    return verdict, grounds(verdict, LOOK, target, STORES, now, revocation)


MOMENTS = st.integers(-30 * 86400, 150 * 86400).map(lambda seconds: NOW + timedelta(seconds=seconds))
THRESHOLDS = st.one_of(
    st.builds(Threshold, st.integers(0, 80).map(float)),
    st.builds(Threshold, st.floats(0, 1), ratio=st.just(True)),
    st.builds(Threshold, st.just(5.0), st.floats(50, 400), inside=st.booleans()),
)


@given(MOMENTS, MOMENTS, THRESHOLDS, THRESHOLDS)
def test_what_stands_is_what_would_be_found(
    now: datetime, later: datetime, warning: Threshold, critical: Threshold
) -> None:
    """Whatever the thresholds and the two moments, a verdict that stands is the one of the second moment."""
    target = replace(TARGET, policy=Policy(stores=("store",), warning=warning, critical=critical))
    verdict, found = held(target, now)
    if found is not None and stands(found, LOOK, target, STORES, later):
        assert verdict == judge(LOOK, LOOK, target, STORES, later)


@given(MOMENTS, MOMENTS, MOMENTS, st.none() | MOMENTS)
def test_evidence_that_ages_is_judged_again(
    now: datetime, later: datetime, this_update: datetime, next_update: datetime | None
) -> None:
    """Where revocation counts, a verdict stands no longer than its evidence."""
    target = replace(TARGET, policy=Policy(stores=("store",), revocation=(RevocationMethod.CRL,)))
    answers = tuple(
        RevocationAnswer(
            position=position,
            method=RevocationMethod.CRL,
            status=RevocationStatus.GOOD,
            reading=Said(this_update, next_update),
        )
        for position in (0, 1)
    )
    verdict, found = held(target, now, answers)
    if found is not None and stands(found, LOOK, target, STORES, later):
        assert verdict == judge(LOOK, LOOK, target, STORES, later, revocation=answers)


def test_a_good_verdict_stands_for_weeks() -> None:
    """Until the first threshold is crossed, and not a second before it was reached."""
    _, found = held(TARGET, NOW)
    assert found is not None
    assert stands(found, LOOK, TARGET, STORES, NOW + 60 * DAY)
    assert not stands(found, LOOK, TARGET, STORES, NOW + 70 * DAY)
    assert not stands(found, LOOK, TARGET, STORES, NOW - timedelta(seconds=1))


OTHERWISE = {
    "another chain": replace(LOOK, chain=LOOK.chain[:1]),
    "another staple": replace(LOOK, staple=b""),
    "an older version": replace(LOOK, tls=TlsFacts("TLSv1.1", None, None, None)),
    "no STARTTLS": replace(LOOK, smtp=replace(LOOK.smtp, starttls_offered=None)),
    "a failure": replace(LOOK, failure=Failure(Stage.CONNECT, Reason.TIMEOUT)),
    "nothing": Observation(address=LOOK.address, stage=Stage.CONNECT),
}


@pytest.mark.parametrize("other", OTHERWISE.values(), ids=OTHERWISE)
def test_what_looks_otherwise_is_judged_again(other: Observation) -> None:
    """Whatever a problem could follow from counts."""
    _, found = held(TARGET, NOW)
    assert found is not None
    assert not stands(found, other, TARGET, STORES, NOW)


def test_other_wishes_and_stores_are_judged_again() -> None:
    """A target that expects another name, and a store with other contents under the same label."""
    _, found = held(TARGET, NOW)
    assert found is not None
    assert not stands(found, LOOK, replace(TARGET, names=("other.example.org",)), STORES, NOW)
    assert not stands(found, LOOK, TARGET, {"store": TrustStore("store", (ROOT.der, SUB.der))}, NOW)
    assert stands(found, LOOK, replace(TARGET), {"store": TrustStore("store", (ROOT.der,))}, NOW)


def test_problems_have_no_grounds() -> None:
    """Their texts count days; one that is turned off is none."""
    target = replace(TARGET, names=("other.example.org",))
    assert held(target, NOW)[1] is None
    off = replace(target, policy=Policy(stores=("store",), severities={P.HOSTNAME_MISMATCH: State.OK}))
    assert held(off, NOW)[1] is not None


def test_the_days_go_on() -> None:
    """Days and the part of the lifetime are those of the moment that is asked about; without a leaf there are none."""
    verdict, _ = held(TARGET, NOW)
    (leaf, *_) = verdict.chain
    assert remaining(verdict.chain, leaf.not_after - 2 * DAY)[0] == pytest.approx(2)
    assert list(remaining(verdict.chain, leaf.not_after + DAY)) == [pytest.approx(-1), 0]
    assert remaining(verdict.chain, leaf.not_before - DAY)[1] == 1
    assert remaining((), NOW) == (None, None)
    assert HOST in str(verdict.chain[0].sans)
