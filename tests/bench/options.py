"""What a run of the benchmark looks at."""

from __future__ import annotations

from dataclasses import dataclass

from exporter.model import Mode
from tests.bench.servers import CERTIFICATES, KINDS, Kind

SEPARATE = 1000
"""Most servers where each has a certificate of its own."""


@dataclass(frozen=True)
class Options:
    """How much is measured.

    Attributes:
        targets: of a large installation; some sections take fewer of them, growth goes up to five times as many.
        repetitions: measurements of each kind.
        kinds: certificates and modes that are probed; only the first one where there are many targets.
        window: seconds for which a steady state is watched.
    """

    targets: int = 10_000
    repetitions: int = 3
    kinds: tuple[Kind, ...] = (KINDS["rsa-2048"], KINDS["ec-p256"], KINDS["rsa-2048/tls"])
    window: float = 60.0

    @property
    def separate(self) -> int:
        """Servers where each has a certificate of its own."""
        return min(self.targets, SEPARATE)

    @property
    def certificates(self) -> int:
        """Different certificates where many targets share them."""
        return min(self.targets, CERTIFICATES)

    @property
    def starttls(self) -> tuple[Kind, ...]:
        """The kinds with STARTTLS."""
        return tuple(kind for kind in self.kinds if kind.mode is Mode.STARTTLS)
