"""Several processes that probe, for the one that serves (`--workers`).

In: looks that are asked for. Out: what was seen, as `probe.stream.look` gives it. Schedule, limits, evidence, verdicts
and metrics stay in this process, so that nothing differs but which core does the work. A worker that ends, or does not
answer long after it should have, is replaced, and what it was looking at is looked at anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import cast

from exporter.model import Failure, Observation, Phases, Reason, Stage, Target
from exporter.serve.wire import (
    Frames,
    Plain,
    frame,
    pack_target,
    unpack_observation,
    unpack_phases,
)

logger = logging.getLogger(__name__)

COMMAND = (sys.executable, "-m", "exporter.serve.worker")
ATTEMPTS = 3
"""How often a look is begun when the worker that does it ends."""
OVERDUE = 5.0
"""Seconds beyond the time of a look after which its worker is taken to hang."""
FULL = 32
"""Looks that one worker is given before another one is woken: each is the cheaper the more are done together."""
MOMENT = 0.005
"""Seconds that a question may wait for others: to be woken costs a worker more than to read."""
PARTING = 0.5
"""Seconds that a worker may take to end when nobody asks any more."""
PAUSE = 1.0
"""Seconds between two starts of the same worker."""
REMEMBERED = 200_000
"""Targets and addresses of which something is known from the last look."""


class _GoneError(Exception):
    """The worker ended before it answered."""


class _Worker(asyncio.SubprocessProtocol):
    """One process, and what it was asked."""

    def __init__(self) -> None:
        self._frames = Frames()
        self._transport: asyncio.SubprocessTransport | None = None
        self._asked: dict[int, asyncio.Future[Plain]] = {}
        self._questions: list[bytes] = []
        self.ended = asyncio.Event()

    @property
    def busy(self) -> int:
        """Looks that it is at."""
        return len(self._asked)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The process has started."""
        self._transport = cast("asyncio.SubprocessTransport", transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Hand each answer to whoever waits for it."""
        del fd
        for number, *answer in self._frames.feed(data):
            waiting = self._asked.get(number)
            if waiting is not None and not waiting.done():
                waiting.set_result(answer)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        """Without one of its pipes it is of no use; mostly it has ended, which will be told in a moment."""
        del fd, exc
        asyncio.get_running_loop().call_later(PARTING, self.kill)

    def process_exited(self) -> None:
        """Whoever waits for it shall ask another."""
        self.ended.set()
        for waiting in self._asked.values():
            if not waiting.done():
                waiting.set_exception(_GoneError())

    async def ask(self, number: int, question: Sequence[Plain]) -> Plain:
        """One look.

        Raises:
            _GoneError: the worker ended before it answered.
        """
        if self.ended.is_set():
            raise _GoneError
        waiting = self._asked[number] = asyncio.get_running_loop().create_future()
        self._send((number, *question))
        try:
            return await waiting
        except asyncio.CancelledError:
            self._send((number,))
            raise
        finally:
            del self._asked[number]

    def kill(self) -> None:
        """End it, whatever it does."""
        if self._transport is not None and not self.ended.is_set():
            with contextlib.suppress(ProcessLookupError):
                self._transport.kill()

    async def end(self) -> None:
        """End it in peace, by ending what it reads; or else by force."""
        if self._transport is not None and (pipe := self._transport.get_pipe_transport(0)) is not None:
            pipe.close()
        try:
            async with asyncio.timeout(PARTING):
                await self.ended.wait()
        except TimeoutError:
            self.kill()
            await self.ended.wait()

    def discard(self) -> None:
        """Let go of what belongs to the process."""
        if self._transport is not None:
            self._transport.close()

    def _send(self, message: Plain) -> None:
        """Send what a moment asks together."""
        if not self._questions:
            asyncio.get_running_loop().call_later(MOMENT, self._flush)
        self._questions.append(frame(message))

    def _flush(self) -> None:
        together = b"".join(self._questions)
        self._questions.clear()
        if self._transport is not None and not self.ended.is_set():
            pipe = self._transport.get_pipe_transport(0)
            if pipe is not None and not pipe.is_closing():
                cast("asyncio.WriteTransport", pipe).write(together)


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
        self._running: set[_Worker] = set()
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
            worker = None
            try:
                async with asyncio.timeout(timeout + OVERDUE):
                    worker = await self._next()
                    phases, digest, whole = await worker.ask(next(self._numbers), question)
            except (_GoneError, TimeoutError) as error:
                self._give_up(worker, hangs=isinstance(error, TimeoutError))
                continue
            seen = last[1] if whole is None and last else self._new((packed, address), digest, whole)
            return seen, unpack_phases(phases)
        detail = f"{ATTEMPTS} workers ended while they looked at it"
        failure = Failure(Stage.CONNECT, Reason.INTERNAL_ERROR, detail)
        return Observation(address=address, stage=Stage.CONNECT, failure=failure), {}

    def _give_up(self, worker: _Worker | None, *, hangs: bool) -> None:
        """Ask it no more."""
        if worker is None:
            return
        self._running.discard(worker)
        if hangs:
            logger.warning("a worker hangs and is ended", extra={"looks": worker.busy})
            worker.kill()

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

    async def _next(self) -> _Worker:
        """The one to ask: one that is awake anyway, as long as it is not full; else the one that has least to do."""
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
                transport, worker = await loop.subprocess_exec(_Worker, *self._command, stderr=None)
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
