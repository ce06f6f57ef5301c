"""The soak itself works: a few seconds of it, and it would notice growth."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from tests.soak.__main__ import Sample, grown

LEVEL = [Sample(second, second * 100, 80.0 + second % 3, 50 + second % 9, 90, 12) for second in range(1, 21)]


def test_a_short_soak() -> None:
    """It probes, reloads, and prints its samples. What has grown in so short a time says nothing."""
    command = [sys.executable, "-m", "tests.soak", "--seconds", "4"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in {0, 1}, done.stderr
    assert done.stdout.count(" descriptors ") >= 2
    *_, last = done.stdout.splitlines()
    assert int(last.split()[0]) > 0, done.stdout + done.stderr


def test_level() -> None:
    """Ups and downs are no growth."""
    assert grown(LEVEL) == []


@pytest.mark.parametrize(
    ("field", "name"), [("rss", "memory"), ("descriptors", "descriptors"), ("tasks", "tasks")]
)
def test_growth_is_noticed(field: str, name: str) -> None:
    """A leak of a little for each probe shows."""
    leaking = [replace(one, **{field: getattr(one, field) + one.probes / 10}) for one in LEVEL]
    assert grown(leaking) == [name]
