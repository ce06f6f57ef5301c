"""One process that probes, as the serving one sees it: what it was asked, and who waits for the answers.

In: questions. Out: answers, or that the process has gone. Which process is asked, and what happens when one has gone, is
for `workers` to say.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import NamedTuple, cast

from exporter.serve.wire import Frames, Plain, frame

MOMENT = 0.005
"""Seconds that a question may wait for others: to be woken costs a worker more than to read."""
PARTING = 0.5
"""Seconds that a worker may take to end when nobody asks any more."""


class GoneError(Exception):
    """The worker ended before it answered, or was given up."""

    def __init__(self, worker: WorkerProcess) -> None:
        super().__init__()
        self.worker = worker


class _Asked(NamedTuple):
    """Who waits for an answer, and until when, as the loop counts."""

    waiting: asyncio.Future[Plain]
    deadline: float


class WorkerProcess(asyncio.SubprocessProtocol):
    """One process, and what it was asked."""

    def __init__(self) -> None:
        self._frames = Frames()
        self._transport: asyncio.SubprocessTransport | None = None
        self._asked: dict[int, _Asked] = {}
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
            asked = self._asked.get(number)
            if asked is not None and not asked.waiting.done():
                asked.waiting.set_result(answer)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        """Without one of its pipes it is of no use; mostly it has ended, which will be told in a moment."""
        del fd, exc
        asyncio.get_running_loop().call_later(PARTING, self.kill)

    def process_exited(self) -> None:
        """Whoever waits for it shall ask another."""
        self.ended.set()
        self.send_away()

    def send_away(self) -> None:
        """Have whoever waits for it ask another."""
        for asked in self._asked.values():
            if not asked.waiting.done():
                asked.waiting.set_exception(GoneError(self))

    def hangs(self, now: float) -> bool:
        """Whether an answer is overdue."""
        return any(asked.deadline < now for asked in self._asked.values())

    async def ask(self, number: int, question: Sequence[Plain], limit: float) -> Plain:
        """One look, which is overdue after some seconds.

        Raises:
            GoneError: the worker ended before it answered, or was given up.
        """
        if self.ended.is_set():
            raise GoneError(self)
        loop = asyncio.get_running_loop()
        asked = self._asked[number] = _Asked(loop.create_future(), loop.time() + limit)
        self._send((number, *question))
        try:
            return await asked.waiting
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
