"""One of several processes that probe for the one that serves: `python -m exporter.serve.worker`.

In: questions on standard input, each an address to look at and how. Out: what was seen there, on standard output.
It judges nothing and remembers nothing, so it may be ended and replaced at any moment. It ends when its input
does, and leaves signals to the process that started it.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import BinaryIO

from exporter.model import Failure, Observation, Reason, Stage
from exporter.probe.readiness import AT_ONCE, watch
from exporter.probe.stream import look
from exporter.serve.collecting import look_seldom
from exporter.serve.wire import Frames, Plain, frame, pack_observation, pack_phases, unpack_target

MOMENT = 0.01
"""Seconds that an answer may wait for others."""
Question = tuple[int, Sequence[Plain]]
"""Its number, and what is asked."""
_LEFT_TO_THE_PARENT = ("SIGINT", "SIGTERM", "SIGHUP")


class Worker(asyncio.Protocol):
    """Reads questions and has them answered."""

    def __init__(self, out: asyncio.WriteTransport) -> None:
        self._out = out
        self._frames = Frames()
        self._waiting: collections.deque[Question] = collections.deque()
        self._looks: dict[int, asyncio.Task[None]] = {}
        self._loop = asyncio.get_running_loop()
        self._crowded = watch(self._loop).crowded
        self._answers: list[bytes] = []
        self.ended = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        """Begin the looks that are asked for, and call off those that nobody waits for any more."""
        idle = not self._waiting
        for number, *question in self._frames.feed(data):
            if question:
                self._waiting.append((number, question))
            elif number in self._looks:
                self._looks[number].cancel()
            else:
                self._waiting = collections.deque(one for one in self._waiting if one[0] != number)
        if idle and self._waiting:
            self._begin_some()

    def _begin_some(self) -> None:
        """A few at a time: many that are begun together wait for each other, and cost more."""
        if not self._crowded():
            for _ in range(min(AT_ONCE, len(self._waiting))):
                number, question = self._waiting.popleft()
                self._looks[number] = self._loop.create_task(self._look(number, question))
        if self._waiting:
            self._loop.call_soon(self._begin_some)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody asks any more."""
        del exc
        if not self.ended.done():
            self.ended.set_result(None)

    async def _look(self, number: int, question: Plain) -> None:
        packed, address, timeout, connect_timeout, known = question
        try:
            target = unpack_target(packed)
            seen, phases = await look(target, address, timeout=timeout, connect_timeout=connect_timeout)
        except Exception as error:  # noqa: BLE001 - whoever asked waits for an answer
            phases = {}
            seen = Observation(
                address=address,
                stage=Stage.CONNECT,
                failure=Failure(Stage.CONNECT, Reason.INTERNAL_ERROR, repr(error)),
            )
        finally:
            self._looks.pop(number, None)
        whole, digest = pack_observation(seen)
        self._answer((number, pack_phases(phases), digest, None if digest == known else whole))

    def _answer(self, message: Plain) -> None:
        """Send what a moment gave together: to be woken costs whoever asked more than to read."""
        if not self._answers:
            asyncio.get_running_loop().call_later(MOMENT, self._flush)
        self._answers.append(frame(message))

    def _flush(self) -> None:
        self._out.write(b"".join(self._answers))
        self._answers.clear()


async def _work(questions: BinaryIO, answers: BinaryIO) -> None:
    loop = asyncio.get_running_loop()
    out, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, answers)
    _, worker = await loop.connect_read_pipe(lambda: Worker(out), questions)
    look_seldom()
    await worker.ended


def main() -> None:
    """Probe until nobody asks any more."""
    for name in _LEFT_TO_THE_PARENT:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    # What anything prints by mistake must not get between the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_work(sys.stdin.buffer, answers))
    os._exit(0)  # a thread that waits for the resolver does not keep it


if __name__ == "__main__":
    main()
