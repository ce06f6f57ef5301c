"""Fetches under way: whoever wants what is being fetched already waits for that.

In: a key and a way to fetch. Out: what came. Who stops waiting does not end the fetch for the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Flights(Generic[T]):
    """One task for each key that is being fetched."""

    def __init__(self) -> None:
        self._running: dict[Hashable, asyncio.Task[T]] = {}
        self._closed = False

    async def join(self, key: Hashable, fetch: Callable[[], Coroutine[Any, Any, T]]) -> T | None:
        """What the fetch gives, begun now unless it is under way; None when it was called off.

        Raises:
            CancelledError: the caller was cancelled; the fetch goes on.
        """
        if self._closed:
            return None
        if (task := self._running.get(key)) is None:
            task = self._running[key] = asyncio.create_task(fetch(), name="evidence")
            task.add_done_callback(lambda _: self._running.pop(key))
        await asyncio.wait((task,))  # unlike awaiting the task, this leaves it alone when we are cancelled
        return None if task.cancelled() else task.result()

    async def close(self) -> None:
        """Call all of them off."""
        self._closed = True
        running = tuple(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
