"""Servers for the commands, which run an event loop of their own and so need them in another thread."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from tests.laboratory import demo_in_thread
from tests.processes import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.demo import Demo


@pytest.fixture(scope="package")
def lab() -> Iterator[Demo]:
    """The demo's servers, one for each cause."""
    with demo_in_thread() as demo:
        yield demo


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A server that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        yield listener
