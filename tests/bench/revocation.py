"""What finding out about revocation costs beside not doing so: one authority's list of 20,000 certificates.

The servers are swept in small groups, in turn with and without it. The list is loaded in the first group,
which does not count, but while which the event loop is watched: how long it stood still at most is printed.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING

import exporter.evidence.http  # noqa: F401 - as in the daemon, which has loaded its libraries long before
from exporter import gathering
from exporter.serve.collecting import look_seldom
from tests.bench.figures import Budget, Figure, median
from tests.bench.measure import Cost, arguments, report, run
from tests.bench.servers import fleet
from tests.bench.sweep import Sweep, own

if TYPE_CHECKING:
    from tests.bench.options import Options
    from tests.bench.servers import Fleet

PAIR = ("with revocation", "without revocation")
LOADING = "longest pause loading the list"
_PAUSE = Budget(50, 20)
_GROUPS = 41
_PASSES = {"new": 1, "uncounted": 1, "seen": 2}
_TICK = 0.001


def measure(options: Options) -> Iterator[Figure]:
    """With against without, for chains that are new or were seen; and the longest pause, in milliseconds."""
    what, to = PAIR
    for kind in options.starttls:
        with tempfile.TemporaryDirectory() as place, fleet(Path(place), options.separate, kind) as servers:
            rounds = [run("tests.bench.revocation", servers) for _ in range(options.repetitions)]
        for when in ("new", "seen"):
            ratios = (each[f"{what}, {when}"].cpu_ms / each[f"{to}, {when}"].cpu_ms for each in rounds)
            yield median(str(kind), f"{what}, {when}", "of without", ratios)
        yield median(str(kind), LOADING, "ms", (1000 * each[LOADING].wall for each in rounds), _PAUSE)


async def costs(servers: Fleet) -> dict[str, Cost]:
    """CPU of both kinds of sweep, over new chains and over those that were seen; and the longest pause."""
    look_seldom()  # as the daemon does
    found: dict[str, Cost] = {}
    async with gathering.sources(60.0, [ip_network("127.0.0.0/8")]) as sources:
        evidence, expected = gathering.evidence(sources), {own(servers): True}
        members = list(servers.members())
        size = max(1, len(members) // _GROUPS)
        groups = [
            Sweep(servers, members[start : start + size], expected, evidence if number % 2 == 0 else None)
            for number, start in enumerate(range(0, len(members), size))
        ]
        await Sweep(servers, members[:size], expected).once()  # what is done once only is no part of loading
        async with _watched() as pauses:
            await groups[0].once()
        found[LOADING] = Cost(1, max(pauses), max(pauses))
        for name, passes in _PASSES.items():
            for _ in range(passes):
                for number, sweep in enumerate(groups[1:]):
                    cost = found.setdefault(f"{PAIR[(number + 1) % 2]}, {name}", Cost(0))
                    cost.add(await sweep.once())
    return {what: cost for what, cost in found.items() if "uncounted" not in what}


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
    report(asyncio.run(costs(arguments())))
