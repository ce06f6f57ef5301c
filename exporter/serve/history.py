"""What earlier probes of a target found, in few bytes: there may be ten thousand targets.

In: the results of each examination. Out: short records, oldest first. The last examinations are kept whatever
they found; one that found trouble is kept longer, so that a rare fault can still be read about when somebody
has time to look. A record has no text from the network except the detail of a failure.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from exporter.model import Failure, ProblemKind, Result, State

RECENT = 20
"""Examinations that are kept whatever they found."""

TROUBLED = 20
"""Older examinations that are kept because they were not all well."""


class Past(NamedTuple):
    """One probe of one address. `time` is when it began (aware UTC), `duration` seconds.

    `sha1` is the leaf's thumbprint and `days_left` its days to expiry; both are those of the latest
    certificate that was seen, and None while there was none.
    """

    time: datetime
    duration: float
    address: str
    state: State
    failure: Failure | None
    problems: tuple[ProblemKind, ...]
    sha1: str | None
    days_left: float | None


Look = tuple[Past, ...]
"""One examination: a record for each address."""


def extended(history: Sequence[Look], results: Sequence[Result]) -> tuple[Look, ...]:
    """The history with one more examination, and without what is too old for it."""
    looks = [*history, tuple(map(_record, results))]
    troubled = [look for look in looks[:-RECENT] if any(past.state is not State.OK for past in look)]
    return (*troubled[-TROUBLED:], *looks[-RECENT:])


def _record(result: Result) -> Past:
    verdict = result.verdict
    return Past(
        time=result.time,
        duration=result.duration,
        address=result.observation.address,
        state=verdict.state,
        failure=result.observation.failure,
        problems=tuple(problem.kind for problem in verdict.problems),
        sha1=verdict.chain[0].sha1 if verdict.chain else None,
        days_left=result.days_left,
    )
