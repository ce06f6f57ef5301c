"""Durations and thresholds as people write them, in numbers; text in, values or ValueError out.

The command line uses it too: it must import neither pydantic nor yaml.
"""

from __future__ import annotations

import re

from exporter.model import Threshold

_SECONDS = {"w": 604_800.0, "d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = re.compile("".join(f"(?:([0-9]{{1,9}}){unit}(?![a-z]))?" for unit in _SECONDS))
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_MAX_DAYS = 36_500
DURATION_PATTERN = f"^(?=.){''.join(f'([0-9]+{unit})?' for unit in _SECONDS)}$"
"""What `parse_duration` takes, for a JSON Schema."""
THRESHOLD_PATTERN = rf"^[0-9]+(\.[0-9]+)?%?$|{DURATION_PATTERN}"
"""What `parse_threshold` takes, for a JSON Schema."""


def parse_duration(text: str) -> float:
    """Seconds of `10s`, `5m`, `1h30m`, `7d`, `250ms`: whole numbers, each unit once, largest first.

    Raises:
        ValueError: the text is not a duration; the message says what is wanted.
    """
    found = _DURATION.fullmatch(text)
    if not text or found is None:
        raise ValueError(f"must be a duration such as 10s, 5m, 1h30m or 7d, not {text!r}")
    numbers = zip(found.groups(), _SECONDS.values(), strict=True)
    return sum(int(number) * seconds for number, seconds in numbers if number)


def parse_threshold(text: str) -> Threshold:
    """The least remaining lifetime: `21d` and other durations, `21` (days), `33%` (of the lifetime).

    Raises:
        ValueError: the text is no threshold, or beyond 100 years or 100 %.
    """
    bare, percent = text.removesuffix("%"), text.endswith("%")
    if _NUMBER.fullmatch(bare):
        return _threshold(float(bare) / 100 if percent else float(bare), ratio=percent)
    try:
        seconds = parse_duration(text)
    except ValueError:
        raise ValueError(f"must be days (21d) or a share of the lifetime (33%), not {text!r}") from None
    return _threshold(seconds / _SECONDS["d"], ratio=False)


def _threshold(low: float, *, ratio: bool) -> Threshold:
    if low > (1 if ratio else _MAX_DAYS):
        raise ValueError("must be at most 100%" if ratio else f"must be at most {_MAX_DAYS} days")
    return Threshold(low, ratio=ratio)


def format_duration(seconds: float) -> str:
    """The spelling in days and smaller units that `parse_duration` reads back, to the millisecond."""
    rest, parts = round(seconds * 1000), []
    for unit in ("d", "h", "m", "s", "ms"):
        count, rest = divmod(rest, round(_SECONDS[unit] * 1000))
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def format_threshold(threshold: Threshold) -> str:
    """The least remaining lifetime in words: `21 days`, `33% of the lifetime`."""
    if threshold.ratio:
        return f"{threshold.low * 100:g}% of the lifetime"
    return f"{threshold.low:g} day{'' if threshold.low == 1 else 's'}"
