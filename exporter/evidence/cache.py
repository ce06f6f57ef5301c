"""A cache that forgets: after a time, and the least recently used first when it is full.

In: values with their size and how long they hold. Out: those that still do. It fetches nothing, and reads
only the clock that it is given.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class _Entry(Generic[Value]):
    value: Value
    size: int
    until: float


class Cache(Generic[Key, Value]):
    """Bounded in entries and in bytes.

    Args:
        clock: seconds from some fixed moment, never stepping back.
        max_entries: how many values are kept.
        max_bytes: how large they may be together, by the sizes that `put` is told.
    """

    def __init__(self, clock: Callable[[], float], *, max_entries: int, max_bytes: int) -> None:
        self._clock = clock
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._entries: OrderedDict[Key, _Entry[Value]] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def size(self) -> int:
        """Bytes held, at most `max_bytes`."""
        return self._bytes

    def get(self, key: Key) -> Value | None:
        """The value, or None when there is none or its time is over."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if self._clock() >= entry.until:
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return entry.value

    def put(self, key: Key, value: Value, *, size: int, seconds: float) -> None:
        """Keep a value of `size` bytes for some seconds, in place of the one that the key had."""
        self._drop(key)
        self._entries[key] = _Entry(value, size, self._clock() + seconds)
        self._bytes += size
        while len(self._entries) > self._max_entries or self._bytes > self._max_bytes:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry.size
