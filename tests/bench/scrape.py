"""What `/metrics` of many targets costs, and how long `/-/healthy` waits meanwhile and while sweeping."""

from __future__ import annotations

import contextlib
import statistics
import tempfile
import time
import urllib.request
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.bench import usage
from tests.bench.blackbox import blackbox
from tests.bench.exporters import LONGEST, Daemon, Exporter, check_metrics, configuration, daemon
from tests.bench.figures import Budget, Figure, median, single
from tests.bench.load import HEADERS, ask
from tests.bench.options import Options
from tests.bench.poller import Look, Watch, watching
from tests.bench.servers import Fleet, fleets

WAYS = {
    "text": HEADERS["plain"],
    "text, gzip": {"Accept-Encoding": "gzip"},
    "OpenMetrics": {**HEADERS["gzip"], "Accept-Encoding": "identity"},
    "OpenMetrics, gzip": HEADERS["gzip"],
}
"""What is asked for, with which headers."""
_SHARE = Budget(0.05)
_WAIT = Budget(50, 20)


@dataclass(frozen=True)
class Scrape:
    """One answer of `/metrics`: seconds on the wall and of the daemon's CPU, and what came."""

    wall: float
    cpu: float
    body: bytes

    def text(self) -> str:
        """The body, unpacked."""
        packed = self.body.startswith(b"\x1f\x8b")
        return (zlib.decompress(self.body, 16 + zlib.MAX_WBITS) if packed else self.body).decode()


class Phases:
    """When the daemon did what, and for which part of that time it waited for the machine."""

    def __init__(self, ours: Daemon) -> None:
        self._ours = ours
        self._spans: dict[str, list[tuple[float, float, float]]] = {}

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Note the length of the block."""
        began, waited = time.monotonic(), usage.starved(self._ours.pid)
        yield
        ended = time.monotonic()
        self._spans.setdefault(name, []).append((began, ended, usage.starved(self._ours.pid) - waited))

    def figures(self, watch: Watch) -> Iterator[Figure]:
        """What the poller saw in each phase, in milliseconds."""
        for name, spans in self._spans.items():
            looks = [look for began, ended, _ in spans for look in watch.between(began, ended)]
            if looks:
                yield from _waits(name, looks)
                share = sum(each[2] for each in spans) / sum(each[1] - each[0] for each in spans)
                yield single(name, "daemon waited for a CPU", "% of time", 100 * share)


def _waits(phase: str, looks: Iterable[Look]) -> Iterator[Figure]:
    waits = [1000 * look.wait for look in looks]
    yield Figure(
        phase, "/-/healthy waits at most", "ms", max(waits), statistics.median(waits), max(waits), _WAIT
    )
    yield single(phase, "an idle echo beside it, at most", "ms", 1000 * max(look.echo for look in looks))
    yield single(phase, "the poller is late by at most", "ms", 1000 * max(look.delay for look in looks))


def measure(options: Options) -> Iterator[Figure]:
    """Sweep, scrape, reload, and both at once, polling all the time."""
    with contextlib.ExitStack() as stack:
        place = [Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(3)]
        (few,) = stack.enter_context(fleets(place[0], options.kinds[:1], options.certificates))
        large = few.of(options.targets)
        theirs = stack.enter_context(blackbox(place[1], few.of(options.separate)))
        ours = stack.enter_context(daemon(place[2], large))
        phases = Phases(ours)
        with watching(ours.port) as watch:
            with phases.phase("first sweep"):
                ours.wait_for(large.count)
            rounds = [
                _round(ours, theirs, few.of(options.separate), phases) for _ in range(options.repetitions)
            ]
            _again(ours, large, phases)
        for answer in rounds[0][0].values():
            check_metrics(answer.text(), large.count)
        ours.check(large.count)
        yield from _figures(rounds, large.count)
        yield from phases.figures(watch)


def _round(ours: Daemon, theirs: Exporter, few: Fleet, phases: Phases) -> tuple[Mapping[str, Scrape], float]:
    """One scrape in each way, and the CPU seconds of a scrape of blackbox_exporter."""
    scrapes = {}
    for way in WAYS:
        with phases.phase("scrape"):
            scrapes[way] = scrape(ours, way)
    return scrapes, ask(theirs, few).cpu_ms / 1000


def scrape(ours: Daemon, way: str) -> Scrape:
    """Fetch `/metrics` in one of the `WAYS`."""
    before, began = ours.cpu(), time.monotonic()
    request = urllib.request.Request(f"{ours.url}/metrics", headers=WAYS[way])
    with urllib.request.urlopen(request, timeout=LONGEST) as answer:
        body = answer.read()
    return Scrape(time.monotonic() - began, ours.cpu() - before, body)


def _again(ours: Daemon, large: Fleet, phases: Phases) -> None:
    """Change every target: all are probed again at once, their chains known. Meanwhile, scrape."""
    ours.config.write_text(configuration(large, interval="1h", timeout="14s"), encoding="utf-8")
    before = ours.beat()
    with phases.phase("reload"):
        urllib.request.urlopen(f"{ours.url}/-/reload", data=b"", timeout=LONGEST).close()
    with phases.phase("sweep again"):
        ours.wait_for(before + large.count // 2)
    with phases.phase("scrape in sweep"):
        for way in ("text", "text, gzip"):
            scrape(ours, way)
    ours.wait_for(before + large.count)


def _figures(rounds: list[tuple[Mapping[str, Scrape], float]], targets: int) -> Iterator[Figure]:
    for way in WAYS:
        scrapes = [each[way] for each, _ in rounds]
        yield median(way, "/metrics", "wall s", (each.wall for each in scrapes))
        yield median(way, "/metrics", "CPU s", (each.cpu for each in scrapes))
        yield median(way, "/metrics", "MB", (len(each.body) / 1e6 for each in scrapes))
        shares = (each[way].cpu / (theirs * targets) for each, theirs in rounds)
        yield median(way, f"/metrics: {targets} blackbox scrapes", "of blackbox", shares, _SHARE)
