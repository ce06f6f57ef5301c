"""What three trust stores cost beside one.

They are what the mail server of a private authority meets: clients that were given its root, alone or with
other roots besides, and one that trusts the public authorities alone and so trusts none of the servers. That
one shows a problem, which is looked for, worded and published however many stores there are; so three stores
with it among them are compared with that one alone.

The servers are swept in small groups, in turn with each set of stores, so that a machine that drifts favours
none. No group is ever judged by the stores of another set: that its chains are new is true of all.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from exporter import trust
from exporter.demo.authority import Root, self_signed
from exporter.model import TrustStore
from tests.bench.measure import Cost, arguments, report
from tests.bench.sweep import Sweep, own

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bench.servers import Fleet
    from tests.bench.sweep import Expected

PAIRS = {"3 stores": "1 store", "3 stores, 1 distrusts": "1 store that distrusts"}
"""Which set of stores is compared with which."""

_GROUPS = 81
_PASSES = {"new": 1, "uncounted": 1, "seen": 2}


def sets(fleet: Fleet) -> tuple[tuple[str, Expected], ...]:
    """The sets of stores by their names, each store with whether it trusts the servers."""
    mine, public = own(fleet), trust.load("mozilla", "mozilla")
    first, second = (self_signed(Root(f"CN=Other Root {n}"), datetime.now(UTC)).der for n in "12")
    private, more = TrustStore("private", (first, *mine.anchors)), TrustStore("more", (second, *mine.anchors))
    return (
        ("1 store", {mine: True}),
        ("3 stores", {mine: True, private: True, more: True}),
        ("1 store that distrusts", {public: False}),
        ("3 stores, 1 distrusts", {mine: True, public: False, private: True}),
    )


def groups(fleet: Fleet) -> Iterator[tuple[str, Sweep]]:
    """The servers, in turn for each set of stores."""
    kinds = sets(fleet)
    members = list(fleet.members())
    size = max(1, len(members) // _GROUPS)
    for number, start in enumerate(range(0, len(members), size)):
        kind, expected = kinds[number % len(kinds) - 1]
        yield kind, Sweep(fleet, members[start : start + size], expected)


async def measure(fleet: Fleet) -> dict[str, Cost]:
    """What the first sweep over new chains costs, and what a later one does, with each kind of stores.

    The first group is for what is done once only, as reading the stores' names, and does not count.
    """
    first, *others = groups(fleet)
    await first[1].once()
    costs: dict[str, Cost] = {}
    for name, passes in _PASSES.items():
        for _ in range(passes):
            for kind, sweep in others:
                cost = costs.setdefault(f"{kind}, {name}", Cost(0))
                cost.add(await sweep.once())
    return {what: cost for what, cost in costs.items() if "uncounted" not in what}


if __name__ == "__main__":
    report(asyncio.run(measure(arguments())))
