"""What one probe costs: the floor, our sweep, our `/probe` and blackbox_exporter's `/probe`, in turn."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from exporter.model import Mode
from tests.bench.blackbox import blackbox
from tests.bench.exporters import Exporter, daemon
from tests.bench.figures import Budget, Figure, median
from tests.bench.load import ask
from tests.bench.measure import Cost, run
from tests.bench.options import Options
from tests.bench.servers import Fleet, Kind, fleet

THEIRS = "blackbox_exporter"
_ASKED = {"plain": "", "gzip": ", gzip"}
_PROBE = Budget(1.0, 0.75)
_FLOORS = {"sweep, seen": Budget(1.4, 1.1)}
_NEW = {"rsa-2048": Budget(2.0), "ec-p256": Budget(2.5)}
_SEEN = Budget(0.75)
_PROBES = {"/probe", "/probe, gzip"}

Rounds = Sequence[Mapping[str, Cost]]
"""What each repetition measured."""


def measure(options: Options) -> Iterator[Figure]:
    """Measure each kind of certificate."""
    for kind in options.kinds:
        with tempfile.TemporaryDirectory() as place, fleet(Path(place), options.separate, kind) as servers:
            yield from _figures(kind, _rounds(servers, options.repetitions))


def _rounds(servers: Fleet, repetitions: int) -> Rounds:
    with both(servers) as (ours, theirs):
        ask(ours, servers)
        ask(theirs, servers)
        return [_round(servers, ours, theirs) for _ in range(repetitions)]


@contextlib.contextmanager
def both(servers: Fleet) -> Iterator[tuple[Exporter, Exporter]]:
    """The daemon, which is only asked, and blackbox_exporter."""
    with (
        tempfile.TemporaryDirectory() as place,
        daemon(Path(place), servers, watched=False) as ours,
        blackbox(Path(place), servers) as theirs,
    ):
        yield ours, theirs


def _round(servers: Fleet, ours: Exporter, theirs: Exporter) -> Mapping[str, Cost]:
    """Everything once, so that a machine that drifts favours nothing."""
    measured: dict[str, Cost] = {}
    for _ in range(2):
        for program in ("tests.bench.floor", "tests.bench.sweep"):
            for what, cost in run(program, servers).items():
                measured.setdefault(what, Cost(0)).add(cost)
    for how, name in _ASKED.items():
        measured["/probe" + name] = ask(ours, servers, how)
        measured[THEIRS + name] = ask(theirs, servers, how)
    return measured


def _figures(kind: Kind, rounds: Rounds) -> Iterator[Figure]:
    """The medians, absolute and as ratios of what was measured in the same round."""
    about = str(kind)
    for what in rounds[0]:
        yield median(about, what, "CPU ms/probe", (each[what].cpu_ms for each in rounds))
        yield median(about, what, "probes/s", (each[what].rate for each in rounds))
    for what in rounds[0]:
        if what != "floor":
            budget = _floors(kind, what)
            yield median(about, what, "of floor", _ratios(rounds, what, "floor"), budget)
    for what in ("sweep, at start", "sweep, new", "sweep, seen", "/probe", "/probe, gzip"):
        them = THEIRS + _ASKED["gzip" if "gzip" in what else "plain"]
        yield median(about, what, "of blackbox", _ratios(rounds, what, them), _of_blackbox(kind, what))


def _floors(kind: Kind, what: str) -> Budget | None:
    """Over implicit TLS the floor is a handshake and nothing else, so there is no budget in its terms."""
    if kind.mode is not Mode.STARTTLS:
        return None
    return _NEW.get(kind.key) if what == "sweep, new" else _FLOORS.get(what)


def _of_blackbox(kind: Kind, what: str) -> Budget | None:
    """`/probe` has one whatever the kind; a sweep only with STARTTLS, as in terms of the floor."""
    if what in _PROBES:
        return _PROBE
    return _SEEN if what == "sweep, seen" and kind.mode is Mode.STARTTLS else None


def _ratios(rounds: Rounds, what: str, to: str) -> Iterator[float]:
    return (each[what].cpu_ms / each[to].cpu_ms for each in rounds)
