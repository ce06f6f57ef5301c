"""The latest results of every target, and their metrics, rendered once.

In: the results of one finished examination. Out: snapshots for the readers. One writer, the scheduler, and
many readers on one event loop; nothing here waits. It must not interpret a result.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from exporter.model import Result, Target
from exporter.publish import metrics


@dataclass(frozen=True, slots=True)
class Entry:
    """A target with its latest results, one per address, and the metrics of each."""

    target: Target
    results: tuple[Result, ...] = ()
    rendered: tuple[Mapping[str, str], ...] = ()


class Board:
    """Holds an entry for every configured target, in the order of the configuration."""

    def __init__(self, targets: Iterable[Target]) -> None:
        self._entries = {target.id: Entry(target) for target in targets}

    def replace(self, targets: Iterable[Target]) -> None:
        """Take over another list of targets. Removed ones vanish at once, kept ones keep their results."""
        known = self._entries
        self._entries = {
            target.id: replace(known.get(target.id, Entry(target)), target=target) for target in targets
        }

    def put(self, target: Target, results: Sequence[Result]) -> None:
        """Store what an examination found, unless the target was removed meanwhile."""
        if target.id in self._entries:
            self._entries[target.id] = Entry(target, tuple(results), metrics.render_all(results))

    def results(self, target: Target) -> tuple[Result, ...]:
        """The latest results of a target; none before its first probe."""
        entry = self._entries.get(target.id)
        return entry.results if entry else ()

    def entries(self) -> tuple[Entry, ...]:
        """Every target as it is now; later results do not change what was returned."""
        return tuple(self._entries.values())

    def rendered(self) -> tuple[Mapping[str, str], ...]:
        """The metrics of every result as they are now."""
        return tuple(one for entry in self._entries.values() for one in entry.rendered)
