"""Shards: every target on exactly one, and few move."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from exporter.model import Target
from exporter.serve.shard import Shard, shard_of

IDS = [Target(name=f"mx{number}", host=f"mx{number}.example.org").id for number in range(2000)]


@given(st.text(max_size=20), st.integers(1, 200))
def test_every_target_is_on_exactly_one_shard(identity: str, count: int) -> None:
    """Whatever it is called, and however many there are."""
    assert sum(Shard(index, count).has(identity) for index in range(count)) == 1


def test_shares_are_even() -> None:
    """No process has much more than another."""
    shares = [sum(shard_of(one, 4) == index for one in IDS) for index in range(4)]
    assert all(400 < share < 600 for share in shares), shares


def test_few_targets_move() -> None:
    """With a fifth process a fifth of the targets move, and all of them to it."""
    moved = [one for one in IDS if shard_of(one, 4) != shard_of(one, 5)]
    assert 300 < len(moved) < 500
    assert {shard_of(one, 5) for one in moved} == {4}


def test_shards_stay_where_they_are() -> None:
    """The share of a process does not change with the version: its history and its alerts depend on it."""
    assert [shard_of(name, 7) for name in ("a", "b", "c", "mail.example.org")] == EXPECTED


EXPECTED = [1, 5, 5, 2]
