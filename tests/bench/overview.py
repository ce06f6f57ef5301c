"""How long the overview of many targets takes, and for how long it holds up the event loop.

    python -m tests.bench.overview [TARGETS]

Prints the median over ten answers, over real HTTP on loopback, for the first page, a search, and a sorted last page.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from dataclasses import replace

from exporter.model import ProblemKind
from exporter.serve.board import Board
from tests import results
from tests.serve.test_web import service, serving

QUERIES = {
    "first page": "/",
    "search": "/?text=expired+site",
    "last page": "/?sort=expires&order=desc&page=999",
}
ROUNDS = 10


def filled(number: int) -> Board:
    """Results for that many targets, a tenth of them in trouble."""
    names = [f"mx{index}.example.org" for index in range(number)]
    targets = [
        replace(results.TARGET, name=f"{name}:25", host=name, labels=(("site", name[-13]),)) for name in names
    ]
    board = Board(targets)
    for index, target in enumerate(targets):
        found = [results.problem(ProblemKind.EXPIRED)] if index % 10 == 0 else []
        board.put(target, [results.result(*found, target=target)])
    return board


async def pauses(found: list[float]) -> None:
    """Note how late the loop wakes us, without end."""
    while True:
        began = time.perf_counter()
        await asyncio.sleep(0.001)
        found.append(time.perf_counter() - began - 0.001)


async def main(number: int) -> None:
    """Measure and print."""
    async with serving(service(board=filled(number))) as client:
        for what, path in QUERIES.items():
            taken: list[float] = []
            late: list[float] = []
            text = ""
            for _ in range(ROUNDS):
                watching = asyncio.create_task(pauses(late))
                began = time.perf_counter()
                text = await (await client.get(path)).text()
                taken.append(time.perf_counter() - began)
                watching.cancel()
                assert "<table>" in text
            print(
                f"{number} targets, {what}: {1000 * statistics.median(taken):.0f} ms, "
                f"longest pause {1000 * max(late):.0f} ms, {len(text) // 1024} KiB"
            )


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if sys.argv[1:] else 10_000))
