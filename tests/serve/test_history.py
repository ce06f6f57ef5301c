"""What is kept of earlier probes."""

from __future__ import annotations

from datetime import timedelta

from exporter.model import ProblemKind, State
from exporter.serve.history import RECENT, TROUBLED, Look, extended
from tests import results


def after(*several: bool) -> tuple[Look, ...]:
    """The history of examinations, one a minute, which found trouble where True."""
    history: tuple[Look, ...] = ()
    for minute, trouble in enumerate(several):
        found = [results.problem(ProblemKind.EXPIRED)] if trouble else []
        time = results.NOW + timedelta(minutes=minute)
        history = extended(history, [results.result(*found, time=time)])
    return history


def minutes(history: tuple[Look, ...]) -> list[int]:
    """When the examinations were."""
    return [int((look[0].time - results.NOW).total_seconds() // 60) for look in history]


def test_the_last_examinations_are_kept_in_their_order() -> None:
    """Whatever they found, and no more of them than the limit."""
    assert minutes(after(*[False] * (RECENT + 7))) == list(range(7, RECENT + 7))


def test_trouble_is_kept_longer() -> None:
    """One bad examination among many good ones is still there, before the recent ones."""
    history = after(*[False] * 3, True, *[False] * (3 * RECENT))
    assert minutes(history)[0] == 3
    assert len(history) == RECENT + 1
    assert history[0][0].problems == (ProblemKind.EXPIRED,)
    assert history[0][0].state is State.CRITICAL


def test_a_target_that_is_never_well_does_not_grow() -> None:
    """Trouble without end is bounded too: the oldest goes."""
    count = RECENT + TROUBLED + 50
    assert minutes(after(*[True] * count)) == list(range(50, count))


def test_an_examination_has_one_record_for_each_address() -> None:
    """A failed one says at which stage and why, and keeps the thumbprint of the certificate last seen."""
    good, bad = results.result(), results.failed(address="192.0.2.8")
    (look,) = extended((), [good, bad])
    assert [past.address for past in look] == [good.observation.address, "192.0.2.8"]
    assert look[0].sha1 == results.LEAF.sha1
    assert look[0].failure is None
    assert look[1].failure == bad.observation.failure
