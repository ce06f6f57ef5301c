"""Our own sweep: the daemon's scheduler, limits and board over the whole pipeline, verdicts and metrics included.

Three times in one process. In the first sweep every certificate is new. The second one still meets a heap
that grows and is not counted. The third one is what a daemon does for the rest of its life.
"""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING

from exporter import pipeline, trust
from exporter.model import Policy, Result, State, Target, TrustStore
from exporter.serve.board import Board
from exporter.serve.limits import Limits
from exporter.serve.scheduler import Scheduler
from exporter.serve.statistics import Statistics
from tests.bench.measure import Cost, arguments, report, stopwatch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.bench.servers import Fleet

Expected = dict[TrustStore, bool]
"""The trust stores to judge by, and whether each of them trusts the servers."""


class WatchedBoard(Board):
    """A board that knows when every target has a new result."""

    def expect(self, results: int) -> asyncio.Event:
        """Return an event that is set when this many more results have arrived."""
        self._left, self._complete = results, asyncio.Event()
        return self._complete

    def put(self, target: Target, results: Sequence[Result]) -> None:
        """Take results as the board of the daemon does."""
        super().put(target, results)
        self._left -= 1
        if not self._left:
            self._complete.set()


def targets(fleet: Fleet, policy: Policy) -> tuple[Target, ...]:
    """The servers as the configuration would name them. None is due twice within a benchmark."""
    return tuple(
        Target(
            name=name,
            host=address,
            port=fleet.port,
            names=(name,),
            sni=name,
            ehlo_name="bench.example.org",
            interval=86400.0,
            policy=policy,
        )
        for address, name in fleet.members()
    )


async def sweep(scheduler: Scheduler, board: WatchedBoard, trusted: Mapping[str, bool]) -> Cost:
    """Let the scheduler make its first sweep, and check that every single probe went well.

    Args:
        scheduler: a new one.
        board: where its results arrive.
        trusted: by label of each store, what its verdict must be.
    """
    count = len(board.entries())
    complete = board.expect(count)
    with stopwatch(count) as cost:
        running = asyncio.create_task(scheduler.run())
        await complete.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    for entry in board.entries():
        (result,) = entry.results
        _check(result, trusted)
    return cost


def _check(result: Result, trusted: Mapping[str, bool]) -> None:
    """Nothing may be wrong, but that a store does not know the root where it should not."""
    assert result.success, result.observation.failure
    assert {store.store: store.valid for store in result.verdict.stores} == trusted
    assert (result.verdict.state is State.OK) == all(trusted.values()), result.verdict.problems


async def measure(fleet: Fleet, expected: Expected) -> tuple[Cost, Cost]:
    """What the first sweep over the servers costs, and what a later one does."""
    stores = {store.label: store for store in expected}
    trusted = {store.label: trusts for store, trusts in expected.items()}
    wanted = targets(fleet, Policy(stores=tuple(stores)))
    board = WatchedBoard(wanted)
    examine = functools.partial(pipeline.examine, stores=stores)
    costs = []
    for _ in range(3):
        scheduler = Scheduler(wanted, examine, board, limits=Limits(), statistics=Statistics())
        costs.append(await sweep(scheduler, board, trusted))
    new, _uncounted, seen = costs
    return new, seen


def own(fleet: Fleet) -> TrustStore:
    """The store with the root that all servers chain to."""
    return trust.load("bench", "pem", (fleet.root,))


def main() -> None:
    """Measure with one trust store."""
    fleet = arguments()
    new, seen = asyncio.run(measure(fleet, {own(fleet): True}))
    report({"sweep, new": new, "sweep, seen": seen})


if __name__ == "__main__":
    main()
