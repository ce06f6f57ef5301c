"""Whether files have changed, asked every few seconds: it works on every system and file system.

In: paths. Out: their signatures, and a stream of changes. Nothing is read.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

PERIOD = 5.0
"""Seconds between two looks."""

Signature = tuple[object, ...]


def signature(paths: Iterable[Path]) -> Signature:
    """Equal for equal states of the files; a directory stands for the files in it.

    Links are followed, so that a directory that is exchanged as a whole, as Kubernetes does it, is noticed.
    """
    return tuple(one for path in paths for one in _one(path))


def _one(path: Path) -> Iterator[object]:
    try:
        status = path.stat()
        yield str(path), status.st_mtime_ns, status.st_size, status.st_ino
        if path.is_dir():
            with os.scandir(path) as entries:
                names = sorted(entry.name for entry in entries)
            for name in names:
                yield from _file(path / name)
    except OSError as error:
        yield str(path), error.errno


def _file(path: Path) -> Iterator[object]:
    try:
        status = path.stat()
        yield path.name, status.st_mtime_ns, status.st_size, status.st_ino
    except OSError as error:
        yield path.name, error.errno


class Read(NamedTuple):
    """Files, and their signature when they were last read."""

    files: tuple[Path, ...]
    state: Signature


async def changes(read: Callable[[], Read], period: float = PERIOD) -> AsyncIterator[None]:
    """One item for each change since the last reading, once nothing has changed for a whole period.

    Args:
        read: what was read last, called for every look: whoever read meanwhile, for whatever reason, knows the change.
        period: seconds between two looks.
    """
    pending: Signature | None = None
    while True:
        await asyncio.sleep(period)
        last = read()
        now = await asyncio.to_thread(signature, last.files)
        if now == last.state:
            pending = None
        elif now == pending:
            pending = None
            yield
        else:
            pending = now
