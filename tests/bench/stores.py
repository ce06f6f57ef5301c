"""The same sweep judged by three trust stores, to be compared with the sweep that has one.

They are what the mail server of a private authority meets: a client that was given its root, one that trusts
the public authorities alone and so trusts none of the servers, and one that was given other roots besides. In
a process of its own, so that no chain of the first sweep was seen before.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from exporter import trust
from exporter.demo.authority import Root, self_signed
from exporter.model import TrustStore
from tests.bench.measure import arguments, report
from tests.bench.sweep import measure, own

if TYPE_CHECKING:
    from tests.bench.servers import Fleet
    from tests.bench.sweep import Expected


def three(fleet: Fleet) -> Expected:
    """The stores, of which one does not trust the servers, which is a problem that has to be worded."""
    mine = own(fleet)
    other = self_signed(Root("CN=Other Root"), datetime.now(UTC))
    return {
        mine: True,
        trust.load("mozilla", "mozilla"): False,
        TrustStore("private", (other.der, *mine.anchors)): True,
    }


def main() -> None:
    """Measure with three trust stores."""
    fleet = arguments()
    new, seen = asyncio.run(measure(fleet, three(fleet)))
    report({"3 stores, new": new, "3 stores, seen": seen})


if __name__ == "__main__":
    main()
