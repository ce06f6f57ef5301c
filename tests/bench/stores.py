"""What three trust stores cost beside one.

They are what the mail server of a private authority meets: a client that was given its root, one that trusts
the public authorities alone and so trusts none of the servers, and one that was given other roots besides.

The servers are swept in small groups, in turn with one store and with three, so that a machine that drifts
favours neither. No group is ever judged by the stores of the other kind: that its chains are new is true of
both kinds.
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

_GROUPS = 41
_PASSES = {"new": 1, "uncounted": 1, "seen": 2}


def three(fleet: Fleet) -> Expected:
    """The stores, of which one does not trust the servers, which is a problem that has to be worded."""
    mine = own(fleet)
    other = self_signed(Root("CN=Other Root"), datetime.now(UTC))
    return {
        mine: True,
        trust.load("mozilla", "mozilla"): False,
        TrustStore("private", (other.der, *mine.anchors)): True,
    }


def groups(fleet: Fleet) -> Iterator[tuple[str, Sweep]]:
    """The servers, in turn for three stores and for one."""
    kinds: tuple[tuple[str, Expected], ...] = (("1 store", {own(fleet): True}), ("3 stores", three(fleet)))
    members = list(fleet.members())
    size = max(1, len(members) // _GROUPS)
    for number, start in enumerate(range(0, len(members), size)):
        kind, expected = kinds[number % 2 - 1]
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
