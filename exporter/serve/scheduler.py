"""When each target is probed.

In: targets with their intervals, and a way to examine one. Out: results on the board. The first sweep begins
at once; afterwards a target is probed once per interval, at a moment that follows from its identity, so that
the probes of many targets are spread evenly and stay where they are over a restart of the loop.

One heap of due times and one task that waits for the earliest: a target costs a task only while it is
examined. A time that no longer counts, since its target was removed or planned anew, stays in the heap until
it comes up. It must not look into results, and nothing that an examination does may stop it.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import heapq
import logging
import math
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Protocol

from exporter.model import Result, Target
from exporter.pipeline import Refusal
from exporter.serve import changes
from exporter.serve.board import Board
from exporter.serve.limits import Admission, Clock, Gate, Limits
from exporter.serve.statistics import Statistics

logger = logging.getLogger(__name__)

TICK = 0.125
"""Seconds. Who waits for a time waits for the next multiple: what is due at about the same time is woken for once."""
AT_ONCE = 8
"""Examinations that are begun before everything else that is ready has its turn."""
LONG = 0.01
"""Seconds. When such a turn takes longer, or leaves something over, nothing more is begun until it does not …"""
PATIENCE = 1.0
"""… but for so many seconds at most."""


class Examine(Protocol):
    """Probes and judges every address of a target (`exporter.pipeline.examine` with its trust stores)."""

    async def __call__(
        self,
        target: Target,
        *,
        previous: Sequence[Result] = (),
        carry: bool = True,
        gate: Gate = ...,
        timeout: float | None = None,
        refusal: Refusal = ...,
    ) -> tuple[Result, ...]:
        """One result for each address."""


def slot(target: Target) -> float:
    """Where in its interval the target is probed, as a fraction: the same in every run."""
    return _slot(target.id)


@functools.lru_cache(maxsize=65536)
def _slot(identity: str) -> float:
    digest = hashlib.sha256(identity.encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64


def next_due(target: Target, now: float) -> float:
    """The first slot of the target after `now`. Slots that passed while a probe ran are skipped."""
    offset = slot(target) * target.interval
    return offset + (math.floor((now - offset) / target.interval) + 1) * target.interval


def _ticked(moment: float) -> float:
    """The first multiple of the tick that is not before it; never stays never."""
    return math.ceil(moment / TICK) * TICK if math.isfinite(moment) else moment


class Scheduler:
    """Examines the targets until `run` is cancelled.

    Args:
        targets: what to probe.
        examine: looks at one target.
        board: takes the results.
        limits: admits the examinations.
        statistics: counts them.
        clock: the event loop's when None.
        crowded: whether the probes that are under way have more to do than they came to.
        pulse: seconds after which `beat` is called at the latest.
        beat: called as long as the schedule goes on.
    """

    def __init__(  # noqa: PLR0913 - each is a part of the running program
        self,
        targets: Iterable[Target],
        examine: Examine,
        board: Board,
        *,
        limits: Limits,
        statistics: Statistics,
        clock: Clock | None = None,
        crowded: Callable[[], bool] = lambda: False,
        pulse: float = math.inf,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self._crowded = crowded
        self._pulse = pulse
        self._beat = beat
        self._next_beat = -math.inf if math.isfinite(pulse) else math.inf
        self._targets = {target.id: target for target in targets}
        self._examine = examine
        self._board = board
        self._limits = limits
        self._statistics = statistics
        self._clock = clock
        self._heap: list[tuple[float, str]] = []
        self._due: dict[str, float] = {}
        """When each target that is not being examined is due, by its id."""
        self._begun = 0
        self._busy: set[str] = set()
        self._again: set[str] = set()
        """Those of the busy ones that changed meanwhile."""
        self._wake = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Probe on schedule. Cancel it to stop: it returns when every examination has ended."""
        clock = self._clock = self._clock or asyncio.get_running_loop()
        self._plan_now(self._targets, clock)
        try:
            while True:
                await self._wait_until_due(clock)
                admission = await self._admitted(clock)
                if (taken := self._take(clock)) is None:  # removed while it waited to be admitted
                    admission.close()
                else:
                    self._start(taken, admission, clock)
                    await self._let_others(clock)
        finally:
            await self._stop()

    async def _let_others(self, clock: Clock) -> None:
        """See to it that a crowd of examinations that begin holds nobody up, each other least of all.

        Begun all together they would wait for this process, and what they measure of the servers would be wrong.
        """
        self._begun += 1
        if self._begun % AT_ONCE:
            return
        until = clock.time() + PATIENCE
        while (before := clock.time()) < until:
            await asyncio.sleep(0)
            if not self._crowded() and clock.time() - before < LONG:
                break

    def replace(self, targets: Iterable[Target], examine: Examine, anew: Iterable[str] = ()) -> None:
        """Take over another list of targets; those that did not change keep their times.

        Args:
            targets: what to probe from now on.
            examine: looks at one target.
            anew: ids of targets that are probed at once though they did not change, beside those that did.
        """
        before, self._examine = self._targets, examine
        self._targets = {target.id: target for target in targets}
        for removed in self._due.keys() - self._targets.keys():
            del self._due[removed]
        changed = {
            identity
            for identity, target in self._targets.items()
            if (last := before.get(identity)) is not target and last != target
        }
        changed.update(self._targets.keys() & anew)
        self._again |= changed & self._busy
        if self._clock is not None:
            self._plan_now(changed - self._busy, self._clock)

    def soon(self, identity: str) -> bool:
        """Probe a target at once, unless it is being probed; returns whether there is such a target."""
        if identity in self._targets and identity not in self._busy and self._clock is not None:
            self._plan(identity, self._clock.time())
        return identity in self._targets

    def _plan(self, identity: str, due: float) -> None:
        self._due[identity] = due
        heapq.heappush(self._heap, (due, identity))
        self._wake.set()

    def _plan_now(self, identities: Collection[str], clock: Clock) -> None:
        """Plan many at once."""
        now = clock.time()
        self._due.update(dict.fromkeys(identities, now))
        self._heap += [(now, identity) for identity in identities]
        heapq.heapify(self._heap)
        self._wake.set()

    def _earliest(self) -> float:
        """When the next target is due; never, if there is none. Times that no longer count are dropped."""
        while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else math.inf

    def _alive(self, clock: Clock) -> None:
        """Say so, twice as often as somebody wants to hear it."""
        if (now := clock.time()) >= self._next_beat:
            self._next_beat = now + self._pulse / 2
            self._beat()

    async def _admitted(self, clock: Clock) -> Admission:
        """Wait for a slot; that servers which hang have all of them does not mean that the schedule does."""
        while math.isfinite(self._pulse):
            self._alive(clock)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pulse / 2):
                    return await self._limits.admit()
        return await self._limits.admit()

    async def _wait_until_due(self, clock: Clock) -> None:
        """Return when a target is due; one that is planned meanwhile may become the next."""
        while (due := self._earliest()) > clock.time():
            self._wake.clear()
            self._alive(clock)
            pause = min(_ticked(due) - clock.time(), self._pulse / 2)
            timer = None if math.isinf(pause) else clock.call_later(pause, self._wake.set)
            try:
                await self._wake.wait()
            finally:
                if timer is not None:
                    timer.cancel()

    def _take(self, clock: Clock) -> str | None:
        """The target that is due, if there still is one."""
        if (due := self._earliest()) > clock.time():
            return None
        _, identity = heapq.heappop(self._heap)
        del self._due[identity]
        self._statistics.schedule_lag = max(0.0, clock.time() - _ticked(due))
        return identity

    def _start(self, identity: str, admission: Admission, clock: Clock) -> None:
        self._busy.add(identity)
        task = asyncio.create_task(self._probe(self._targets[identity], admission, clock))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _probe(self, target: Target, admission: Admission, clock: Clock) -> None:
        self._statistics.in_flight += 1
        try:
            await self._look(target, admission.gate)
        except Exception:  # whatever it is, the other targets go on
            self._statistics.broken()
            logger.exception("internal error while probing", extra={"target": target.name})
        finally:
            admission.close()
            self._statistics.in_flight -= 1
            self._finish(target.id, clock.time())

    def _finish(self, identity: str, now: float) -> None:
        self._busy.discard(identity)
        again = identity in self._again
        self._again.discard(identity)
        if (target := self._targets.get(identity)) is not None:
            self._plan(identity, now if again else next_due(target, now))

    async def _look(self, target: Target, gate: Gate) -> None:
        before = self._board.results(target)
        after = await self._examine(target, previous=before, gate=gate)
        self._statistics.finished(after)
        self._board.put(target, after)
        changes.log(before, after)

    async def _stop(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
