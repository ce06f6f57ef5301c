"""What watching all targets once a minute costs with this exporter or blackbox_exporter, Prometheus included.

Both run at the same time, each with a Prometheus of its own, so that a machine that drifts favours neither.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench import usage
from tests.bench.blackbox import blackbox
from tests.bench.exporters import Exporter, daemon
from tests.bench.figures import Budget, Figure, median, single
from tests.bench.measure import Failed
from tests.bench.options import Options
from tests.bench.servers import Fleet, fleets
from tests.servers.prometheus import Prometheus, jobs, prometheus

OURS, THEIRS = "this exporter", "blackbox_exporter"
_INTERVAL = 60
_BOTH = Budget(0.7, 0.45)
_SETTLE = 6.0
"""Seconds that Prometheus may take until it knows its targets."""
_SHORTEST = 2
"""Seconds between two scrapes at least; windows shorter than a minute are for trying the benchmark."""


@dataclass(frozen=True)
class Pair:
    """An exporter and the Prometheus that scrapes it."""

    exporter: Exporter
    prometheus: Prometheus

    def cpu(self) -> tuple[float, float]:
        """CPU seconds of both until now."""
        return self.exporter.cpu(), usage.cpu(self.prometheus.pid)


Window = Mapping[str, tuple[float, float]]
"""CPU seconds of both of each pair."""


def measure(options: Options) -> Iterator[Figure]:
    """Warm up for a window and some seconds, then watch as many windows as there are repetitions."""
    seconds = round(max(min(options.window, _INTERVAL), _SHORTEST))
    with contextlib.ExitStack() as stack:
        place = [Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(3)]
        (few,) = stack.enter_context(fleets(place[0], options.kinds[:1], options.certificates))
        large = few.of(options.targets)
        ours = stack.enter_context(daemon(place[1], large, interval=f"{seconds}s"))
        theirs = stack.enter_context(blackbox(place[2], large))
        ours.wait_for(large.count)
        pairs = {
            OURS: Pair(ours, stack.enter_context(prometheus(place[1], _job(ours, seconds)))),
            THEIRS: Pair(theirs, stack.enter_context(prometheus(place[2], _probes(theirs, large, seconds)))),
        }
        time.sleep(_SETTLE + 1.2 * seconds)
        probed = ours.beat()
        windows = [_window(pairs, seconds) for _ in range(options.repetitions)]
        _check(pairs, large.count, round(seconds * (options.repetitions + 0.5)))
        if ours.beat() - probed < 0.9 * large.count * options.repetitions:
            raise Failed(f"the daemon did {ours.beat() - probed} probes in {options.repetitions} windows")
        memory = {name: usage.resident(pair.prometheus.pid) for name, pair in pairs.items()}
    yield from _figures(windows, memory, seconds)


def _job(ours: Exporter, seconds: int) -> Sequence[dict[str, Any]]:
    """The one that users copy, at the pace of this run."""
    (job,) = [job for job in jobs(f"127.0.0.1:{ours.port}", []) if job["job_name"] == "smtp-tls"]
    return [{**job, "scrape_interval": f"{seconds}s", "scrape_timeout": f"{min(seconds, 30)}s"}]


def _probes(theirs: Exporter, fleet: Fleet, seconds: int) -> Sequence[dict[str, Any]]:
    """The one that blackbox_exporter documents; the module says which name the server must have."""
    groups: dict[str, list[str]] = {}
    for address, port, name in fleet.members():
        groups.setdefault(name, []).append(f"{address}:{port}")
    static = [
        {"targets": targets, "labels": {"__param_module": theirs.module.format(name=name)}}
        for name, targets in groups.items()
    ]
    relabel = [
        {"source_labels": ["__address__"], "target_label": "__param_target"},
        {"source_labels": ["__param_target"], "target_label": "instance"},
        {"target_label": "__address__", "replacement": f"127.0.0.1:{theirs.port}"},
    ]
    job = {"job_name": "blackbox", "metrics_path": "/probe", "scrape_interval": f"{seconds}s"}
    return [
        {
            **job,
            "scrape_timeout": f"{min(seconds, 10)}s",
            "static_configs": static,
            "relabel_configs": relabel,
        }
    ]


def _window(pairs: Mapping[str, Pair], seconds: int) -> Window:
    before = {name: pair.cpu() for name, pair in pairs.items()}
    time.sleep(seconds)
    after = {name: pair.cpu() for name, pair in pairs.items()}
    return {name: (after[name][0] - before[name][0], after[name][1] - before[name][1]) for name in pairs}


def _check(pairs: Mapping[str, Pair], targets: int, seconds: int) -> None:
    """See that no scrape of any target failed.

    Raises:
        Failed: one did, or there were too few.
    """
    for name, metric in {OURS: "smtp_tls_probe_success", THEIRS: "probe_success"}.items():
        for series in (metric, "up"):
            asked = f"count(min_over_time({series}[{seconds}s]) == 1)"
            found = pairs[name].prometheus.query(asked)
            wanted = 1 if (name, series) == (OURS, "up") else targets
            if not found or found[0][1] != wanted:
                raise Failed(f"{name}: {asked} is {found}, not {wanted}")


def _figures(windows: Sequence[Window], memory: Mapping[str, float], seconds: int) -> Iterator[Figure]:
    for name in (OURS, THEIRS):
        unit = f"CPU s in {seconds} s"
        yield median(name, "exporter", unit, (each[name][0] for each in windows))
        yield median(name, "Prometheus", unit, (each[name][1] for each in windows))
        yield single(name, "Prometheus, resident", "MB", memory[name])
    ratios = (sum(each[OURS]) / sum(each[THEIRS]) for each in windows)
    yield median(OURS, "exporter and Prometheus", "of blackbox", ratios, _BOTH)
