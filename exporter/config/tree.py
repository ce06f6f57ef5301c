"""Builds the tree of `Node` from YAML events: anchors, aliases, merge keys, and the limits on them.

Each value becomes plain data (str, int, float, bool, None, dict, list) beside its position. Mistakes
that leave the rest readable are added to the faults and reading goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import yaml

from exporter.config.faults import Entry, Faults, Node, Place, Position

MAX_DEPTH = 32
MAX_NODES = 2_000_000
"""How many values a file may have, aliases counted as often as they are used."""

_NO_VALUE = "has no value: give one, or leave the key out"


class Mark(Protocol):
    """Where PyYAML saw something, counted from 0; its two parsers have a class each."""

    line: int
    column: int


class Unreadable(Exception):  # noqa: N818 - no error of its own: what is wrong is in the faults
    """The rest of the text cannot be read; the reason has been added to the faults."""


def position_of(mark: Mark | None) -> Position:
    """Where a mark of PyYAML points, which counts from 0."""
    return Position(mark.line + 1, mark.column + 1) if mark else Position(1, 1)


@dataclass(slots=True)
class _Key:
    """A key whose value comes next; `name` is None when it cannot be a key."""

    position: Position
    name: str | None
    merge: bool = False


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not come yet."""

    node: Node
    anchor: str | None
    spent: int
    """The count of values before it began."""
    items: list[Node] | None = None
    """The values of a list so far; None for a mapping."""
    entries: dict[str, Entry] = field(default_factory=dict)
    """The pairs of a mapping so far."""
    key: _Key | None = None
    merged: list[Node] = field(default_factory=list)

    @property
    def step(self) -> tuple[str | int, ...]:
        """The part of a key path that leads from here to the value being read."""
        if self.items is not None:
            return (len(self.items),)
        return (self.key.name,) if self.key and self.key.name is not None else ()

    def finish(self) -> None:
        """Give the node its parts and their plain data."""
        if self.items is not None:
            self.node.items = self.items
            self.node.data = [item.data for item in self.items]
        else:
            self.node.entries = self.entries
            self.node.data = {name: entry.node.data for name, entry in self.entries.items()}


class Tree:
    """Takes the events of one document; `root` is there when all have been taken."""

    def __init__(self, faults: Faults, scalar: Callable[[str], object]) -> None:
        self.root: Node | None = None
        self._faults = faults
        self._plain = scalar
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._spent = 0
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        """Add one event.

        Raises:
            Unreadable: a limit is exceeded, or a second document begins.
        """
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._begin(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._document(position_of(event.start_mark))

    def fatal(self, message: str, position: Position) -> Unreadable:
        """Note why reading ends, and give the exception to raise."""
        self._faults.add_unreadable(Place(position, ()), message)
        return Unreadable(message)

    def _document(self, position: Position) -> None:
        self._documents += 1
        if self._documents > 1:
            raise self.fatal("must be one YAML document, and here begins another", position)

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        position = position_of(event.start_mark)
        plain = event.tag is None and event.implicit[0]
        node = Node(position, self._plain(event.value) if plain else event.value)
        self._spend(1, position)
        self._check_tag(event.tag, "str", position)
        if event.anchor:
            self._anchors[event.anchor] = (node, 1)
        if self._wants_key():
            self._key(event.value, node, merge=plain and event.value == "<<")
        else:
            self._add(node)

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        position = position_of(event.start_mark)
        if len(self._open) >= MAX_DEPTH:
            raise self.fatal(f"nested more than {MAX_DEPTH} deep", position)
        opened = _Open(Node(position), event.anchor, self._spent)
        if isinstance(event, yaml.MappingStartEvent):
            self._check_tag(event.tag, "map", position)
        else:
            opened.items = []
            self._check_tag(event.tag, "seq", position)
        self._spend(1, position)
        self._open.append(opened)

    def _end(self) -> None:
        done = self._open.pop()
        for other in done.merged:
            self._spend(len(other.entries), done.node.position)
            for name, entry in other.entries.items():
                done.entries.setdefault(name, entry)
        done.finish()
        if done.anchor:
            self._anchors[done.anchor] = (done.node, self._spent - done.spent)
        if self._wants_key():
            self._unusable_key(done.node.position)
        else:
            self._add(done.node)

    def _alias(self, event: yaml.AliasEvent) -> None:
        position = position_of(event.start_mark)
        if event.anchor not in self._anchors:
            self._unreadable(position, f"no anchor `&{event.anchor}` is complete before this alias")
        node, size = self._anchors.get(event.anchor or "", (Node(position), 1))
        self._spend(size, position)
        if not self._wants_key():
            self._add(node)
        elif isinstance(node.data, str):
            self._key(node.data, Node(position, node.data))
        else:
            self._unusable_key(position)

    def _add(self, node: Node) -> None:
        """Put a finished value where it belongs: the root, the end of a list, or after its key."""
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        if node.data is None and len(self._open) > 1:
            self._unreadable(node.position, _NO_VALUE)
        if parent.items is not None:
            parent.items.append(node)
        else:
            assert parent.key is not None, "the parser gives a key before each value"
            self._add_pair(parent, parent.key, node)
            parent.key = None

    def _add_pair(self, parent: _Open, key: _Key, node: Node) -> None:
        if key.merge:
            self._merge(parent, node)
        elif key.name in parent.entries:
            first = parent.entries[key.name].key.line
            self._unreadable(key.position, f"duplicate key, the first is on line {first}")
        elif key.name is not None:
            parent.entries[key.name] = Entry(key.position, node)

    def _merge(self, parent: _Open, node: Node) -> None:
        sources = list(node.items) or [node]
        if any(not isinstance(source.data, dict) for source in sources) or parent.merged:
            self._unreadable(node.position, "`<<` takes one mapping or one list of mappings, once")
        else:
            parent.merged = sources

    def _wants_key(self) -> bool:
        return bool(self._open) and self._open[-1].items is None and self._open[-1].key is None

    def _key(self, name: str, node: Node, *, merge: bool = False) -> None:
        self._open[-1].key = _Key(node.position, name, merge)
        if not isinstance(node.data, str):
            self._unreadable(node.position, f"a key must be a string: put it in quotes, {name!r}")

    def _unusable_key(self, position: Position) -> None:
        self._open[-1].key = _Key(position, None)
        self._unreadable(position, "a key must be a string")

    def _check_tag(self, tag: str | None, kind: str, position: Position) -> None:
        if tag is not None and tag not in {"!", f"tag:yaml.org,2002:{kind}"}:
            self._unreadable(position, f"the tag {tag!r} is not supported")

    def _unreadable(self, position: Position, message: str) -> None:
        path = tuple(part for opened in self._open for part in opened.step)
        self._faults.add_unreadable(Place(position, path), message)

    def _spend(self, count: int, position: Position) -> None:
        self._spent += count
        if self._spent > MAX_NODES:
            raise self.fatal(f"more than {MAX_NODES} values, aliases counted as often as used", position)
