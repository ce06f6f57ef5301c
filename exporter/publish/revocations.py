"""Revocation as samples: what each method says of each certificate, and how old its evidence is.

In: one finished result. Out: samples, none where nobody asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from exporter.publish.labels import pairs

if TYPE_CHECKING:
    from exporter.model import Result, RevocationVerdict


def statuses(result: Result) -> Sequence[tuple[str, float]]:
    """A sample for each certificate and method, with the status as a label."""
    return [
        (f'{_labels(verdict)},status="{verdict.status.value}"', 1) for verdict in result.verdict.revocation
    ]


def moments(
    of: Callable[[RevocationVerdict], datetime | None],
) -> Callable[[Result], Sequence[tuple[str, float]]]:
    """Samples of a moment that the evidence itself names, whole seconds of Unix time."""

    def samples(result: Result) -> Sequence[tuple[str, float]]:
        return [
            (_labels(verdict), int(moment.timestamp()))
            for verdict in result.verdict.revocation
            if (moment := of(verdict))
        ]

    return samples


def _labels(verdict: RevocationVerdict) -> str:
    return pairs(position=str(verdict.position), method=verdict.method.value)
