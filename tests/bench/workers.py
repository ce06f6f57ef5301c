"""What probing in two processes costs beside one, and what is lost when one of them is killed.

Both daemons run in the same seconds, and all of their processes count.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench import usage
from tests.bench.exporters import Daemon, daemon, knows
from tests.bench.figures import Budget, Figure, median, single
from tests.bench.measure import Cost, Failed
from tests.bench.options import Options
from tests.bench.servers import Fleet, fleets

PACE = 200
"""Probes a second of each daemon."""
_MORE = Budget(1.1)
_NONE = Budget(0)
_PATIENCE = 3
"""Intervals after which no target may still wait for the probe that a dead worker owes."""


def measure(options: Options) -> Iterator[Figure]:
    """Watch a daemon with one worker and one with two.

    Raises:
        Failed: the daemon cannot do so, or a probe failed.
    """
    if not knows("--workers"):
        raise Failed("the daemon does not know --workers: this section cannot be measured")
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (few,) = stack.enter_context(fleets(place, options.kinds[:1], options.certificates))
        fleet = few.of(min(options.targets, 5 * PACE))
        both = [stack.enter_context(_daemon(fleet, workers)) for workers in (1, 2)]
        for each in both:
            each.wait_for(2 * fleet.count)
        windows = [_window(both, options.window / 2) for _ in range(options.repetitions)]
        for each in both:
            each.check(fleet.count)
        yield from _figures(windows)
        lost = _lost(both[1], fleet)
        yield single("2 workers", "one killed: targets not probed since", "targets", lost, _NONE)
        both[1].check(fleet.count)


@contextlib.contextmanager
def _daemon(fleet: Fleet, workers: int) -> Iterator[Daemon]:
    with (
        tempfile.TemporaryDirectory() as place,
        daemon(Path(place), fleet, f"--workers={workers}", interval=f"{_interval(fleet)}s") as started,
    ):
        yield started


def _interval(fleet: Fleet) -> int:
    return max(fleet.count // PACE, 1)


def _window(daemons: list[Daemon], seconds: float) -> list[Cost]:
    before = [(each.beat(), each.cpu()) for each in daemons]
    time.sleep(seconds)
    return [
        Cost(each.beat() - probes, seconds, each.cpu() - spent)
        for each, (probes, spent) in zip(daemons, before, strict=True)
    ]


def _figures(windows: list[list[Cost]]) -> Iterator[Figure]:
    for workers in (1, 2):
        costs = [window[workers - 1] for window in windows]
        yield median(f"{workers} workers", "sweep", "CPU ms/probe", (each.cpu_ms for each in costs))
    ratios = (two.cpu_ms / one.cpu_ms for one, two in windows)
    yield median("2 workers", "sweep", "of 1 worker", ratios, _MORE)


def _lost(ours: Daemon, fleet: Fleet) -> int:
    """Kill the process that works hardest, and count the targets that nobody probes any more."""
    workers = [pid for pid in usage.tree(ours.pid) if pid != ours.pid]
    if not workers:
        raise Failed("two workers are one process")
    os.kill(max(workers, key=usage.cpu), signal.SIGKILL)
    killed = time.time()
    time.sleep(_PATIENCE * _interval(fleet))
    pattern = r"^smtp_tls_last_probe_timestamp_seconds\{.*\} (\S+)$"
    moments = re.findall(pattern, ours.metrics(), re.MULTILINE)
    return fleet.count - sum(float(moment) > killed for moment in moments)
