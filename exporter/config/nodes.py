"""YAML to values with positions: text in, a tree of `Node` out, mistakes in the text into `Faults`.

PyYAML gives the events; the tree is built from them in `tree` and not by PyYAML's composer, for these
reasons: a file must not end the process (the C composer recurses without limit on nested brackets) nor
fill the memory (aliases of aliases); a duplicate key is an error; and only plain spellings are numbers,
true, false or null, nearly as in the core schema of YAML 1.2. `no`, `022`, `1:30` and `25_000` remain
the text that they are.
"""

from __future__ import annotations

import re

import yaml

from exporter.config.faults import Faults, Node, Position
from exporter.config.tree import Tree, Unreadable, position_of

_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""YAML 1.2 section 5.1. PyYAML checks it too, but its two parsers count positions differently."""
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,17}")
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,18})?(?:[eE][-+]?[0-9]{1,3})?")
_CONSTANTS = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}


def parse(text: str, faults: Faults) -> Node:
    """Read one YAML document.

    Raises:
        Unreadable: not YAML, beyond the limits, or empty; the faults say which.
    """
    tree = Tree(faults, scalar)
    if unprintable := _UNPRINTABLE.search(text):
        message = f"not YAML: the character {unprintable[0]!r} is not allowed"
        raise tree.fatal(message, _position(text, unprintable.start()))
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            tree.take(event)
    except yaml.MarkedYAMLError as error:
        raise tree.fatal(_syntax(error), position_of(error.problem_mark or error.context_mark)) from error
    if tree.root is None or tree.root.data is None:
        raise tree.fatal("the file is empty", Position(1, 1))
    return tree.root


def scalar(text: str) -> str | float | bool | None:
    """The value of a scalar without quotes."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _position(text: str, index: int) -> Position:
    return Position(text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index))


def _syntax(error: yaml.MarkedYAMLError) -> str:
    context = f" ({error.context})" if error.context else ""
    return f"not YAML: {error.problem}{context}"


__all__ = ["Unreadable", "parse", "scalar"]
