"""The metrics that a target has as a whole, over all of its addresses.

In: the results of one examination. Out: samples without an address. It must not judge.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from exporter.model import Result


class WholeFamily(NamedTuple):
    """One metric: its name, its help text, and the value that the results give it, if any."""

    name: str
    help: str
    value: Callable[[Sequence[Result]], float | None]

    @property
    def header(self) -> str:
        """The two comment lines that precede the samples."""
        return f"# HELP {self.name} {self.help}\n# TYPE {self.name} gauge\n"


def _distinct(results: Sequence[Result]) -> float | None:
    leaves = {result.verdict.chain[0].sha256 for result in results if result.verdict.chain}
    return len(leaves) or None


WHOLE_FAMILIES: tuple[WholeFamily, ...] = (
    WholeFamily(
        "smtp_tls_distinct_certificates",
        "How many different certificates the addresses of the target have; absent when none is known",
        _distinct,
    ),
)
"""Every such metric, in the order in which they are published, behind those of single results."""
