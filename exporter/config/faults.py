"""Errors with their positions: where a key path is in the file, and how it is spelled.

`Faults` collects what every step finds, so that one run tells everything. It judges nothing itself.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

KeyPath = tuple[str | int, ...]

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")
_MAX_COMPARISONS = 20_000
_MAX_WORD = 64
_TYPO = 0.8
"""Similarity, of 1, from which two words are taken for the same."""

_NO_ENTRIES: Mapping[str, Entry] = MappingProxyType({})


class Position(NamedTuple):
    """Line and column of a character, both counted from 1."""

    line: int
    column: int


class Place(NamedTuple):
    """Where in the file, and which value it is."""

    position: Position
    path: KeyPath


class Entry(NamedTuple):
    """A key of a mapping and its value."""

    key: Position
    node: Node


@dataclass(slots=True)
class Node:
    """A value of the file: as plain data, and where it and its parts are."""

    position: Position
    data: object = None
    entries: Mapping[str, Entry] = field(default_factory=lambda: _NO_ENTRIES)
    """The parts of a mapping; `data` is then a dict with the same keys."""
    items: Sequence[Node] = ()
    """The parts of a list; `data` is then a list of the same length."""

    def find(self, path: KeyPath, *, at_key: bool = False) -> Place:
        """Where the value at the path begins, or the key before it; as near as the file goes.

        The place's path has no index where the file has a single value instead of a list.
        """
        node, position = self, self.position
        found: list[str | int] = []
        for part in path:
            if isinstance(part, str):
                key, node = node.entries.get(part, Entry(position, node))
                position = key if at_key else node.position
                found.append(part)
            elif part < len(node.items):
                node = node.items[part]
                position = node.position
                found.append(part)
        return Place(position, tuple(found))


class Fault(NamedTuple):
    """One error, in the order in which errors are told."""

    position: Position
    path: str
    message: str


class Faults:
    """All errors of one file. What is told once about a place is not told again."""

    def __init__(self) -> None:
        self._faults: dict[tuple[Position, str], Fault] = {}
        self._unreadable: set[Position] = set()
        self._comparisons = 0

    def __bool__(self) -> bool:
        return bool(self._faults)

    def add(self, place: Place, message: str) -> None:
        """Keep an error, unless the same one, or one about reading this place, was kept before.

        The same place has several paths where YAML aliases or merge keys refer to it.
        """
        position, path = place
        if position not in self._unreadable:
            self._faults.setdefault((position, message), Fault(position, spell(path), message))

    def add_unreadable(self, place: Place, message: str) -> None:
        """Keep an error after which nothing else about this place is worth telling."""
        self.add(place, message)
        self._unreadable.add(place.position)

    def messages(self, name: str) -> tuple[str, ...]:
        """`NAME:LINE:COLUMN: key.path: message` for each error, sorted by position."""
        return tuple(
            f"{name}:{line}:{column}: {f'{path}: ' if path else ''}{message}"
            for (line, column), path, message in sorted(self._faults.values())
        )

    def nearest(self, word: str, known: Iterable[str]) -> str:
        """`, did you mean …?` with the most similar known word, or nothing.

        Comparing is slow, so a file of nothing but errors gets suggestions only for its first ones.
        """
        candidates = list(known)
        self._comparisons += len(candidates)
        if self._comparisons > _MAX_COMPARISONS or len(word) > _MAX_WORD:
            return ""
        close = _similar(word.lower(), candidates)
        return f", did you mean `{close}`?" if close and word not in candidates else ""


def _similar(word: str, known: list[str]) -> str | None:
    """A misspelled word, else one that contains the other, else one that is remotely similar."""
    near = difflib.get_close_matches(word, known, n=1)
    if near and difflib.SequenceMatcher(None, word, near[0]).ratio() >= _TYPO:
        return near[0]
    return next(iter(_containing(word, known) + near), None)


def _containing(word: str, known: list[str]) -> list[str]:
    """Known words that are part of the word, or it of them: nearest in length first."""
    found = [other for other in known if (other in word or word in other) and min(len(other), len(word)) > 2]
    return sorted(found, key=lambda other: abs(len(other) - len(word)))


def spell(path: KeyPath) -> str:
    """The path as one word: `targets[3].labels.site`; a key with other characters is quoted."""
    parts = (_spell_part(part) for part in path)
    return "".join(parts).removeprefix(".")


def _spell_part(part: str | int) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    return f".{part}" if _PLAIN_KEY.fullmatch(part) else f"[{json.dumps(part)}]"
