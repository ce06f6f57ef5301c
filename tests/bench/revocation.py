"""What finding out about revocation costs beside not doing so: one authority's list of 20,000 certificates.

The servers are swept in small groups, in turn with and without it. The list is loaded in the first group,
which does not count, but while which the event loop is watched: how long it stood still at most is printed.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from ipaddress import ip_network
from typing import TYPE_CHECKING

import exporter.evidence.http  # noqa: F401 - as in the daemon, which has loaded its libraries long before
from exporter import gathering
from tests.bench.measure import Cost, arguments, report
from tests.bench.sweep import Sweep, own

if TYPE_CHECKING:
    from tests.bench.servers import Fleet

PAIR = ("with revocation", "without revocation")
LOADING = "longest pause while the list is loaded"
_GROUPS = 41
_PASSES = {"new": 1, "uncounted": 1, "seen": 2}
_TICK = 0.001


async def measure(fleet: Fleet) -> dict[str, Cost]:
    """CPU of both kinds of sweep, over new chains and over those that were seen; and the longest pause."""
    costs: dict[str, Cost] = {}
    async with gathering.sources(60.0, [ip_network("127.0.0.0/8")]) as sources:
        evidence, expected = gathering.evidence(sources), {own(fleet): True}
        members = list(fleet.members())
        size = max(1, len(members) // _GROUPS)
        groups = [
            Sweep(fleet, members[start : start + size], expected, evidence if number % 2 == 0 else None)
            for number, start in enumerate(range(0, len(members), size))
        ]
        await Sweep(fleet, members[:size], expected).once()  # what is done once only is no part of loading
        async with _watched() as pauses:
            await groups[0].once()
        costs[LOADING] = Cost(1, max(pauses), max(pauses))
        for name, passes in _PASSES.items():
            for _ in range(passes):
                for number, sweep in enumerate(groups[1:]):
                    cost = costs.setdefault(f"{PAIR[(number + 1) % 2]}, {name}", Cost(0))
                    cost.add(await sweep.once())
    return {what: cost for what, cost in costs.items() if "uncounted" not in what}


@contextlib.asynccontextmanager
async def _watched() -> AsyncIterator[list[float]]:
    """How long the loop stood still, each time in seconds."""
    pauses = [0.0]

    async def tick() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(_TICK)
            pauses.append(time.perf_counter() - before - _TICK)

    ticking = asyncio.create_task(tick())
    yield pauses
    ticking.cancel()


if __name__ == "__main__":
    report(asyncio.run(measure(arguments())))
