"""Servers for the commands, which run an event loop of their own and so need them in another thread."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from exporter.demo import Demo
from tests.processes import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="package")
def lab() -> Iterator[Demo]:
    """The demo's servers, one for each cause."""
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


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A server that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        yield listener
