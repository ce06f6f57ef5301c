"""What `/probe` remembers is bounded, and of each target the latest."""

from __future__ import annotations

from dataclasses import replace

from exporter.serve.board import Entry
from exporter.serve.recent import Recent
from tests import results


def test_the_latest_of_each_target() -> None:
    """A target that was never asked for has no results."""
    recent, first, second = Recent(), results.result(), results.result(duration=2.0)
    assert recent.get(results.TARGET).results == ()
    for result in (first, second):
        recent.put(Entry(results.TARGET, (result,)))
    assert recent.get(results.TARGET).results == (second,)


def test_what_was_put_longest_ago_is_forgotten() -> None:
    """However many targets are asked for, no more are kept than shall be; each is told to whoever counts."""
    told: list[None] = []
    recent = Recent(2, lambda: told.append(None))
    targets = [replace(results.TARGET, name=name) for name in "abc"]
    for target in (*targets[:2], targets[0], targets[2]):
        recent.put(Entry(target, (results.result(target=target),)))
    assert [bool(recent.get(target).results) for target in targets] == [True, False, True]
    assert len(told) == 4
