"""One of several processes that probe for the one that serves: `python -m exporter.serve.worker`.

In: questions on standard input, each an address to look at and how. Out: what was seen there, on standard output.
It judges nothing, and what it remembers only saves it work, so it may be ended and replaced at any moment. It ends when
its input does, and leaves signals to the process that started it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from typing import BinaryIO

from exporter.model import Failure, Observation, Reason, Stage
from exporter.probe.stream import look
from exporter.serve.collecting import look_seldom
from exporter.serve.wire import Frames, Plain, frame, pack_observation, pack_phases, unpack_target

MOMENT = 0.01
"""Seconds that an answer may wait for others."""
REMEMBERED = 4096
"""Servers of which the last look is remembered, so that what has not changed is not packed to be compared."""
_LEFT_TO_THE_PARENT = ("SIGINT", "SIGTERM", "SIGHUP")


class Worker(asyncio.Protocol):
    """Reads questions and has them answered."""

    def __init__(self, out: asyncio.WriteTransport) -> None:
        self._out = out
        self._frames = Frames()
        self._looks: dict[int, asyncio.Task[None]] = {}
        self._answers: list[bytes] = []
        self._last: dict[tuple[Plain, str], tuple[Observation, bytes]] = {}
        self.ended = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        """Begin the looks that are asked for, and call off those that nobody waits for any more."""
        for number, *question in self._frames.feed(data):
            if question:
                self._looks[number] = asyncio.create_task(self._look(number, question))
            elif number in self._looks:
                self._looks[number].cancel()

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
        self._answer((number, pack_phases(phases), *self._told((packed, address), seen, known)))

    def _told(self, where: tuple[Plain, str], seen: Observation, known: bytes | None) -> tuple[bytes, Plain]:
        """The digest of what was seen, and the whole of it where that is not known."""
        last = self._last.pop(where, None)
        if last is not None and last[1] == known and last[0] == seen:
            self._last[where] = last
            return last[1], None
        whole, digest = pack_observation(seen)
        self._last[where] = seen, digest
        if len(self._last) > REMEMBERED:
            del self._last[next(iter(self._last))]
        return digest, None if digest == known else whole

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
