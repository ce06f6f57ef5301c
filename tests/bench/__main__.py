"""`make bench`: sweep many servers and print what a probe costs beside the floor of the same run.

Also what more trust stores, and finding out about revocation, add to it, for chains that are new and for those
that were seen.

A shared machine drifts by a tenth or more within seconds. So the floor is measured beside every sweep, several
times, in processes of their own, and what counts is the median of the ratios. Nothing counts unless all of
its probes succeeded: otherwise the run ends.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.bench.measure import Cost, run
from tests.bench.revocation import PAIR
from tests.bench.servers import Fleet, fleet
from tests.bench.stores import PAIRS

if TYPE_CHECKING:
    from collections.abc import Iterator

Rounds = list[dict[str, Cost]]
"""What each repetition measured, the floor among it."""

_MODULES = ("tests.bench.floor", "tests.bench.sweep", "tests.bench.stores", "tests.bench.revocation")


@dataclass(frozen=True)
class Line:
    """One line of the table: medians over the repetitions."""

    key: str
    what: str
    wall: float
    """Seconds of the whole sweep."""
    cpu_ms: float
    """CPU milliseconds of one probe."""
    floors: float
    """The same in units of the floor that was measured beside it."""
    worst: float
    """The largest of the ratios of which `floors` is the median."""


@dataclass(frozen=True)
class Share:
    """What a sweep with several trust stores costs in units of one with a single store beside it."""

    key: str
    what: str
    ratio: float
    """The median over the repetitions."""
    least: float
    worst: float


def main() -> None:
    """Measure and print."""
    options = _options()
    lines, shares = [], []
    print(f"{options.targets} targets on one nginx, STARTTLS, medians of {options.repetitions}\n")
    print(f"{'key':<10}{'':<30}{'wall s':>8}{'CPU ms/probe':>14}{'floors':>8}{'worst':>8}")
    for key in options.keys:
        rounds = measure(key, options.targets, options.repetitions)
        for line in summarize(key, rounds):
            _print_line(line)
            lines.append(asdict(line))
        shares += [asdict(share) for share in compare(key, rounds)]
    print(f"\n{'key':<10}{'against one alone':<30}{'ratio':>8}{'least':>8}{'worst':>8}")
    for share in shares:
        print("{key:<10}{what:<30}{ratio:>8.2f}{least:>8.2f}{worst:>8.2f}".format(**share))
    if options.json:
        figures = {"lines": lines, "stores": shares}
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def _print_line(line: Line) -> None:
    print(
        f"{line.key:<10}{line.what:<30}{line.wall:>8.2f}{line.cpu_ms:>14.2f}"
        f"{line.floors:>8.2f}{line.worst:>8.2f}",
        flush=True,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--targets", type=int, default=1000, help="servers to sweep (1000), at least 9")
    parser.add_argument("--repetitions", type=int, default=3, help="measurements of each kind (3)")
    parser.add_argument("--keys", nargs="+", default=["rsa-2048", "ec-p256"], help="kinds of keys")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    return parser.parse_args()


def measure(key: str, targets: int, repetitions: int) -> Rounds:
    """Measure floor and sweeps in turn."""
    with tempfile.TemporaryDirectory() as directory, fleet(Path(directory), targets, key) as servers:
        return [_round(servers) for _ in range(repetitions)]


def _round(servers: Fleet) -> dict[str, Cost]:
    return {what: cost for module in _MODULES for what, cost in run(module, servers).items()}


def summarize(key: str, rounds: Rounds) -> Iterator[Line]:
    """The medians of each kind of measurement."""
    for what in rounds[0]:
        ratios = [each[what].cpu_ms / each["floor"].cpu_ms for each in rounds]
        yield Line(
            key,
            what,
            statistics.median(each[what].wall for each in rounds),
            statistics.median(each[what].cpu_ms for each in rounds),
            statistics.median(ratios),
            max(ratios),
        )


def compare(key: str, rounds: Rounds) -> Iterator[Share]:
    """Several trust stores against one, for chains that are new and for those that were seen."""
    for several, one in (*PAIRS.items(), PAIR):
        for what in ("new", "seen"):
            ratios = [each[f"{several}, {what}"].cpu_ms / each[f"{one}, {what}"].cpu_ms for each in rounds]
            yield Share(key, f"{several}, {what}", statistics.median(ratios), min(ratios), max(ratios))


if __name__ == "__main__":
    try:
        main()
    except (pytest.skip.Exception, pytest.fail.Exception) as reason:
        sys.exit(f"bench: {reason}")
