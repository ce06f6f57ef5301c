"""READ THIS FIRST: the whole way from a target to its results.

`examine` resolves the target's name, looks at each of its addresses, fetches the evidence that judging
asks for, and has all of it judged. It
is the only place that reads the clock for a run; everything below it takes the time as an argument.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from dataclasses import replace
from datetime import UTC, datetime

from exporter.evidence.ways import NOTHING, Evidence
from exporter.judge import issuer_to_fetch, judge, revocation_questions
from exporter.model import (
    Addresses,
    Failure,
    IssuerAnswer,
    Observation,
    Reason,
    Result,
    RevocationAnswer,
    RevocationMethod,
    RevocationQuestion,
    RevocationStatus,
    Stage,
    Target,
    TrustStore,
)
from exporter.probe.errors import ProbeError
from exporter.probe.resolve import resolve
from exporter.probe.stream import look

Gate = Callable[[str], AbstractAsyncContextManager[None]]
"""Called with an address before it is connected to; what it returns is held during the look."""


Refusal = Callable[[Sequence[str]], str | None]
"""Called with the addresses that a name has, before any of them is connected to."""


def refuse_nothing(_addresses: Sequence[str]) -> None:
    """All addresses are right."""


def open_gate(_address: str) -> AbstractAsyncContextManager[None]:
    """A gate that keeps nobody waiting."""
    return nullcontext()


async def examine(  # noqa: PLR0913 - each is a separate way to the outside
    target: Target,
    stores: Mapping[str, TrustStore],
    *,
    previous: Sequence[Result] = (),
    gate: Gate = open_gate,
    evidence: Evidence = NOTHING,
    timeout: float | None = None,
    refusal: Refusal = refuse_nothing,
) -> tuple[Result, ...]:
    """Look at a target and judge it: one result per address, one in all when there is no address.

    Args:
        target: what to look at; its timeout is for each address, from the moment of its turn.
        stores: trust stores by label, all that the target's policy names among them.
        previous: the target's last results. Where a look fails, their certificates are judged again.
        gate: limits on what is connected to at a time.
        evidence: the ways to what judging needs beside what the server sends.
        timeout: seconds for everything, waiting for the gate included; None for no such limit.
        refusal: says why addresses must not be connected to, None when they may.

    Raises:
        NotPermittedError: they must not.
    """
    run = _Run(target, stores, previous, gate, evidence, timeout)
    try:
        addresses = await resolve(target.host, target.ip_family, timeout=run.remaining())
    except ProbeError as error:
        # The name may have lost its addresses, but the results of each are still told apart by them.
        known = tuple(result.observation.address for result in previous) or ("",)
        failure = Failure(Stage.RESOLVE, error.reason, error.detail)
        return tuple([await run.give_up(address, failure) for address in known])
    if reason := refusal(addresses):
        raise NotPermittedError(reason)
    run.resolved()
    if target.addresses is Addresses.ALL:
        return tuple(await asyncio.gather(*map(run.examine_address, addresses)))
    return (await _first_that_connects(run, addresses),)


async def unresolved(
    target: Target, stores: Mapping[str, TrustStore], failure: Failure
) -> tuple[Result, ...]:
    """The results of a target of which it is known beforehand that there is nothing to connect to."""
    return (await _Run(target, stores, (), open_gate, NOTHING, None).give_up("", failure),)


async def _first_that_connects(run: _Run, addresses: Sequence[str]) -> Result:
    """As a client does: the next address when one cannot be connected to, but not for any other fault."""
    for left in range(len(addresses), 0, -1):
        result = await run.examine_address(addresses[-left], share=left)
        failure = result.observation.failure
        if failure is None or failure.stage is not Stage.CONNECT or left == 1:
            return result
    raise AssertionError("a name that resolves has an address")


class NotPermittedError(Exception):
    """An address of the target must not be connected to, and nothing was; the message says why."""


class _Run:
    """One call of `examine`: its arguments, its clock and its deadline."""

    def __init__(
        self,
        target: Target,
        stores: Mapping[str, TrustStore],
        previous: Sequence[Result],
        gate: Gate,
        evidence: Evidence,
        limit: float | None,
    ) -> None:
        self._target = target
        self._stores = stores
        self._previous = {result.observation.address: result for result in previous}
        self._gate = gate
        self._evidence = evidence
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
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(self._limit()):
                    await stack.enter_async_context(self._gate(address))
            except TimeoutError:
                return await self.give_up(
                    address, Failure(Stage.CONNECT, Reason.TIMEOUT, "too many probes at once")
                )
            began, left = _utc_now(), self.remaining()
            observation = await look(self._target, address, timeout=left, connect_timeout=left / share)
        return await self._conclude(observation, began)

    async def give_up(self, address: str, failure: Failure) -> Result:
        """The result for an address that was not connected to."""
        return await self._conclude(
            Observation(address=address, stage=failure.stage, failure=failure), _utc_now()
        )

    async def _conclude(self, observation: Observation, began: datetime) -> Result:
        """Judge what was seen, or what was seen last when this look obtained nothing."""
        judging = time.monotonic()
        seen, seen_at = self._certificate(observation, began)
        answers = await self._fetch_issuers(seen, began) if seen else {}
        asking = time.monotonic()
        revocation = await self._ask_revocation(seen, began, answers) if seen else ()
        asked = time.monotonic() - asking
        verdict = judge(observation, seen, self._target, self._stores, began, answers, revocation=revocation)
        phases = {
            Stage.RESOLVE: judging - self._started if self._resolving is None else self._resolving,
            **observation.phases,
            Stage.VERIFY: time.monotonic() - judging - asked,
        }
        if revocation:
            phases[Stage.REVOCATION] = asked
        timed = replace(observation, phases=phases)
        return Result(
            target=self._target,
            observation=timed,
            verdict=verdict,
            time=began,
            duration=sum(phases.values()),
            seen=timed if seen is observation else seen,
            seen_at=seen_at,
        )

    async def _fetch_issuers(self, seen: Observation, now: datetime) -> Mapping[str, IssuerAnswer]:
        """Ask the chain's own AIA URLs, one after the other, for what it lacks."""
        answers: dict[str, IssuerAnswer] = {}
        fetch = self._evidence.fetch_issuer
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
        self, seen: Observation, now: datetime, issuers: Mapping[str, IssuerAnswer]
    ) -> Sequence[RevocationAnswer]:
        """Ask about all certificates of the trusted paths at the same time."""
        ask, methods = self._evidence.ask_revocation, self._target.policy.revocation
        if ask is None or not methods:
            return ()
        questions = revocation_questions(seen, self._target, self._stores, now, issuers)

        async def answer(question: RevocationQuestion) -> Sequence[RevocationAnswer]:
            try:
                async with asyncio.timeout(self._limit()):
                    return await ask(question, methods, seen.address)
            except TimeoutError:
                return [_no_time(question, method) for method in methods if method is not _STAPLE]

        return [one for group in await asyncio.gather(*map(answer, questions)) for one in group]

    def _certificate(
        self, observation: Observation, began: datetime
    ) -> tuple[Observation | None, datetime | None]:
        """The observation whose certificate counts, and when it was made."""
        if observation.chain:
            return observation, began
        last = self._previous.get(observation.address)
        return (last.seen, last.seen_at) if last else (None, None)


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
