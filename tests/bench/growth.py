"""What a probe costs and what memory is needed with 100, 1,000, 10,000 and 50,000 targets, all at the same time.

A daemon for each number runs. Their intervals are such that all of them do the same number of probes a second, so
they differ in nothing but how much they keep, and a machine that drifts favours none.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.bench.exporters import Daemon, daemon
from tests.bench.figures import Budget, Figure, median, single
from tests.bench.measure import Cost, Failed
from tests.bench.options import Options
from tests.bench.scrape import WAYS, scrape
from tests.bench.servers import Fleet, fleets

PACE = 100
"""Probes a second of each daemon."""
_MEMORY = {10_000: Budget(250), 50_000: Budget(1000)}
_FLAT = Budget(1.1)
_RECENT = 0.7
"""A daemon that keeps up does at least this part of the probes that are due."""

Sizes = Mapping[int, Daemon]
"""The daemons by the number of their targets."""


def measure(options: Options) -> Iterator[Figure]:
    """Let all of them sweep, scrape them, weigh them, and watch what each takes afterwards."""
    sizes = [max(options.targets * part // 100, 1) for part in (1, 10, 100, 500)]
    daemons: dict[int, Daemon] = {}
    with contextlib.ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (few,) = stack.enter_context(fleets(place, options.kinds[:1], options.certificates))
        for size in reversed(sizes):  # the first sweep of the largest one is to be disturbed by no other
            began = time.monotonic()
            daemons[size] = stack.enter_context(_daemon(few.of(size)))
            ready = time.monotonic()
            daemons[size].wait_for(size)
            yield single(f"{size} targets", "ready after", "s", ready - began)
            yield single(f"{size} targets", "first sweep", "s", time.monotonic() - ready)
        yield from _memory(daemons)
        windows = [_window(daemons, options.window / 2) for _ in range(options.repetitions)]
        for size, each in daemons.items():
            each.check(size)
    yield from _costs(windows, sizes)


@contextlib.contextmanager
def _daemon(fleet: Fleet) -> Iterator[Daemon]:
    interval = f"{max(fleet.count // PACE, 1)}s"
    with tempfile.TemporaryDirectory() as place, daemon(Path(place), fleet, interval=interval) as started:
        yield started


def _memory(daemons: Sizes) -> Iterator[Figure]:
    """What each of them takes after scrapes of every kind, beside the smallest of them."""
    for each in daemons.values():
        for way in WAYS:
            scrape(each, way)
    base = min(daemons)
    for size, each in sorted(daemons.items()):
        memory = each.resident()
        yield single(f"{size} targets", "resident after scrapes", "MB", memory, _MEMORY.get(size))
        if size != base:
            grown = 1000 * (memory - daemons[base].resident()) / (size - base)
            yield single(f"{size} targets", "resident for each target", "kB", grown)


def _window(daemons: Sizes, seconds: float) -> Mapping[int, Cost]:
    """What the probes of some seconds cost each of them."""
    before = {size: (each.beat(), each.cpu()) for size, each in daemons.items()}
    time.sleep(seconds)
    costs = {}
    for size, each in daemons.items():
        probes, spent = before[size]
        costs[size] = Cost(each.beat() - probes, seconds, each.cpu() - spent)
        due = min(size, PACE) * max(seconds - 1, 0)
        if costs[size].probes < _RECENT * due:
            raise Failed(f"{size} targets: {costs[size].probes} of {due:.0f} probes were done in time")
    return costs


def _costs(windows: Sequence[Mapping[int, Cost]], sizes: Sequence[int]) -> Iterator[Figure]:
    _, base, *_ = sizes
    for size in sizes:
        about = f"{size} targets"
        yield median(
            about, f"sweep at {PACE} probes/s", "CPU ms/probe", (each[size].cpu_ms for each in windows)
        )
    for size in sizes[2:]:
        ratios = (each[size].cpu_ms / each[base].cpu_ms for each in windows)
        budget = _FLAT if size == sizes[-1] else None
        yield median(f"{size} targets", f"sweep at {PACE} probes/s", f"of {base}", ratios, budget)
