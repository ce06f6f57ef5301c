"""Durations and thresholds as people write them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import units
from exporter.model import Threshold

DURATIONS = {
    "10s": 10.0,
    "5m": 300.0,
    "1h30m": 5400.0,
    "7d": 604_800.0,
    "2w": 1_209_600.0,
    "250ms": 0.25,
    "1m1ms": 60.001,
    "0s": 0.0,
}
NO_DURATIONS = ["", "10", "1.5s", "-5s", "5 s", "1m1h", "5m5m", "5M", "10sec", "٣s", "1h\n", "9999999999s"]
THRESHOLDS = {
    "21d": Threshold(21.0),
    "21": Threshold(21.0),
    "0.5": Threshold(0.5),
    "36h": Threshold(1.5),
    "33%": Threshold(0.33, ratio=True),
    "0%": Threshold(0.0, ratio=True),
    "100%": Threshold(1.0, ratio=True),
}
NO_THRESHOLDS = [
    "",
    "%",
    "-1",
    "101%",
    "36501",
    "soon",
    "21d%",
    "21 days",
    "1e3",
    "nan",
    "inf",
    "0x10",
    "101w%",
]


@pytest.mark.parametrize(("text", "seconds"), DURATIONS.items(), ids=DURATIONS)
def test_durations_are_seconds(text: str, seconds: float) -> None:
    """Every unit counts, and several add up."""
    assert units.parse_duration(text) == seconds


@pytest.mark.parametrize("text", NO_DURATIONS, ids=ascii)
def test_no_duration_is_guessed(text: str) -> None:
    """What is not plainly a duration is refused, with examples of what is."""
    with pytest.raises(ValueError, match="must be a duration such as"):
        units.parse_duration(text)


@given(st.integers(min_value=0, max_value=10**11))
def test_durations_survive_the_round_trip(milliseconds: int) -> None:
    """What is printed can be read back."""
    text = units.format_duration(milliseconds / 1000)
    assert round(units.parse_duration(text) * 1000) == milliseconds


@pytest.mark.parametrize(("text", "threshold"), THRESHOLDS.items(), ids=THRESHOLDS)
def test_thresholds_are_days_or_shares(text: str, threshold: Threshold) -> None:
    """A unit, a bare number of days and a percentage are the three ways to say it."""
    assert units.parse_threshold(text) == threshold


@pytest.mark.parametrize("text", NO_THRESHOLDS, ids=ascii)
def test_no_threshold_is_guessed(text: str) -> None:
    """What is not plainly a threshold, or is out of range, is refused."""
    with pytest.raises(ValueError, match="must be"):
        units.parse_threshold(text)


@pytest.mark.parametrize(
    ("threshold", "text"),
    [
        (Threshold(1.0), "1 day"),
        (Threshold(21.0), "21 days"),
        (Threshold(0.5), "0.5 days"),
        (Threshold(0.33, ratio=True), "33% of the lifetime"),
    ],
    ids=["day", "days", "half", "share"],
)
def test_thresholds_are_told_in_words(threshold: Threshold, text: str) -> None:
    """Messages and summaries say days or the share of the lifetime."""
    assert units.format_threshold(threshold) == text


@pytest.mark.parametrize("text", [*DURATIONS, *NO_DURATIONS], ids=ascii)
def test_duration_pattern_agrees(text: str) -> None:
    """The editor's pattern accepts every duration, and not much else."""
    agreed = re.search(units.DURATION_PATTERN, text) is not None
    assert agreed is (text in DURATIONS) or text in {"1h\n", "9999999999s"}


@pytest.mark.parametrize("text", THRESHOLDS, ids=ascii)
def test_threshold_pattern_agrees(text: str) -> None:
    """The editor's pattern accepts every threshold."""
    assert re.search(units.THRESHOLD_PATTERN, text)
