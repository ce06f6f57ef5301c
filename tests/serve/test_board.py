"""The board: latest results by target."""

from __future__ import annotations

import dataclasses

from exporter.model import Target
from exporter.publish.metrics import exposition
from exporter.serve.board import Board
from tests import results


def named(name: str) -> Target:
    """The usual target under another name."""
    return dataclasses.replace(results.TARGET, name=name)


def test_targets_stay_in_the_order_of_the_configuration() -> None:
    """Results that arrive in another order do not move their targets."""
    targets = [named("b"), named("a"), named("c")]
    board = Board(targets)
    for target in reversed(targets):
        board.put(target, [results.result(target=target)])
    assert [entry.target.name for entry in board.entries()] == ["b", "a", "c"]


def test_new_results_replace_all_old_ones() -> None:
    """An address that a name no longer has vanishes with its metrics."""
    board = Board([results.TARGET])
    board.put(results.TARGET, [results.result(address="192.0.2.1"), results.result(address="192.0.2.2")])
    board.put(results.TARGET, [results.result(address="192.0.2.2")])
    assert [result.observation.address for result in board.results(results.TARGET)] == ["192.0.2.2"]
    assert len(board.rendered()) == 1


def test_a_target_without_results_has_no_metrics() -> None:
    """Before the first probe there is an entry, and nothing to say."""
    board = Board([results.TARGET])
    assert board.results(results.TARGET) == ()
    assert board.rendered() == ()
    assert len(board.entries()) == 1


def test_a_removed_target_vanishes_at_once() -> None:
    """What is no longer configured is gone, and a probe that was under way does not bring it back."""
    kept, removed = named("kept"), named("removed")
    board = Board([kept, removed])
    for target in (kept, removed):
        board.put(target, [results.result(target=target)])
    board.replace([kept, named("new")])
    board.put(removed, [results.result(target=removed)])
    assert [entry.target.name for entry in board.entries()] == ["kept", "new"]
    assert len(board.results(kept)) == 1
    assert "removed" not in "".join(exposition(board.rendered()))
    assert board.results(removed) == ()


def test_a_kept_target_takes_over_its_new_settings() -> None:
    """A target that is configured differently keeps its results but not its old settings."""
    board = Board([results.TARGET])
    board.put(results.TARGET, [results.result()])
    changed = dataclasses.replace(results.TARGET, timeout=99.0)
    board.replace([changed])
    [entry] = board.entries()
    assert entry.target.timeout == 99.0
    assert len(entry.results) == 1


async def test_what_comes_while_a_change_is_prepared_counts() -> None:
    """Prepared or not, a change ends in the same; results that came in meanwhile are not lost."""
    kept, changed, new = named("kept"), named("changed"), named("new")
    other = dataclasses.replace(changed, timeout=99.0)
    board = Board([kept, changed])
    for target in (kept, changed):
        board.put(target, [results.result(target=target)])
    prepared = await board.prepare([kept, other, new])
    assert set(prepared) == {changed.id, new.id}
    late = results.result(target=changed, duration=7.0)
    board.put(changed, [late])
    board.replace([kept, other, new], prepared)
    assert [entry.target for entry in board.entries()] == [kept, other, new]
    assert board.results(changed) == (late,)
    assert board.results(new) == ()


def test_a_snapshot_does_not_change() -> None:
    """A reader that takes its time sees the state of the moment when it began."""
    board = Board([results.TARGET])
    board.put(results.TARGET, [results.result()])
    snapshot = board.rendered()
    board.replace([])
    assert len(snapshot) == 1
