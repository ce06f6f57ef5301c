"""Says in the log what has changed for a target, and only then.

In: the results before and after. Out: log records. A server that stays broken is named once.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from exporter.model import Result, State

logger = logging.getLogger(__name__)


def log(before: Sequence[Result], after: Sequence[Result]) -> None:
    """Log each address whose state, problems or way of failing differ from before."""
    known = {result.observation.address: result for result in before}
    for result in after:
        last = known.get(result.observation.address)
        if last is not None and result.grounds is not None and result.grounds is last.grounds:
            continue  # without problems, as before
        if last is None or _standing(result) != _standing(last):
            _record(result, known=last is not None)


def _standing(result: Result) -> tuple[object, ...]:
    failure = result.observation.failure if not result.success else None
    kinds = frozenset(problem.kind for problem in result.verdict.problems)
    return result.verdict.state, kinds, failure and (failure.stage, failure.reason)


def _record(result: Result, *, known: bool) -> None:
    """A first result that is fine is no news."""
    verdict = result.verdict
    level = logging.INFO if known or verdict.state is not State.OK else logging.DEBUG
    fields = {
        "target": result.target.name,
        "address": result.observation.address,
        "state": verdict.state.name.lower(),
        "problems": ",".join(problem.kind for problem in verdict.problems),
    }
    failure = result.observation.failure
    if failure and not result.success:
        fields |= {"stage": failure.stage, "reason": failure.reason, "detail": failure.detail}
    logger.log(level, "target changed" if known else "target probed first", extra=fields)
