"""What probing in two processes costs beside one, and what is lost when one of them is killed.

They take turns, at a pace that keeps one process busy for half of its time: with less to do, two are no use. All of
their processes count.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench import usage
from tests.bench.exporters import Daemon, daemon, knows
from tests.bench.figures import Budget, Figure, median, single
from tests.bench.measure import Cost, Failed
from tests.bench.options import Options
from tests.bench.servers import Fleet, fleets

PACE = 600
"""Probes a second."""
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
        windows, lost = [], 0
        for _ in range(options.repetitions):
            with _daemon(fleet, 1) as one:
                alone = _window(one, fleet, options.window / 4)
            with _daemon(fleet, 2) as two:
                windows.append((alone, _window(two, fleet, options.window / 4)))
                lost += _lost(two, fleet)
                two.check(fleet.count)
        yield from _figures(windows)
        yield single("2 workers", "one killed: targets not probed since", "targets", lost, _NONE)


@contextlib.contextmanager
def _daemon(fleet: Fleet, workers: int) -> Iterator[Daemon]:
    with (
        tempfile.TemporaryDirectory() as place,
        daemon(Path(place), fleet, f"--workers={workers}", interval=f"{_interval(fleet)}s") as started,
    ):
        yield started


def _interval(fleet: Fleet) -> int:
    return max(fleet.count // PACE, 1)


def _window(ours: Daemon, fleet: Fleet, seconds: float) -> Cost:
    """What its probes cost once all chains are known."""
    ours.wait_for(2 * fleet.count)
    probes, spent = ours.beat(), ours.cpu()
    time.sleep(seconds)
    cost = Cost(ours.beat() - probes, seconds, ours.cpu() - spent)
    ours.check(fleet.count)
    return cost


def _figures(windows: Sequence[tuple[Cost, Cost]]) -> Iterator[Figure]:
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
