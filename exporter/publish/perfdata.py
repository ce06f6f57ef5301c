"""Performance data of the monitoring plugins' guidelines.

Comes in: results. Goes out: `'label'=value;warning;critical` for each figure.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.model import Result, Threshold

_ELEMENTS = 8
"""Certificates of a chain that get a figure. The line has an end, and no client follows more."""
_DAY = timedelta(days=1)


def performance(results: Sequence[Result], response: tuple[str, str] = ("", "")) -> str:
    """The shortest remaining lifetime, the longest time of several results, and each certificate of that chain.

    The certificates are numbered from the leaf, `days_chain_elem1`, as check_ssl_cert does; they have no ranges, since
    one that no path needs may expire without harm.

    Without a certificate there is no `days_to_expiry`: Icinga refuses `U`.

    Args:
        results: of one check, at least one.
        response: the ranges of the response time, warning and critical, as given.
    """
    slowest = max(result.duration for result in results)
    data = [_datum("time", f"{slowest:.2f}s", *response)]
    if first := first_to_expire(results):
        leaf, policy = first.verdict.chain[0], first.target.policy
        ranges = (_range(policy.warning, leaf.lifetime_days), _range(policy.critical, leaf.lifetime_days))
        data.insert(0, _datum("days_to_expiry", _tenths(first.days_left or 0.0), *ranges))
        left = [(one.not_after - first.time) / _DAY for one in first.verdict.chain[:_ELEMENTS]]
        data += [_datum(f"days_chain_elem{n}", _tenths(days)) for n, days in enumerate(left, start=1)]
    return " ".join(data)


def first_to_expire(results: Sequence[Result]) -> Result | None:
    """The result whose certificate expires first; None where none has a certificate."""
    left = [(result.days_left, result) for result in results if result.verdict.chain]
    known = [(days, result) for days, result in left if days is not None]
    return min(known, key=lambda one: one[0])[1] if known else None


def _datum(label: str, value: str, warning: str = "", critical: str = "") -> str:
    return f"'{label}'={value};{warning};{critical}".rstrip(";")


def _range(threshold: Threshold, lifetime: float) -> str:
    """A threshold in days as a range of the guidelines; `lifetime` in days gives ratios their size."""
    scale = lifetime if threshold.ratio else 1.0
    low, high = threshold.low * scale, threshold.high * scale
    start = "~:" if low == float("-inf") else f"{_number(low)}:"
    end = "" if high == float("inf") else _number(high)
    return ("@" if threshold.inside else "") + start + end


def _tenths(value: float) -> str:
    """Rounded down, so that 6.96 days never look like the 7 that they are not."""
    return f"{math.floor(value * 10) / 10:.1f}"


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
