"""The stopwatch, and how a measuring process reports to its parent."""

from __future__ import annotations

import contextlib
import json
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from tests.bench.servers import Fleet

if TYPE_CHECKING:
    from collections.abc import Iterator


class Failed(Exception):  # noqa: N818 - the benchmark has failed, not erred
    """Something that was measured did not do its work, so that its figures are none."""


@dataclass
class Cost:
    """What some probes took: seconds on the wall, and of this process's CPU (user and system)."""

    probes: int
    wall: float = 0.0
    cpu: float = 0.0

    @property
    def cpu_ms(self) -> float:
        """CPU milliseconds of one probe."""
        return 1000 * self.cpu / self.probes

    @property
    def rate(self) -> float:
        """Probes a second."""
        return self.probes / self.wall

    def add(self, other: Cost) -> None:
        """Count other probes, too."""
        self.probes += other.probes
        self.wall += other.wall
        self.cpu += other.cpu


@contextlib.contextmanager
def stopwatch(probes: int) -> Iterator[Cost]:
    """Measure the block. Whoever uses it checks that every probe in it succeeded."""
    cost = Cost(probes)
    wall, cpu = time.perf_counter(), _cpu()
    yield cost
    cost.wall, cost.cpu = time.perf_counter() - wall, _cpu() - cpu


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def run(module: str, fleet: Fleet, *words: str) -> dict[str, Cost]:
    """Measure in a fresh process, so that nothing is cached and nobody else's work is counted."""
    command = [sys.executable, "-m", module, fleet.text(), *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{module} ended with {done.returncode}")
    return {name: Cost(**figures) for name, figures in json.loads(done.stdout).items()}


def arguments() -> Fleet:
    """The servers that the parent process named on the command line."""
    return Fleet.read(sys.argv[1])


def report(costs: dict[str, Cost]) -> None:
    """Hand the figures to the parent process."""
    print(json.dumps({name: asdict(cost) for name, cost in costs.items()}))
