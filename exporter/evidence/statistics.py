"""What was fetched, for the daemon's own metrics: counts and times, bounded however many hosts there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from exporter.model import RevocationMethod

MAX_HOSTS = 100
"""Hosts that are told apart; the others are counted together."""
OTHER_HOSTS = "other"


@dataclass
class Statistics:
    """Fetches of revocation evidence over the network; what the cache answers is not counted.

    `entries` and `size` (bytes) are those of the cache now.
    """

    entries: Callable[[], int] = lambda: 0
    size: Callable[[], int] = lambda: 0
    fetches: Counter[RevocationMethod] = field(default_factory=Counter)
    seconds: Counter[RevocationMethod] = field(default_factory=Counter)
    failures: Counter[tuple[RevocationMethod, str]] = field(default_factory=Counter)
    """By method and host of the URL."""

    def fetched(self, method: RevocationMethod, host: str, seconds: float, *, failed: bool) -> None:
        """Count one fetch."""
        self.fetches[method] += 1
        self.seconds[method] += seconds  # type: ignore[assignment]  # a Counter adds up any numbers
        if failed:
            known = (method, host) in self.failures or len(self.failures) < MAX_HOSTS
            self.failures[method, host if known else OTHER_HOSTS] += 1
