"""The latest results of every target, and their metrics, rendered once.

In: the results of one finished examination. Out: snapshots for the readers. One writer, the scheduler, and
many readers on one event loop; nothing here waits. It must not interpret a result.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from exporter.model import Result, State, Target
from exporter.publish import metrics
from exporter.publish.page.lines import Line, lines
from exporter.serve.directory import Directory
from exporter.serve.history import Look, extended


class Entry(NamedTuple):
    """A target with its latest results, one per address, the metrics of each, and what was before."""

    target: Target
    results: tuple[Result, ...] = ()
    rendered: tuple[metrics.Rendered, ...] = ()
    changes: Mapping[str, int] = MappingProxyType({})
    """How often each address was seen with another certificate than before."""
    lines: tuple[Line, ...] = ()
    """Those of the overview."""
    history: tuple[Look, ...] = ()
    """Earlier examinations and the latest one, oldest first."""

    @property
    def by_address(self) -> metrics.Known:
        """Each result with its metrics."""
        pairs = zip(self.results, self.rendered, strict=True)
        return {result.observation.address: (result, lines) for result, lines in pairs}

    @property
    def state(self) -> State:
        """The worst of its results; unknown before its first probe."""
        states = (result.verdict.state for result in self.results)
        return max(states, key=lambda state: state.rank, default=State.UNKNOWN)


Note = Callable[[Entry], None]
Prepared = Mapping[str, tuple[Entry | None, Entry]]
"""For targets that are new or changed, the entry that it was made from, if any, and the one to take over."""
NOTHING: Prepared = MappingProxyType({})
PIECE = 250
"""Targets that are prepared before everything else on the loop has its turn."""


class Board:
    """Holds an entry for every configured target, in the order of the configuration.

    Args:
        targets: all of them.
        note: called with each entry that has new results.
    """

    def __init__(self, targets: Iterable[Target], note: Note = lambda _: None) -> None:
        self._note = note
        self._entries = {target.id: _empty(target) for target in targets}
        self._directory: Directory | None = None

    async def prepare(self, targets: Iterable[Target]) -> Prepared:
        """Work out what another list of targets changes, a piece at a time, so that `replace` has little to do."""
        prepared = {}
        for number, target in enumerate(targets, 1):
            known = self._entries.get(target.id)
            if known is None or known.target is not target:
                prepared[target.id] = known, _moved(known, target)
            if number % PIECE == 0:
                await asyncio.sleep(0)
        return prepared

    def replace(self, targets: Iterable[Target], prepared: Prepared = NOTHING) -> None:
        """Take over another list of targets. Removed ones vanish at once, kept ones keep their results.

        Args:
            targets: all of them.
            prepared: what `prepare` made of them. What has come in since counts nevertheless.
        """
        entries = {}
        for target in targets:
            known = self._entries.get(target.id)
            seen, entry = prepared.get(target.id, (None, None))
            entries[target.id] = entry if entry and seen is known else _moved(known, target)
        self._entries = entries
        self._directory = None

    def put(self, target: Target, results: Sequence[Result]) -> None:
        """Store what an examination found, unless the target was removed meanwhile."""
        identity = target.id
        if (before := self._entries.get(identity)) is not None:
            changes = _changes(before, results)
            history = extended(before.history, results)
            entry = _entry(target, results, changes, history, before)
            self._entries[identity] = entry
            self._note(entry)

    def restore(self, identity: str, results: Sequence[Result], changes: Mapping[str, int]) -> None:
        """Take over what an earlier run found, unless this one has found something already."""
        known = self._entries.get(identity)
        if known is not None and not known.results:
            self._entries[identity] = _entry(known.target, results, changes, extended((), results))

    def without_results(self) -> Sequence[Target]:
        """The targets that nothing is known of yet."""
        return [entry.target for entry in self._entries.values() if not entry.results]

    def entry(self, identity: str) -> Entry | None:
        """The target of that id; None when there is none."""
        return self._entries.get(identity)

    def find(self, name: str) -> Sequence[Entry]:
        """The targets that a display name, or a host and port, means."""
        if self._directory is None:
            self._directory = Directory(entry.target for entry in self._entries.values())
        return [self._entries[identity] for identity in self._directory.find(name)]

    def results(self, target: Target) -> tuple[Result, ...]:
        """The latest results of a target; none before its first probe."""
        entry = self._entries.get(target.id)
        return entry.results if entry else ()

    def entries(self) -> tuple[Entry, ...]:
        """Every target as it is now; later results do not change what was returned."""
        return tuple(self._entries.values())

    def rendered(self) -> tuple[metrics.Rendered, ...]:
        """The metrics of every result as they are now."""
        return tuple(one for entry in self._entries.values() for one in entry.rendered)


def _empty(target: Target) -> Entry:
    return Entry(target, lines=lines(target, ()))


def _moved(known: Entry | None, target: Target) -> Entry:
    """What is known of a target that may be configured otherwise now."""
    if known is None:
        return _empty(target)
    if known.target is target or known.target == target:
        return known
    said = lines(target, known.results, known.lines)
    return Entry(target, known.results, known.rendered, known.changes, said, known.history)


def _entry(
    target: Target,
    results: Sequence[Result],
    changes: Mapping[str, int],
    history: tuple[Look, ...],
    before: Entry | None = None,
) -> Entry:
    """Lines are made anew only where something has changed since the entry before."""
    known = before or Entry(target)
    rendered = metrics.render_all(results, changes, known.by_address)
    return Entry(target, tuple(results), rendered, changes, lines(target, results, known.lines), history)


def _changes(before: Entry, results: Sequence[Result]) -> Mapping[str, int]:
    """The counts for the addresses of now."""
    last = {result.observation.address: _leaf(result) for result in before.results}
    counts = {}
    for result in results:
        address, leaf = result.observation.address, _leaf(result)
        changed = leaf is not None and last.get(address) not in {None, leaf}
        counts[address] = before.changes.get(address, 0) + changed
    return counts


def _leaf(result: Result) -> str | None:
    """The server's certificate, that of an earlier probe if need be."""
    return result.verdict.chain[0].sha256 if result.verdict.chain else None
