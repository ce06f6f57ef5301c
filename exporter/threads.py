"""Blocking calls in threads that nobody waits for when the program ends.

The threads of `ThreadPoolExecutor` are joined when the interpreter ends. A look-up may hang for minutes:
a check would overrun its timeout, and the daemon the seconds that it has to stop.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class DaemonThreads:
    """Runs calls in up to `limit` threads, started as they are needed. Used from one event loop."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._started = 0
        self._calls: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = queue.SimpleQueue()

    async def run(self, call: Callable[[], T]) -> T:
        """Return what the call returns, or raise what it raises. A cancelled call is still finished."""
        future: Future[T] = Future()
        self._calls.put((future, call))
        if self._started < self._limit:
            self._started += 1
            threading.Thread(target=self._work, name="look-up", daemon=True).start()
        return await asyncio.wrap_future(future)

    def _work(self) -> None:
        while True:
            future, call = self._calls.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(call())
            except BaseException as error:  # noqa: BLE001 - it is raised where the result is awaited
                future.set_exception(error)
