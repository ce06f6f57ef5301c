"""The steps of one examination: when each address has its turn, what it is judged by, and how long all of it takes.

`pipeline.examine` is its reader's guide. Its clock is the only one of a probe but for the driver's.
"""

from __future__ import annotations

import asyncio
import math
import operator
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

from exporter.evidence.ways import Evidence
from exporter.judge import (
    grounds,
    issuer_to_fetch,
    judge,
    questions_about,
    remaining,
    revocation_questions,
    stands,
)
from exporter.model import (
    Failure,
    Grounds,
    IssuerAnswer,
    Observation,
    Phases,
    Reason,
    Result,
    RevocationAnswer,
    RevocationMethod,
    RevocationQuestion,
    RevocationStatus,
    Stage,
    Target,
    TrustStore,
    Verdict,
)

Look = Callable[..., Awaitable[tuple[Observation, Phases]]]
"""`exporter.probe.stream.look`, or what does the same elsewhere."""
Gate = Callable[[str], AbstractAsyncContextManager[None]]
"""Called with an address before it is connected to; what it returns is held during the look."""


class Means(NamedTuple):
    """The ways to the outside."""

    gate: Gate
    evidence: Evidence
    look: Look


class Earlier:
    """Earlier results of a target, and whether their certificates stand in for what a failed look does not obtain."""

    def __init__(self, results: Sequence[Result] = (), *, carry: bool = True) -> None:
        self._results = {result.observation.address: result for result in results}
        self.carry = carry

    def result(self, address: str) -> Result | None:
        """The one for an address."""
        return self._results.get(address)

    def carried(self) -> Sequence[str]:
        """The addresses that have something to stand in."""
        return tuple(self._results) if self.carry else ()


class Run:
    """One call of `examine`: its arguments, its clock and its deadline."""

    def __init__(
        self,
        target: Target,
        stores: Mapping[str, TrustStore],
        earlier: Earlier,
        means: Means,
        limit: float | None,
    ) -> None:
        self._target = target
        self._stores = stores
        self._earlier = earlier
        self._means = means
        self._started = time.monotonic()
        self._deadline = math.inf if limit is None else self._started + limit
        self._resolving: float | None = None

    def remaining(self) -> float:
        """Seconds that the next step may take."""
        left = self._deadline - time.monotonic()
        return max(min(self._target.timeout - (self._resolving or 0.0), left), 0.001)

    def _limit(self) -> float | None:
        """Seconds that the caller's deadline leaves; None when there is none."""
        return None if math.isinf(self._deadline) else self._deadline - time.monotonic()

    def resolved(self) -> None:
        """Take note of how long the name took; it counts against each address's time."""
        self._resolving = time.monotonic() - self._started

    async def examine_address(self, address: str, *, share: int = 1) -> Result:
        """Wait for the gate, look, judge. Connecting may take one `share`th of the time."""
        turn = _Turn(self._means.gate(address), self._limit())
        async with turn:
            if turn.missed:
                return await self.give_up(
                    address, Failure(Stage.CONNECT, Reason.TIMEOUT, "too many probes at once")
                )
            began, left = _utc_now(), self.remaining()
            connecting = None if share == 1 else left / share
            observation, phases = await self._means.look(
                self._target, address, timeout=left, connect_timeout=connecting
            )
        return await self._conclude(observation, phases, began)

    async def give_up(self, address: str, failure: Failure) -> Result:
        """The result for an address that was not connected to."""
        return await self._conclude(
            Observation(address=address, stage=failure.stage, failure=failure), {}, _utc_now()
        )

    async def _conclude(self, observation: Observation, phases: Phases, began: datetime) -> Result:
        """Judge what was seen, or what was seen last when this look obtained nothing."""
        judging = time.monotonic()
        seen, seen_at = self._certificate(observation, began)
        verdict, held, asked = await self._judged(observation, seen, began)
        took = {
            Stage.RESOLVE: judging - self._started if self._resolving is None else self._resolving,
            **phases,
            Stage.VERIFY: time.monotonic() - judging - (asked or 0.0),
        }
        if asked is not None:
            took[Stage.REVOCATION] = asked
        kept = self._kept(observation, verdict)
        days, ratio = remaining(verdict.chain, began)
        return Result(
            target=self._target,
            observation=kept,
            verdict=verdict,
            time=began,
            duration=sum(took.values()),
            phases=took,
            days_left=days,
            lifetime_left=ratio,
            seen=kept if kept.chain else seen,
            seen_at=seen_at,
            grounds=held,
        )

    async def _judged(
        self, observation: Observation, seen: Observation | None, now: datetime
    ) -> tuple[Verdict, Grounds | None, float | None]:
        """The verdict, what it rests on, and how many seconds asking about revocation took, if anybody was asked."""
        last = self._standing(observation, now)
        answers = await self._fetch_issuers(seen, now) if seen and not last else {}
        asking = time.monotonic()
        revocation = await self._ask_revocation(seen, now, answers, last) if seen else ()
        asked = time.monotonic() - asking if revocation else None
        if last and last.grounds and last.grounds.revocation == revocation:
            return last.verdict, last.grounds, asked
        verdict = judge(observation, seen, self._target, self._stores, now, answers, revocation=revocation)
        if answers:
            return verdict, None, asked
        return verdict, grounds(verdict, observation, self._target, self._stores, now, revocation), asked

    def _standing(self, observation: Observation, now: datetime) -> Result | None:
        """The last result, if all that it rests on was seen again."""
        last = self._earlier.result(observation.address)
        if last and last.grounds and stands(last.grounds, observation, self._target, self._stores, now):
            return last
        return None

    def _kept(self, observation: Observation, verdict: Verdict) -> Observation:
        """What was seen, in the objects that are kept anyway: those of the last time, or the certificates as they were read."""
        last = self._earlier.result(observation.address)
        if last and last.observation == observation:
            return last.observation
        read = tuple([facts.der for facts in verdict.chain])
        if read != observation.chain or all(map(operator.is_, read, observation.chain)):
            return observation
        return replace(observation, chain=read)

    async def _fetch_issuers(self, seen: Observation, now: datetime) -> Mapping[str, IssuerAnswer]:
        """Ask the chain's own AIA URLs, one after the other, for what it lacks."""
        answers: dict[str, IssuerAnswer] = {}
        fetch = self._means.evidence.fetch_issuer
        if fetch is None:
            return answers
        while url := issuer_to_fetch(seen, self._target, self._stores, now, answers):
            try:
                async with asyncio.timeout(self._limit()):
                    answers[url] = await fetch(url, seen.address)
            except TimeoutError:
                answers[url] = IssuerAnswer(url, detail="no time was left to fetch it")
        return answers

    async def _ask_revocation(
        self, seen: Observation, now: datetime, issuers: Mapping[str, IssuerAnswer], last: Result | None
    ) -> tuple[RevocationAnswer, ...]:
        """Ask about all certificates of the trusted paths at the same time."""
        ask, methods = self._means.evidence.ask_revocation, self._target.policy.revocation
        if ask is None or not methods:
            return ()
        if last:
            questions = questions_about(last.verdict.chain, last.verdict.stores, now)
        else:
            questions = revocation_questions(seen, self._target, self._stores, now, issuers)

        async def answer(question: RevocationQuestion) -> Sequence[RevocationAnswer]:
            try:
                async with asyncio.timeout(self._limit()):
                    return await ask(question, methods, seen.address)
            except TimeoutError:
                return [_no_time(question, method) for method in methods if method is not _STAPLE]

        return tuple(one for group in await asyncio.gather(*map(answer, questions)) for one in group)

    def _certificate(
        self, observation: Observation, began: datetime
    ) -> tuple[Observation | None, datetime | None]:
        """The observation whose certificate counts, and when it was made."""
        if observation.chain:
            return observation, began
        last = self._earlier.result(observation.address)
        return (last.seen, last.seen_at) if last and self._earlier.carry else (None, None)


class _Turn(AbstractAsyncContextManager["_Turn"]):
    """A gate that is waited for no longer than some seconds; None for as long as it takes."""

    def __init__(self, gate: AbstractAsyncContextManager[None], limit: float | None) -> None:
        self._gate = gate
        self._limit = limit
        self.missed = False

    async def __aenter__(self) -> _Turn:
        if self._limit is None:
            await self._gate.__aenter__()
            return self
        try:
            async with asyncio.timeout(self._limit):
                await self._gate.__aenter__()
        except TimeoutError:
            self.missed = True
        return self

    async def __aexit__(self, *why: object) -> None:
        if not self.missed:
            await self._gate.__aexit__(None, None, None)


_STAPLE = RevocationMethod.STAPLE


def _no_time(question: RevocationQuestion, method: RevocationMethod) -> RevocationAnswer:
    return RevocationAnswer(
        position=question.position,
        method=method,
        status=RevocationStatus.UNREACHABLE,
        detail="no time was left to ask",
    )


def _utc_now() -> datetime:
    return datetime.now(UTC)
