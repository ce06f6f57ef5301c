"""What 3, 5 and 20 trust stores cost beside one.

They are what the mail server of a private authority meets: clients that were given its root, alone or with
other roots besides, and one that trusts the public authorities alone and so trusts none of the servers. That
one shows a problem, which is looked for, worded and published however many stores there are; so three stores
with it among them are compared with that one alone.

The servers are swept in small groups, in turn with each set of stores, so that a machine that drifts favours
none. No group is ever judged by the stores of another set: that its chains are new is true of all.
"""

from __future__ import annotations

import asyncio
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from exporter import trust
from exporter.demo.authority import Root, self_signed
from exporter.model import TrustStore
from exporter.serve.collecting import look_seldom
from tests.bench.figures import Budget, Figure, median
from tests.bench.measure import Cost, arguments, report, run
from tests.bench.servers import fleet
from tests.bench.sweep import Sweep, own

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.options import Options
    from tests.bench.servers import Fleet
    from tests.bench.sweep import Expected

PAIRS = {
    "3 stores": "1 store",
    "5 stores": "1 store",
    "20 stores": "1 store",
    "3 stores, 1 distrusts": "1 store that distrusts",
}
"""Which set of stores is compared with which."""

_NEW = Budget(1.5)
_SEEN = Budget(1.1, 1.0)
"""Nothing, as far as this measurement can tell."""
_GROUPS = 121
_PASSES = {"new": 1, "uncounted": 1, "seen": 2}


def measure(options: Options) -> Iterator[Figure]:
    """Each set of stores against the one that it is compared with, for chains that are new or were seen."""
    for kind in options.starttls:
        with tempfile.TemporaryDirectory() as place, fleet(Path(place), options.separate, kind) as servers:
            rounds = [run("tests.bench.stores", servers) for _ in range(options.repetitions)]
        for what, to in PAIRS.items():
            for when, budget in {"new": _NEW, "seen": _SEEN}.items():
                ratios = (each[f"{what}, {when}"].cpu_ms / each[f"{to}, {when}"].cpu_ms for each in rounds)
                limit = budget if what == "20 stores" else None
                yield median(str(kind), f"{what}, {when}", f"of {to}", ratios, limit)


def sets(servers: Fleet) -> tuple[tuple[str, Expected], ...]:
    """The sets of stores by their names, each store with whether it trusts the servers."""
    mine, public = own(servers), trust.load("mozilla", "mozilla")
    more = [_with_another_root(mine, number) for number in range(1, 20)]
    alike = {f"{count} stores": dict.fromkeys([mine, *more[: count - 1]], True) for count in (3, 5, 20)}
    return (
        ("1 store", {mine: True}),
        *alike.items(),
        ("1 store that distrusts", {public: False}),
        ("3 stores, 1 distrusts", {mine: True, public: False, more[0]: True}),
    )


def _with_another_root(store: TrustStore, number: int) -> TrustStore:
    root = self_signed(Root(f"CN=Other Root {number}"), datetime.now(UTC))
    return TrustStore(f"private{number}", (root.der, *store.anchors))


def groups(servers: Fleet) -> Iterator[tuple[str, Sweep]]:
    """The servers, in turn for each set of stores."""
    kinds = sets(servers)
    members = list(servers.members())
    size = max(1, len(members) // _GROUPS)
    for number, start in enumerate(range(0, len(members), size)):
        kind, expected = kinds[number % len(kinds) - 1]
        yield kind, Sweep(servers, members[start : start + size], expected)


async def costs(servers: Fleet) -> dict[str, Cost]:
    """What the first sweep over new chains costs, and what a later one does, with each kind of stores.

    The first group is for what is done once only, as reading the stores' names, and does not count.
    """
    look_seldom()  # as the daemon does
    first, *others = groups(servers)
    await first[1].once()
    found: dict[str, Cost] = {}
    for name, passes in _PASSES.items():
        for _ in range(passes):
            for kind, sweep in others:
                cost = found.setdefault(f"{kind}, {name}", Cost(0))
                cost.add(await sweep.once())
    return {what: cost for what, cost in found.items() if "uncounted" not in what}


if __name__ == "__main__":
    report(asyncio.run(costs(arguments())))
