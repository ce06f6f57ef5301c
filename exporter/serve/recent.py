"""What `/probe` found last of each target, so that what has not changed is neither judged nor written anew.

In: the entries of finished probes. Out: the same. It is a cache and no state: no answer differs for what is in
it, and any replica may forget all of it at any moment.
"""

from __future__ import annotations

from collections.abc import Callable

from exporter.model import Target
from exporter.serve.board import Entry

MOST = 10_000
"""Targets that are kept, those first that were asked for last; about 8 kB each."""


class Recent:
    """The latest entries by target.

    Args:
        most: how many of them are kept.
        note: called for each one that is.
    """

    def __init__(self, most: int = MOST, note: Callable[[], None] = lambda: None) -> None:
        self._most = most
        self._note = note
        self._entries: dict[str, Entry] = {}

    def get(self, target: Target) -> Entry:
        """The latest entry, or one without results."""
        return self._entries.get(target.id) or Entry(target)

    def put(self, entry: Entry) -> None:
        """Keep an entry in place of the one before, and forget the one that was put longest ago if need be."""
        identity = entry.target.id
        self._entries.pop(identity, None)
        self._entries[identity] = entry
        self._note()
        if len(self._entries) > self._most:
            del self._entries[next(iter(self._entries))]
