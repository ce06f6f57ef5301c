"""A cache that forgets."""

from __future__ import annotations

import pytest

from exporter.evidence.cache import Cache


class Clock:
    """Time that passes when told to."""

    now = 1000.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
def cache(clock: Clock) -> Cache[str, int]:
    """Room for three entries and a hundred bytes."""
    return Cache(clock, max_entries=3, max_bytes=100)


def test_a_value_holds_for_its_time(cache: Cache[str, int], clock: Clock) -> None:
    """A value is given until its seconds are over, and is gone then, bytes and all."""
    cache.put("a", 1, size=10, seconds=60)
    clock.now += 59.9
    assert cache.get("a") == 1
    clock.now += 0.1
    assert cache.get("a") is None
    assert (len(cache), cache.size) == (0, 0)


def test_the_least_recently_used_goes_first(cache: Cache[str, int]) -> None:
    """With all entries taken, the one that nobody asked for longest makes room."""
    for number, key in enumerate("abc"):
        cache.put(key, number, size=1, seconds=60)
    cache.get("a")
    cache.put("d", 3, size=1, seconds=60)
    assert [cache.get(key) for key in "abcd"] == [0, None, 2, 3]


def test_bytes_are_bounded(cache: Cache[str, int]) -> None:
    """Large values push out several, and one that is larger than everything is not kept."""
    for number, key in enumerate("abc"):
        cache.put(key, number, size=30, seconds=60)
    cache.put("d", 3, size=60, seconds=60)
    assert [cache.get(key) for key in "abcd"] == [None, None, 2, 3]
    cache.put("e", 4, size=101, seconds=60)
    assert (len(cache), cache.size) == (0, 0)


def test_a_newer_value_replaces_the_older(cache: Cache[str, int], clock: Clock) -> None:
    """The same key counts once, with the newer size and time."""
    cache.put("a", 1, size=90, seconds=60)
    clock.now += 50
    cache.put("a", 2, size=20, seconds=60)
    clock.now += 50
    assert cache.get("a") == 2
    assert (len(cache), cache.size) == (1, 20)
