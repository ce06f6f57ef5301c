"""Secrets: a file that the configuration names comes in, its first line goes out.

A secret never stands in the configuration itself, so that it can be shown, copied and kept under version
control. A file that cannot be read is an error at the key that names it.
"""

from __future__ import annotations

from pathlib import Path

from exporter.config.faults import Faults, KeyPath, Node

MAX_BYTES = 4096


def read_secret(root: Node, base: Path, place: KeyPath, faults: Faults) -> str:
    """The first line of the file that the value at `place` names, without the line's end.

    Empty, and a fault is added unless the key is absent or no text, when there is nothing to read.

    Args:
        root: the whole file.
        base: the directory that a relative path starts at.
        place: path of the key, for example `evidence.ldap.password_file`.
        faults: takes what is wrong.
    """
    file = root.data
    for part in place:
        file = file.get(part) if isinstance(file, dict) and isinstance(part, str) else _item(file, part)
    if not isinstance(file, str) or not file.strip():
        return ""
    path = base / file
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
        lines = content.decode("utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "not UTF-8 text"
        faults.add(root.find(place), f"{path} cannot be read: {reason}")
        return ""
    if len(content) > MAX_BYTES or not lines or not lines[0]:
        faults.add(root.find(place), f"{path} has no password in its first line")
        return ""
    return lines[0]


def _item(value: object, part: str | int) -> object:
    return value[part] if isinstance(value, list) and isinstance(part, int) and part < len(value) else None
