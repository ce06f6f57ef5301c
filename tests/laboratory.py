"""Servers for tests whose programs run beside them: in a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, TypeVar

from exporter.demo import Demo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractAsyncContextManager

T = TypeVar("T")


@contextlib.contextmanager
def in_thread(servers: AbstractAsyncContextManager[T]) -> Iterator[T]:
    """Enter and leave an asynchronous context in another thread, where it lives for the length of the block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def enter() -> T:
        return await servers.__aenter__()

    async def leave() -> None:
        await servers.__aexit__(None, None, None)

    try:
        entered = asyncio.run_coroutine_threadsafe(enter(), loop).result()
        try:
            yield entered
        finally:
            asyncio.run_coroutine_threadsafe(leave(), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def demo_in_thread() -> contextlib.AbstractContextManager[Demo]:
    """The demo's servers, one for each cause, for the length of a block."""
    return in_thread(Demo())
