"""`make bench`: what this program costs, beside its rivals, the least that a probe can cost, and its budgets.

A shared machine drifts by a tenth or more within seconds. So what is compared is measured in turn, several times, in
processes of their own, and what counts is the median of the ratios. Nothing counts unless all of its probes
succeeded: otherwise the run ends.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pytest

from tests.bench import apart, growth, plugin, probes, prometheus, revocation, scrape, stores, workers
from tests.bench.figures import HEADING, Figure, line, verdict
from tests.bench.measure import Failed
from tests.bench.options import Options
from tests.bench.servers import KINDS

SECTIONS = {
    "probes": probes,
    "scrape": scrape,
    "prometheus": prometheus,
    "growth": growth,
    "workers": workers,
    "stores": stores,
    "revocation": revocation,
    "plugin": plugin,
}


def main() -> int:
    """Measure, print and write; returns 1 when something could not be measured."""
    given = _parser().parse_args()
    apart.enter("tests.bench", sys.argv[1:])
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit("bench: told to stop"))
    options = Options(
        given.targets, given.repetitions, tuple(KINDS[kind] for kind in given.kinds), given.window
    )
    found: dict[str, Section] = {}
    print(f"up to {options.targets} targets, medians of {options.repetitions}\n{HEADING}")
    for name in given.only:
        found[name] = _section(name, options)
        if given.json:
            given.json.write_text(json.dumps(_document(options, found), indent=2) + "\n", encoding="utf-8")
    print(verdict([each for section in found.values() for each in section.figures]))
    print(*[f"{name}: {section.trouble}" for name, section in found.items() if section.trouble], sep="\n")
    return int(any(section.failed for section in found.values()))


@dataclass
class Section:
    """What was found in one part of the benchmark, and why there is nothing more."""

    figures: list[Figure] = field(default_factory=list)
    trouble: str = ""
    failed: bool = False
    seconds: float = 0.0
    load: float = 0.0
    """How busy the machine was in the last minute, others included."""


def _section(name: str, options: Options) -> Section:
    """Measure one section and print its part of the table."""
    module, began, section = SECTIONS[name], time.monotonic(), Section()
    print(f"{name}: {(module.__doc__ or '').splitlines()[0]}", flush=True)
    try:
        for figure in module.measure(options):
            section.figures.append(figure)
            print(line(figure), flush=True)
    except pytest.skip.Exception as reason:
        section.trouble = f"left out, since {reason}"
    except (Failed, AssertionError, OSError, pytest.fail.Exception) as reason:
        section.trouble, section.failed = f"FAILED, and does not count: {reason}", True
    if section.trouble:
        print(section.trouble)
    section.seconds, section.load = time.monotonic() - began, os.getloadavg()[0]
    print(f"{section.seconds:.0f} s, load average {section.load:.1f}\n", flush=True)
    return section


def _document(options: Options, found: dict[str, Section]) -> dict[str, object]:
    sections = {
        name: {
            **asdict(section),
            "figures": [{**asdict(each), "holds": each.holds} for each in section.figures],
        }
        for name, section in found.items()
    }
    return {
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "targets": options.targets,
        "repetitions": options.repetitions,
        "sections": sections,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS), help="sections (all)")
    parser.add_argument(
        "--targets", type=int, default=10_000, help="of a large installation (10000), at least 30"
    )
    parser.add_argument("--repetitions", type=int, default=3, help="measurements of each kind (3)")
    kinds = [str(kind) for kind in Options.kinds]
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=kinds, help="of probes (%(default)s)")
    parser.add_argument("--window", type=float, default=60.0, help="seconds of a steady state (60)")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    return parser


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("bench: interrupted")
    except (pytest.skip.Exception, pytest.fail.Exception) as nowhere:
        sys.exit(f"bench: {nowhere}")
