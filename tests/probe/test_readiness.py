"""Sockets are served as they become ready, a few in each turn of the loop."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
from collections.abc import Callable, Iterator

import pytest

from exporter.probe import readiness
from exporter.probe.readiness import AT_ONCE, READ, WRITE, Watch

Make = Callable[[asyncio.AbstractEventLoop], Watch]
BY_EPOLL = pytest.mark.skipif(not hasattr(select, "epoll"), reason="there is no epoll here")


@pytest.fixture(params=[pytest.param(readiness._Epoll, marks=BY_EPOLL), readiness._Loop])
def make(request: pytest.FixtureRequest) -> Make:
    """Either way to watch."""
    way: Make = request.param
    return way


@contextlib.contextmanager
def pairs(count: int) -> Iterator[list[tuple[socket.socket, socket.socket]]]:
    """Connected sockets."""
    made = [socket.socketpair() for _ in range(count)]
    try:
        yield made
    finally:
        for one in (each for pair in made for each in pair):
            one.close()


async def turns(count: int = 3) -> None:
    """Let the loop ask what is ready."""
    for _ in range(count):
        await asyncio.sleep(0.001)


async def test_what_is_asked_for_is_told(make: Make) -> None:
    """Room to write, then something to read, then either; and nothing once it has ended."""
    watch, told = make(asyncio.get_running_loop()), list[str]()
    with pairs(1) as [(here, there)]:
        number = here.fileno()
        watch.begin(number, WRITE, lambda: told.append("room"))
        await turns()
        assert set(told) == {"room"}
        told.clear()
        watch.change(number, READ, lambda: told.append("data"))
        await turns()
        assert not told
        there.send(b"x")
        await turns()
        assert set(told) == {"data"}
        here.recv(1)
        told.clear()
        watch.change(number, READ | WRITE, lambda: told.append("either"))
        await turns()
        assert set(told) == {"either"}
        watch.end(number)
        told.clear()
        await turns()
        assert not told


async def test_the_end_of_a_connection_is_something_to_read(make: Make) -> None:
    """Whoever reads then is told."""
    watch, told = make(asyncio.get_running_loop()), list[bytes]()
    with pairs(1) as [(here, there)]:
        watch.begin(here.fileno(), READ, lambda: told.append(here.recv(1)))
        there.close()
        await turns()
        watch.end(here.fileno())
    assert b"" in told


@BY_EPOLL
async def test_a_few_in_each_turn() -> None:
    """However many are ready, others on the loop have their turn between them; each is served in the end."""
    loop = asyncio.get_running_loop()
    watch, served = readiness._Epoll(loop), list[int]()
    with pairs(5 * AT_ONCE) as made:

        def serve(here: socket.socket) -> None:
            served.append(here.fileno())
            here.recv(1)

        for here, there in made:
            watch.begin(here.fileno(), READ, lambda here=here: serve(here))  # type: ignore[misc] # bound now
            there.send(b"x")
        assert watch.crowded()
        steps = []
        while len(served) < len(made):
            before = len(served)
            await asyncio.sleep(0)
            steps.append(len(served) - before)
        assert max(steps) == AT_ONCE
        assert len(set(served)) == len(made)
        assert not watch.crowded()
        for here, _ in made:
            watch.end(here.fileno())


@BY_EPOLL
async def test_one_that_another_ended() -> None:
    """It is not served any more, though it was ready in the same turn."""
    watch, served = readiness._Epoll(asyncio.get_running_loop()), list[int]()
    with pairs(2) as made:
        first, second = (here.fileno() for here, _ in made)

        def end(served_one: int, other: int) -> None:
            served.append(served_one)
            watch.end(served_one)
            watch.end(other)

        watch.begin(first, READ, lambda: end(first, second))
        watch.begin(second, READ, lambda: end(second, first))
        for _, there in made:
            there.send(b"x")
        await turns()
    assert len(served) == 1


async def test_each_loop_has_one() -> None:
    """The same for all connections of a loop."""
    loop = asyncio.get_running_loop()
    assert readiness.watch(loop) is readiness.watch(loop)
