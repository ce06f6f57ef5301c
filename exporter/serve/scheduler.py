"""When each target is probed.

In: targets with their intervals, and a way to examine one. Out: results on the board. The first sweep begins
at once; afterwards a target is probed once per interval, at a moment that follows from its identity, so that
the probes of many targets are spread evenly and stay where they are over a restart of the loop.

One heap of due times and one task that waits for the earliest: a target costs a task only while it is
examined. It must not look into results, and nothing that an examination does may stop it.
"""

from __future__ import annotations

import asyncio
import hashlib
import heapq
import logging
import math
from collections.abc import Iterable, Sequence
from typing import Protocol

from exporter.model import Result, Target
from exporter.serve import changes
from exporter.serve.board import Board
from exporter.serve.limits import Admission, Clock, Gate, Limits
from exporter.serve.statistics import Statistics

logger = logging.getLogger(__name__)


class Examine(Protocol):
    """Probes and judges every address of a target (`exporter.pipeline.examine` with its trust stores)."""

    async def __call__(
        self,
        target: Target,
        *,
        previous: Sequence[Result] = (),
        gate: Gate = ...,
        timeout: float | None = None,
    ) -> tuple[Result, ...]:
        """One result for each address."""


def slot(target: Target) -> float:
    """Where in its interval the target is probed, as a fraction: the same in every run."""
    digest = hashlib.sha256(target.id.encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64


def next_due(target: Target, now: float) -> float:
    """The first slot of the target after `now`. Slots that passed while a probe ran are skipped."""
    offset = slot(target) * target.interval
    return offset + (math.floor((now - offset) / target.interval) + 1) * target.interval


class Scheduler:
    """Examines the targets until `run` is cancelled.

    Args:
        targets: what to probe.
        examine: looks at one target.
        board: takes the results.
        limits: admits the examinations.
        statistics: counts them.
        clock: the event loop's when None.
    """

    def __init__(
        self,
        targets: Iterable[Target],
        examine: Examine,
        board: Board,
        *,
        limits: Limits,
        statistics: Statistics,
        clock: Clock | None = None,
    ) -> None:
        self._targets = tuple(targets)
        self._examine = examine
        self._board = board
        self._limits = limits
        self._statistics = statistics
        self._clock = clock
        self._heap: list[tuple[float, int]] = []
        self._due = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Probe on schedule. Cancel it to stop: it returns when every examination has ended."""
        clock = self._clock = self._clock or asyncio.get_running_loop()
        self._heap = [(clock.time(), index) for index in range(len(self._targets))]
        try:
            while True:
                await self._wait_until_due(clock)
                self._start(await self._limits.admit(), clock)
        finally:
            await self._stop()

    async def _wait_until_due(self, clock: Clock) -> None:
        """Return when the head of the heap is due; a target that comes back may become the head."""
        while not self._heap or self._heap[0][0] > clock.time():
            self._due.clear()
            if not self._heap:
                await self._due.wait()
                continue
            timer = clock.call_later(self._heap[0][0] - clock.time(), self._due.set)
            try:
                await self._due.wait()
            finally:
                timer.cancel()

    def _start(self, admission: Admission, clock: Clock) -> None:
        due, index = heapq.heappop(self._heap)
        self._statistics.schedule_lag = clock.time() - due
        task = asyncio.create_task(self._probe(index, admission, clock))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _probe(self, index: int, admission: Admission, clock: Clock) -> None:
        target = self._targets[index]
        self._statistics.in_flight += 1
        try:
            await self._look(target, admission.gate)
        except Exception:  # whatever it is, the other targets go on
            self._statistics.broken()
            logger.exception("internal error while probing", extra={"target": target.name})
        finally:
            admission.close()
            self._statistics.in_flight -= 1
            heapq.heappush(self._heap, (next_due(target, clock.time()), index))
            self._due.set()

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
