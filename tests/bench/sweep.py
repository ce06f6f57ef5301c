"""Our own sweep: the daemon's scheduler, limits and board over the whole pipeline, verdicts and metrics included.

Three times in one process. In the first sweep every certificate is new. The second one still meets a heap
that grows and is not counted. The third one is what a daemon does for the rest of its life.
"""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING

from exporter import pipeline, trust
from exporter.model import Policy, Result, State, Target
from exporter.serve.board import Board
from exporter.serve.limits import Limits
from exporter.serve.scheduler import Scheduler
from exporter.serve.statistics import Statistics
from tests.bench.measure import Cost, arguments, report, stopwatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.servers import Fleet

_STORE = "bench"


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


def targets(fleet: Fleet) -> tuple[Target, ...]:
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
            policy=Policy(stores=(_STORE,)),
        )
        for address, name in fleet.members()
    )


async def sweep(scheduler: Scheduler, board: WatchedBoard) -> Cost:
    """Let the scheduler make its first sweep, and check that every single probe went well."""
    count = len(board.entries())
    complete = board.expect(count)
    with stopwatch(count) as cost:
        running = asyncio.create_task(scheduler.run())
        await complete.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    for entry in board.entries():
        (result,) = entry.results
        assert result.success, result.observation.failure
        assert result.verdict.state is State.OK, result.verdict.problems
    return cost


async def measure(fleet: Fleet) -> dict[str, Cost]:
    """What the first sweep over the servers costs, and what a later one does."""
    wanted = targets(fleet)
    board = WatchedBoard(wanted)
    examine = functools.partial(pipeline.examine, stores={_STORE: trust.load(_STORE, "pem", (fleet.root,))})
    costs = {}
    for name in ("sweep, new", "uncounted", "sweep, seen"):
        scheduler = Scheduler(wanted, examine, board, limits=Limits(), statistics=Statistics())
        costs[name] = await sweep(scheduler, board)
    del costs["uncounted"]
    return costs


if __name__ == "__main__":
    report(asyncio.run(measure(arguments())))
