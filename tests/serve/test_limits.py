"""The limits: who may connect, and who must wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from exporter.serve.limits import Limits
from tests.serve.clock import HandClock, settle

if TYPE_CHECKING:
    from exporter.serve.limits import Gate


class Visits:
    """Probes that stay inside the gate until they are let go."""

    def __init__(self) -> None:
        self.inside: list[str] = []
        self._tasks: dict[str, tuple[asyncio.Task[None], asyncio.Event]] = {}

    def begin(self, name: str, gate: Gate, address: str) -> asyncio.Task[None]:
        """Go to the gate."""
        leave = asyncio.Event()
        task = asyncio.create_task(self._visit(name, gate, address, leave))
        self._tasks[name] = (task, leave)
        return task

    async def end(self, name: str) -> None:
        """Leave again."""
        task, leave = self._tasks.pop(name)
        leave.set()
        await task
        await settle()

    async def _visit(self, name: str, gate: Gate, address: str, leave: asyncio.Event) -> None:
        async with gate(address):
            self.inside.append(name)
            try:
                await leave.wait()
            finally:
                self.inside.remove(name)

    async def close(self) -> None:
        """Give up everything."""
        for task, _ in self._tasks.values():
            task.cancel()
        await asyncio.gather(*(task for task, _ in self._tasks.values()), return_exceptions=True)


@asynccontextmanager
async def visits() -> AsyncIterator[Visits]:
    """Visits that leave nothing behind."""
    several = Visits()
    try:
        yield several
    finally:
        await several.close()


async def test_one_connection_to_an_address_at_a_time() -> None:
    """A second probe of a server waits for the first, and follows it."""
    limits = Limits(concurrency=10, per_host=1)
    async with visits() as probes:
        probes.begin("first", limits.gate, "192.0.2.1")
        probes.begin("second", limits.gate, "192.0.2.1")
        probes.begin("elsewhere", limits.gate, "192.0.2.2")
        await settle()
        assert probes.inside == ["first", "elsewhere"]
        await probes.end("first")
        assert probes.inside == ["elsewhere", "second"]


async def test_several_connections_to_an_address_when_configured() -> None:
    """`per_host` is a number, not a switch."""
    limits = Limits(concurrency=10, per_host=2)
    async with visits() as probes:
        for name in "abc":
            probes.begin(name, limits.gate, "192.0.2.1")
        await settle()
        assert probes.inside == ["a", "b"]


async def test_the_global_limit_holds_over_all_addresses() -> None:
    """No more than `concurrency` connections exist at a time."""
    limits = Limits(concurrency=2)
    async with visits() as probes:
        for number in range(4):
            probes.begin(f"p{number}", limits.gate, f"192.0.2.{number}")
        await settle()
        assert probes.inside == ["p0", "p1"]
        await probes.end("p0")
        assert probes.inside == ["p1", "p2"]


async def test_waiting_for_a_busy_server_takes_no_global_slot() -> None:
    """A queue in front of one server does not keep the others from being probed."""
    limits = Limits(concurrency=2, per_host=1)
    async with visits() as probes:
        for name in ("busy", "queued-1", "queued-2", "queued-3"):
            probes.begin(name, limits.gate, "192.0.2.1")
        probes.begin("other", limits.gate, "192.0.2.2")
        await settle()
        assert probes.inside == ["busy", "other"]


async def test_a_server_rests_between_two_connections() -> None:
    """`per_host_delay` counts from the end of a connection, and holds up no other server."""
    clock = HandClock()
    limits = Limits(concurrency=1, per_host=1, per_host_delay=5.0, clock=clock)
    async with visits() as probes:
        probes.begin("first", limits.gate, "192.0.2.1")
        probes.begin("second", limits.gate, "192.0.2.1")
        await settle()
        await probes.end("first")
        assert probes.inside == []
        probes.begin("other", limits.gate, "192.0.2.2")
        await settle()
        assert probes.inside == ["other"]
        await probes.end("other")
        await clock.advance(4.9)
        assert probes.inside == []
        await clock.advance(0.2)
        assert probes.inside == ["second"]


@pytest.mark.parametrize("delay", [0.0, 5.0], ids=["no-delay", "delay"])
async def test_nothing_is_remembered_of_idle_servers(delay: float) -> None:
    """However many addresses have been probed, none of them leaves a trace."""
    clock = HandClock()
    limits = Limits(per_host_delay=delay, clock=clock)
    for number in range(1000):
        async with limits.gate(f"2001:db8::{number:x}"):
            assert limits.hosts >= 1
    await clock.advance(delay)
    assert limits.hosts == 0


async def test_giving_up_while_waiting_frees_everything() -> None:
    """Probes that are cancelled in a queue, or inside, leave no slot taken."""
    limits = Limits(concurrency=1, per_host=1)
    async with visits() as probes:
        inside = probes.begin("inside", limits.gate, "192.0.2.1")
        for_host = probes.begin("for-host", limits.gate, "192.0.2.1")
        for_slot = probes.begin("for-slot", limits.gate, "192.0.2.2")
        await settle()
        for task in (for_host, for_slot, inside):
            task.cancel()
        await asyncio.gather(inside, for_host, for_slot, return_exceptions=True)
        assert limits.hosts == 0
        probes.begin("next", limits.gate, "192.0.2.1")
        await settle()
        assert probes.inside == ["next"]


async def test_an_admission_is_given_back_at_the_first_connection() -> None:
    """While an examination waits for a busy server, another one may begin."""
    limits = Limits(concurrency=2, per_host=1)
    async with visits() as probes:
        probes.begin("busy", limits.gate, "192.0.2.1")
        await settle()
        first = await limits.admit()
        waiting = asyncio.create_task(limits.admit())
        await settle()
        assert not waiting.done()
        probes.begin("queued", first.gate, "192.0.2.1")
        await settle()
        assert waiting.done()
        (await waiting).close()


async def test_an_admission_is_given_back_once() -> None:
    """Two addresses of one target do not give back two slots."""
    limits = Limits(concurrency=1)
    admission = await limits.admit()
    admission.close()
    admission.close()
    async with visits() as probes:
        probes.begin("a", limits.gate, "192.0.2.1")
        probes.begin("b", limits.gate, "192.0.2.2")
        await settle()
        assert probes.inside == ["a"]
