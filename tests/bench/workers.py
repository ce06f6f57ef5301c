"""What probing in two processes costs beside one: all processes of both daemons, in the same seconds."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.exporters import Daemon, daemon, knows
from tests.bench.figures import Budget, Figure, median
from tests.bench.measure import Cost, Failed
from tests.bench.options import Options
from tests.bench.servers import Fleet, fleets

PACE = 200
"""Probes a second of each daemon."""
_MORE = Budget(1.1)


def measure(options: Options) -> Iterator[Figure]:
    """Watch a daemon with one worker and one with two.

    Raises:
        Failed: the daemon cannot do so.
    """
    if not knows("--workers"):
        raise Failed("the daemon does not know --workers: this section cannot be measured")
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (few,) = stack.enter_context(fleets(place, options.kinds[:1], options.certificates))
        count = min(options.targets, 5 * PACE)
        both = [stack.enter_context(_daemon(few.of(count), workers)) for workers in (1, 2)]
        for each in both:
            each.wait_for(2 * count)
        windows = [_window(both, options.window / 2) for _ in range(options.repetitions)]
        for each in both:
            each.check(count)
    for workers in (1, 2):
        costs = [window[workers - 1] for window in windows]
        yield median(f"{workers} workers", "sweep", "CPU ms/probe", (each.cpu_ms for each in costs))
    yield median(
        "2 workers", "sweep", "of 1 worker", (two.cpu_ms / one.cpu_ms for one, two in windows), _MORE
    )


@contextlib.contextmanager
def _daemon(fleet: Fleet, workers: int) -> Iterator[Daemon]:
    interval = f"{max(fleet.count // PACE, 1)}s"
    with (
        tempfile.TemporaryDirectory() as place,
        daemon(Path(place), fleet, f"--workers={workers}", interval=interval) as started,
    ):
        yield started


def _window(daemons: list[Daemon], seconds: float) -> list[Cost]:
    before = [(each.beat(), each.cpu()) for each in daemons]
    time.sleep(seconds)
    return [
        Cost(each.beat() - probes, seconds, each.cpu() - spent)
        for each, (probes, spent) in zip(daemons, before, strict=True)
    ]
