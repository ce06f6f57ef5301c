"""The demo's servers for tests whose programs run beside them: in a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING

from exporter.demo import Demo

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def demo_in_thread() -> Iterator[Demo]:
    """The demo's servers, one for each cause, for the length of the block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    demo = Demo()
    asyncio.run_coroutine_threadsafe(demo.__aenter__(), loop).result()
    yield demo
    asyncio.run_coroutine_threadsafe(demo.__aexit__(None, None, None), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
