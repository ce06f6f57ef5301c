"""What the exporter counts about itself. Plain numbers: `own_metrics` publishes them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from exporter.evidence.statistics import Statistics as Fetches
from exporter.model import Result, Stage

INTERNAL = "internal"
"""Stands in place of a stage when a probe ended by a fault of this program."""


@dataclass(slots=True)
class SourceStatistics:
    """How a source of targets fares: whether it could be asked last, and how many targets it names."""

    successful: bool = False
    targets: int = 0


class Pool(Protocol):
    """Processes that probe."""

    @property
    def running(self) -> int:
        """How many there are now."""

    @property
    def restarts(self) -> int:
        """How often one was replaced."""


@dataclass(slots=True)
class Statistics:
    """Counters since the start, and two readings of now.

    `schedule_lag` is how many seconds late the latest probe began. `config_loaded_at` is Unix time.
    """

    targets: int = 0
    probes: int = 0
    failures: dict[str, int] = field(default_factory=lambda: dict.fromkeys([*Stage, INTERNAL], 0))
    in_flight: int = 0
    schedule_lag: float = 0.0
    config_loaded_at: float = 0.0
    config_loaded: bool = False
    sources: dict[tuple[str, str], SourceStatistics] = field(default_factory=dict)
    """By kind and name."""
    workers: Pool | None = None
    """The processes that probe; None where this one does."""
    evidence: Fetches = field(default_factory=Fetches)
    """What was fetched about revocation."""

    def finished(self, results: Iterable[Result]) -> None:
        """Count the probes of a finished examination."""
        for result in results:
            self.probes += 1
            if not result.success and result.observation.failure:
                self.failures[result.observation.failure.stage] += 1

    def broken(self) -> None:
        """Count an examination that raised an exception."""
        self.probes += 1
        self.failures[INTERNAL] += 1
