"""Several processes that probe, for the one that serves (`--workers`).

In: looks that are asked for. Out: what was seen, as `probe.stream.look` gives it. Schedule, limits, evidence, verdicts
and metrics stay in this process, so that nothing differs but which core does the work. A worker that ends, or does not
answer long after it should have, is replaced, and what it was looking at is looked at anew.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from exporter.model import Failure, Observation, Phases, Reason, Stage, Target
from exporter.serve.wire import Plain, pack_target, unpack_observation, unpack_phases
from exporter.serve.worker_process import GoneError, WorkerProcess

logger = logging.getLogger(__name__)

COMMAND = (sys.executable, "-m", "exporter.serve.worker")
ATTEMPTS = 3
"""How often a look is begun when the worker that does it ends."""
OVERDUE = 5.0
"""Seconds beyond the time of a look after which its worker is taken to hang."""
ROUND = 0.5
"""Seconds between two looks at who hangs."""
FULL = 64
"""Looks that one worker is given before another one is woken: each is the cheaper the more are done together. They are 50 ms of work."""
PAUSE = 1.0
"""Seconds between two starts of the same worker."""
REMEMBERED = 200_000
"""Targets and addresses of which something is known from the last look."""


class Workers:
    """Processes that look, each kept running until `stop`.

    Args:
        count: how many.
        command: how one is started.
    """

    def __init__(self, count: int, command: Sequence[str] = COMMAND) -> None:
        self._count = count
        self._command = command
        self._numbers = itertools.count()
        self._running: set[WorkerProcess] = set()
        self._some = asyncio.Event()
        self._keeping: list[asyncio.Task[None]] = []
        self._seen: dict[tuple[Plain, str], tuple[bytes, Observation]] = {}
        self._targets: dict[str, tuple[Target, Plain]] = {}
        self._restarts = 0

    @property
    def restarts(self) -> int:
        """How often one was replaced."""
        return self._restarts

    @property
    def running(self) -> int:
        """Processes that can be asked."""
        return len(self._running)

    @asynccontextmanager
    async def started(self) -> AsyncIterator[Workers]:
        """Keep the processes running as long as the block runs."""
        self._keeping = [asyncio.create_task(self._keep()) for _ in range(self._count)]
        self._keeping.append(asyncio.create_task(self._watch()))
        try:
            yield self
        finally:
            for keeping in self._keeping:
                keeping.cancel()
            await asyncio.gather(*self._keeping, return_exceptions=True)

    async def look(
        self, target: Target, address: str, *, timeout: float, connect_timeout: float | None = None
    ) -> tuple[Observation, Phases]:
        """As `probe.stream.look`, by one of the processes."""
        packed = self._packed(target)
        last = self._seen.get((packed, address))
        question = (packed, address, timeout, connect_timeout, last and last[0])
        for _ in range(ATTEMPTS):
            try:
                worker = await self._next(timeout + OVERDUE)
                phases, digest, whole = await worker.ask(next(self._numbers), question, timeout + OVERDUE)
            except TimeoutError:
                continue
            except GoneError as gone:
                self._running.discard(gone.worker)
                continue
            seen = last[1] if whole is None and last else self._new((packed, address), digest, whole)
            return seen, unpack_phases(phases)
        detail = f"{ATTEMPTS} workers ended while they looked at it"
        failure = Failure(Stage.CONNECT, Reason.INTERNAL_ERROR, detail)
        return Observation(address=address, stage=Stage.CONNECT, failure=failure), {}

    async def _watch(self) -> None:
        """End those that hang, always."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(min(ROUND, OVERDUE))
            for worker in [one for one in self._running if one.hangs(loop.time())]:
                logger.warning("a worker hangs and is ended", extra={"looks": worker.busy})
                self._running.discard(worker)
                worker.kill()
                worker.send_away()

    def _packed(self, target: Target) -> Plain:
        known = self._targets.get(target.id)
        if known is not None and known[0] is target:
            return known[1]
        if len(self._targets) > REMEMBERED:
            self._targets.clear()
        packed = pack_target(target)
        self._targets[target.id] = (target, packed)
        return packed

    def _new(self, key: tuple[Plain, str], digest: bytes, whole: Plain) -> Observation:
        """What was seen, to be remembered."""
        seen = unpack_observation(whole, key[1])
        self._seen.pop(key, None)
        self._seen[key] = (digest, seen)
        if len(self._seen) > REMEMBERED:
            del self._seen[next(iter(self._seen))]
        return seen

    async def _next(self, limit: float) -> WorkerProcess:
        """The one to ask: one that is awake anyway, as long as it is not full; else the one that has least to do.

        Raises:
            TimeoutError: none is running for that many seconds.
        """
        if not self._running:
            async with asyncio.timeout(limit):
                while not self._running:
                    self._some.clear()
                    await self._some.wait()
        awake = [worker for worker in self._running if worker.busy < FULL]
        if awake:
            return max(awake, key=lambda worker: worker.busy)
        return min(self._running, key=lambda worker: worker.busy)

    async def _keep(self) -> None:
        """Have one process running, always."""
        loop = asyncio.get_running_loop()
        while True:
            begun = loop.time()
            try:
                transport, worker = await loop.subprocess_exec(WorkerProcess, *self._command, stderr=None)
            except OSError:
                logger.exception("a worker cannot be started")
                await asyncio.sleep(PAUSE)
                continue
            self._running.add(worker)
            self._some.set()
            try:
                await worker.ended.wait()
            except asyncio.CancelledError:
                await worker.end()
                raise
            finally:
                self._running.discard(worker)
                worker.discard()
            self._restarts += 1
            logger.warning("a worker ended and is replaced", extra={"code": transport.get_returncode()})
            await asyncio.sleep(max(0.0, PAUSE - (loop.time() - begun)))
