"""Asks an exporter's `/probe` for every server, in a process of its own.

In: the servers, and where to ask. Out: how long it took; it fails unless every single probe succeeded.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import aiohttp

from tests.bench import measure
from tests.bench.measure import Cost

if TYPE_CHECKING:
    from tests.bench.exporters import Exporter
    from tests.bench.servers import Fleet, Member

AT_ONCE = 100
"""Requests under way: fewer leave blackbox_exporter waiting, more make no difference to it."""
HEADERS = {
    "plain": {"Accept-Encoding": "identity"},
    "gzip": {
        "Accept": (
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
            "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
        ),
        "Accept-Encoding": "gzip",
        "User-Agent": "Prometheus/2.42.0",
        "X-Prometheus-Scrape-Timeout-Seconds": "10",
    },
}
"""What is sent: next to nothing, and what Prometheus sends with every scrape."""


def ask(exporter: Exporter, fleet: Fleet, how: str = "plain") -> Cost:
    """What a probe of each server costs the exporter; `how` is a key of `HEADERS`."""
    before = exporter.cpu()
    cost = measure.run("tests.bench.load", fleet, exporter.url, exporter.module, how)["load"]
    cost.cpu = exporter.cpu() - before
    return cost


async def _all(fleet: Fleet, url: str, module: str, how: str) -> Cost:
    members = fleet.members()
    connector = aiohttp.TCPConnector(limit=AT_ONCE)
    async with aiohttp.ClientSession(url, headers=HEADERS[how], connector=connector) as session:
        began = time.perf_counter()
        await asyncio.gather(*[_some(session, module, members) for _ in range(AT_ONCE)])
        return Cost(fleet.count, time.perf_counter() - began)


async def _some(session: aiohttp.ClientSession, module: str, members: Iterator[Member]) -> None:
    """Ask for one server after the other, as long as there are any left."""
    for address, port, name in members:
        question = {"target": f"{address}:{port}", "module": module.format(name=name), "hostname": name}
        async with session.get("/probe", params=question) as answer:
            text = await answer.text()
        if answer.status != 200 or "\nprobe_success 1" not in text:
            sys.exit(f"{question}: {answer.status} {text}")


if __name__ == "__main__":
    measure.report({"load": asyncio.run(_all(measure.arguments(), *sys.argv[2:]))})
