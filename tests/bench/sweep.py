"""Our own sweep: the daemon's scheduler, limits and board over the whole pipeline, verdicts and metrics included.

In one process: first half of the servers, then the other half, whose certificates are all new, too; then all of them
twice. The second look at a server still meets a heap that grows and is not counted. The third one is what a daemon does
for the rest of its life.
"""

from __future__ import annotations

import asyncio
import functools
from pathlib import Path
from typing import TYPE_CHECKING

from exporter import pipeline, trust
from exporter.evidence.ways import NOTHING, Evidence
from exporter.model import Policy, Result, RevocationMethod, State, Target, TrustStore
from exporter.probe.readiness import watch
from exporter.serve.board import Board
from exporter.serve.collecting import Keeping, look_seldom
from exporter.serve.limits import Limits
from exporter.serve.scheduler import Scheduler
from exporter.serve.statistics import Statistics
from tests.bench.measure import Cost, arguments, report, stopwatch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tests.bench.servers import Fleet, Member

Expected = dict[TrustStore, bool]
"""The trust stores to judge by, and whether each of them trusts the servers."""


class WatchedBoard(Board):
    """A board that knows when every target has a new result; what it keeps is set aside as in the daemon."""

    def __init__(self, targets: Iterable[Target]) -> None:
        keeping = Keeping()
        super().__init__(targets, note=lambda _: keeping.kept())

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


class Sweep:
    """Some of the servers, watched as the daemon does.

    Args:
        fleet: the servers.
        members: those of them that are swept.
        expected: the trust stores, and what the verdict by each of them must be.
        evidence: where revocation is found out, which must say that nothing is revoked; None for not at all.
    """

    def __init__(
        self,
        fleet: Fleet,
        members: Iterable[Member],
        expected: Expected,
        evidence: Evidence | None = None,
    ) -> None:
        stores = {store.label: store for store in expected}
        self._trusted = {store.label: trusts for store, trusts in expected.items()}
        methods = (RevocationMethod.STAPLE, RevocationMethod.CRL) if evidence else ()
        policy = Policy(stores=tuple(stores), revocation=methods)
        self._targets = tuple(_targets(fleet, members, policy))
        self._examine = functools.partial(pipeline.examine, stores=stores, evidence=evidence or NOTHING)
        self._board = WatchedBoard(self._targets)

    async def once(self) -> Cost:
        """Probe each server once, and check that every single probe went well."""
        count = len(self._targets)
        scheduler = Scheduler(
            self._targets,
            self._examine,
            self._board,
            limits=Limits(),
            statistics=Statistics(),
            crowded=watch(asyncio.get_running_loop()).crowded,
        )
        complete = self._board.expect(count)
        with stopwatch(count) as cost:
            running = asyncio.create_task(scheduler.run())
            await complete.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        for entry in self._board.entries():
            (result,) = entry.results
            _check(result, self._trusted)
        return cost


def _targets(fleet: Fleet, members: Iterable[Member], policy: Policy) -> Iterator[Target]:
    """The servers as the configuration would name them. None is due twice within a benchmark."""
    for address, port, name in members:
        yield Target(
            name=f"{address}:{port}",
            host=address,
            port=port,
            mode=fleet.mode,
            names=(name,),
            sni=name,
            ehlo_name="bench.example.org",
            interval=86400.0,
            policy=policy,
        )


def _check(result: Result, trusted: Mapping[str, bool]) -> None:
    """Nothing may be wrong, but that a store does not know the root where it should not."""
    assert result.success, result.observation.failure
    assert {store.store: store.valid for store in result.verdict.stores} == trusted
    assert result.verdict.revoked is (False if result.target.policy.revocation else None)
    assert (result.verdict.state is State.OK) == all(trusted.values()), result.verdict.problems


def own(fleet: Fleet) -> TrustStore:
    """The store with the root that all servers chain to."""
    return trust.load("bench", "pem", (Path(fleet.root),))


async def measure(fleet: Fleet) -> dict[str, Cost]:
    """What first looks at servers cost a process that has just started, and one that runs; and what later looks do.

    In a process that has just started nothing has been used before, the interpreter's own caches included. That comes
    once in the life of a daemon, and is told apart from what a new chain costs.
    """
    members = list(fleet.members())
    store = {own(fleet): True}
    early, late = Sweep(fleet, members[::2], store), Sweep(fleet, members[1::2], store)
    look_seldom()  # as the daemon does
    first, new = await early.once(), await late.once()
    for sweep in (early, late):
        await sweep.once()
    seen = await early.once()
    seen.add(await late.once())
    return {"sweep, at start": first, "sweep, new": new, "sweep, seen": seen}


if __name__ == "__main__":
    report(asyncio.run(measure(arguments())))
