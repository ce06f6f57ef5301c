"""The scheduler: when targets are probed, by a clock that the test turns."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import itertools
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from exporter.model import Result, Target
from exporter.pipeline import Refusal, refuse_nothing
from exporter.serve.board import Board
from exporter.serve.limits import Gate, Limits
from exporter.serve.scheduler import AT_ONCE, TICK, Scheduler, next_due, slot
from exporter.serve.statistics import Statistics
from tests import results
from tests.serve.clock import HandClock, settle


def target(number: int = 0, interval: float = 60.0) -> Target:
    """One of many targets."""
    return dataclasses.replace(results.TARGET, name=f"t{number}", host=f"h{number}", interval=interval)


OPEN = Limits().gate


class Lab:
    """Records when which target was examined. An examination takes `takes` seconds by the clock."""

    def __init__(self, clock: HandClock) -> None:
        self.clock = clock
        self.begun: list[tuple[float, str]] = []
        self.running: collections.Counter[str] = collections.Counter()
        self.most: collections.Counter[str] = collections.Counter()
        self.takes: Callable[[Target], float] = lambda _: 0.0
        self.raises: set[str] = set()
        self.previous: dict[str, Sequence[Result]] = {}
        self.cancelled: list[str] = []

    async def examine(
        self,
        target: Target,
        *,
        previous: Sequence[Result] = (),
        carry: bool = True,
        gate: Gate = OPEN,
        timeout: float | None = None,
        refusal: Refusal = refuse_nothing,  # noqa: ARG002 - those of the pipeline
    ) -> tuple[Result, ...]:
        """Take the place of the pipeline."""
        assert timeout is None
        assert carry
        self.begun.append((self.clock.time(), target.name))
        self.previous[target.name] = previous
        self.running[target.name] += 1
        self.most |= self.running
        try:
            async with gate(target.host):
                await self._work(self.takes(target))
        except asyncio.CancelledError:
            self.cancelled.append(target.name)
            raise
        finally:
            self.running[target.name] -= 1
        if target.name in self.raises:
            raise RuntimeError("a fault of this program")
        return (results.result(target=target, address=target.host),)

    async def _work(self, seconds: float) -> None:
        if seconds:
            done = asyncio.Event()
            self.clock.call_later(seconds, done.set)
            await done.wait()

    def times(self, name: str) -> list[float]:
        """When a target was examined."""
        return [time for time, examined in self.begun if examined == name]


@dataclasses.dataclass
class Rig:
    """A running schedule and everything around it."""

    clock: HandClock
    lab: Lab
    board: Board
    statistics: Statistics
    limits: Limits
    task: asyncio.Task[None]
    scheduler: Scheduler

    def replace(self, *targets: Target, anew: Sequence[str] = ()) -> None:
        """Take over another configuration, as a reload does."""
        self.board.replace(targets)
        self.scheduler.replace(targets, self.lab.examine, anew)


@asynccontextmanager
async def running(
    targets: Sequence[Target], limits: Limits | None = None, prepare: Callable[[Lab], None] = lambda _: None
) -> AsyncIterator[Rig]:
    """A schedule that has begun, stopped at the end."""
    clock = HandClock()
    lab, board, statistics = Lab(clock), Board(targets), Statistics()
    limits = limits or Limits(clock=clock)
    prepare(lab)
    scheduler = Scheduler(targets, lab.examine, board, limits=limits, statistics=statistics, clock=clock)
    task = asyncio.create_task(scheduler.run())
    try:
        await settle()
        yield Rig(clock, lab, board, statistics, limits, task, scheduler)
    finally:
        task.cancel()
        await asyncio.wait({task})


def test_slots_are_the_same_in_every_process() -> None:
    """They come from a digest of the identity, not from a hash that differs from run to run."""
    fixed = Target(name="mx.example.org:25", host="mx.example.org")
    assert slot(fixed) == pytest.approx(0.164113566)


def test_a_slot_belongs_to_the_place_of_a_target() -> None:
    """Other settings do not move a target in its interval, another host does."""
    assert slot(target(0)) == slot(target(0, interval=7.0))
    assert slot(target(0)) != slot(target(1))


def test_slots_are_spread_evenly() -> None:
    """No part of the interval gets many more probes than another."""
    counts = collections.Counter(int(slot(target(number)) * 10) for number in range(10_000))
    assert all(850 < counts[tenth] < 1150 for tenth in range(10))


@pytest.mark.parametrize("now", [0.0, 17.0, 59.999, 60.0, 1e6 + 0.1, 1e9], ids=str)
def test_the_next_slot_is_within_an_interval(now: float) -> None:
    """It lies after now, not more than one interval, and the one after it is an interval later."""
    due = next_due(target(), now)
    assert now < due <= now + 60.0 + 1e-6
    assert next_due(target(), due) == pytest.approx(due + 60.0)


async def test_the_first_sweep_begins_at_once() -> None:
    """No target waits for its slot to be seen for the first time."""
    targets = [target(number) for number in range(50)]
    async with running(targets) as rig:
        assert {name for _, name in rig.lab.begun} == {each.name for each in targets}
        assert {time for time, _ in rig.lab.begun} == {rig.clock.now}
        assert len(rig.board.rendered()) == 50


async def test_afterwards_each_target_has_its_slot_in_every_interval() -> None:
    """Exactly once per interval, always at the same place in it."""
    targets = [target(0), target(1), target(2, interval=30.0)]
    async with running(targets) as rig:
        start = rig.clock.now
        await rig.clock.advance(600.0)
        for each in targets:
            times = rig.lab.times(each.name)
            assert times[0] == start
            gaps = [after - before for before, after in itertools.pairwise(times[1:])]
            assert gaps == pytest.approx([each.interval] * len(gaps))
            assert len(times) == 1 + 600.0 / each.interval


async def test_results_of_the_last_probe_are_handed_to_the_next() -> None:
    """The pipeline needs them to keep the last good certificate."""
    async with running([target()]) as rig:
        assert rig.lab.previous == {"t0": ()}
        first = rig.board.results(target())
        await rig.clock.advance(60.0)
        assert rig.lab.previous == {"t0": first}


async def test_a_probe_longer_than_its_interval_skips_slots() -> None:
    """A slow target is never probed twice at the same time, and others keep their rhythm."""
    slow, quick = target(0), target(1)

    def prepare(lab: Lab) -> None:
        lab.takes = lambda each: 150.0 if each.name == "t0" else 0.0

    async with running([slow, quick], prepare=prepare) as rig:
        await rig.clock.advance(600.0)
        assert rig.lab.most["t0"] == 1
        assert len(rig.lab.times("t0")) == pytest.approx(4, abs=1)
        assert len(rig.lab.times("t1")) == 11


async def test_an_exception_is_logged_counted_and_survived(caplog: pytest.LogCaptureFixture) -> None:
    """A fault of this program for one target does not end the schedule, nor that target's turns."""

    def prepare(lab: Lab) -> None:
        lab.raises = {"t0"}

    with caplog.at_level(logging.ERROR):
        async with running([target(0), target(1)], prepare=prepare) as rig:
            await rig.clock.advance(60.0)
            assert len(rig.lab.times("t0")) == len(rig.lab.times("t1")) == 2
            assert rig.statistics.failures["internal"] == 2
            assert rig.statistics.probes == 4
            assert rig.statistics.in_flight == 0
    [first, _] = [record for record in caplog.records if record.exc_info]
    assert vars(first)["target"] == "t0"


async def test_no_more_examinations_than_slots() -> None:
    """`concurrency` bounds what runs, and the rest of the sweep follows."""

    def prepare(lab: Lab) -> None:
        lab.takes = lambda _: 1.0

    targets = [target(number, interval=1000.0) for number in range(40)]
    clock = HandClock()
    async with running(targets, Limits(4, clock=clock), prepare) as rig:
        assert rig.lab.running.total() <= 8
        await rig.clock.advance(9.5)
        assert {name for _, name in rig.lab.begun} == {each.name for each in targets}
        assert rig.statistics.schedule_lag > 5


async def test_a_busy_server_does_not_hold_up_the_others() -> None:
    """Many targets on one slow address take one slot, so the sweep of the rest goes on."""

    def prepare(lab: Lab) -> None:
        lab.takes = lambda each: 30.0 if each.host == "slow" else 0.0

    slow = [dataclasses.replace(target(n, 1000.0), host="slow") for n in range(20)]
    others = [target(100 + n, 1000.0) for n in range(20)]
    async with running([*slow, *others], Limits(2), prepare) as rig:
        for _ in others:
            await settle()
        assert len([entry for entry in rig.board.entries() if entry.results]) == len(others)


async def test_how_late_a_probe_began_is_known() -> None:
    """Nothing is late while there are slots."""
    async with running([target()]) as rig:
        await rig.clock.advance(300.0)
        assert rig.statistics.schedule_lag == pytest.approx(0.0, abs=1e-6)


async def test_stopping_ends_what_hangs() -> None:
    """Cancelling the schedule cancels every examination and waits for it."""

    def prepare(lab: Lab) -> None:
        lab.takes = lambda _: 1e9

    async with running([target(number) for number in range(10)], prepare=prepare) as rig:
        assert rig.statistics.in_flight == 10
        rig.task.cancel()
        await asyncio.wait({rig.task})
        assert rig.task.cancelled()
        assert len(rig.lab.cancelled) == 10
        assert rig.statistics.in_flight == 0


async def test_without_targets_it_waits() -> None:
    """An empty configuration is no reason to end or to spin."""
    async with running([]) as rig:
        await rig.clock.advance(1e6)
        assert not rig.task.done()


async def test_many_targets_cost_no_tasks() -> None:
    """A thousand targets that wait for their slot are entries of a heap, not tasks."""
    targets = [target(number, interval=3600.0) for number in range(1000)]
    async with running(targets) as rig:
        while len(rig.lab.begun) < len(targets) or rig.statistics.in_flight:
            await settle()
        assert rig.statistics.probes == len(targets)
        assert len(asyncio.all_tasks()) < 5


async def test_a_reload_probes_what_changed_and_nothing_else() -> None:
    """New and changed targets are probed at once, the others keep their times, removed ones are forgotten."""
    async with running([target(0), target(1), target(2)]) as rig:
        await settle()
        rig.lab.begun.clear()
        rig.replace(target(0), dataclasses.replace(target(1), timeout=3.0), target(3))
        await settle()
        assert {name for _, name in rig.lab.begun} == {"t1", "t3"}
        await rig.clock.advance(60.0)
        assert sorted(name for _, name in rig.lab.begun) == ["t0", "t1", "t1", "t3", "t3"]


async def test_a_reload_can_ask_for_targets_anew() -> None:
    """A target whose trust store changed is probed though its own settings did not change."""
    async with running([target(0), target(1)]) as rig:
        rig.lab.begun.clear()
        rig.replace(target(0), target(1), anew=[target(1).id, "an id that is gone"])
        await settle()
        assert [name for _, name in rig.lab.begun] == ["t1"]


async def test_a_target_that_changes_while_it_is_probed() -> None:
    """It is finished, and then probed again with its new settings; never twice at the same time."""
    async with running([target(0)], prepare=lambda lab: setattr(lab, "takes", lambda _: 5.0)) as rig:
        rig.replace(dataclasses.replace(target(0), timeout=3.0))
        await rig.clock.advance(5.0)
        assert rig.lab.times("t0") == [1000.0, 1005.0]
        assert rig.lab.most["t0"] == 1


async def test_a_target_that_is_removed_while_it_is_probed() -> None:
    """Its result is dropped and it is not probed again."""
    async with running([target(0)], prepare=lambda lab: setattr(lab, "takes", lambda _: 5.0)) as rig:
        rig.replace()
        await rig.clock.advance(500.0)
        assert rig.lab.times("t0") == [1000.0]
        assert rig.board.entries() == ()


async def test_a_storm_of_reloads_loses_nothing() -> None:
    """After a hundred reloads every target is probed once per interval, as before."""
    both = [target(0), target(1)]
    async with running(both) as rig:
        for number in range(100):
            rig.replace(*(both if number % 2 else [target(0), target(2)]))
            await settle()
        rig.lab.begun.clear()
        await rig.clock.advance(600.0)
        assert collections.Counter(name for _, name in rig.lab.begun) == {"t0": 10, "t1": 10}


async def test_a_crowd_that_begins_leaves_room_for_others() -> None:
    """Between any two groups of examinations that begin, everything else that is ready has its turn."""
    targets = [target(number) for number in range(100)]
    begun: list[int] = []
    async with running([]) as rig:

        async def look_on() -> None:
            while len(rig.lab.begun) < len(targets):
                begun.append(len(rig.lab.begun))
                await asyncio.sleep(0)

        looking = asyncio.create_task(look_on())
        rig.replace(*targets)
        async with asyncio.timeout(30):
            await looking
    begun.append(len(targets))
    assert max(after - before for before, after in itertools.pairwise(begun)) <= 2 * AT_ONCE


async def test_what_is_due_at_about_the_same_time_is_woken_for_once() -> None:
    """Examinations begin on the ticks of the clock after their time, and less than a tick late."""
    targets = [target(number) for number in range(20)]
    async with running(targets) as rig:
        start = rig.clock.now
        await rig.clock.advance(120.0)
        times = [time for time, _ in rig.lab.begun if time > start]
        assert len(times) == 40
        assert all(time % TICK == 0 for time in times)
        for each in targets:
            due = next_due(each, start)
            assert due <= rig.lab.times(each.name)[1] < due + TICK
