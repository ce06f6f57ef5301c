"""What a running program takes of the machine, by /proc: CPU of a process and its children, and memory."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def cpu(pid: int) -> float:
    """CPU seconds of the process and of all below it, user and system, those that ended included."""
    return sum(_spent(each) for each in tree(pid))


def resident(pid: int) -> float:
    """Megabytes (10^6 bytes) of memory of the process and of all below it."""
    return sum(_resident(each) for each in tree(pid))


def tree(pid: int) -> Iterator[int]:
    """The process and all below it."""
    below: dict[int, list[int]] = {}
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
            below.setdefault(int(_fields(int(place.name))[1]), []).append(int(place.name))
    waiting = [pid]
    while waiting:
        yield (each := waiting.pop())
        waiting += below.get(each, [])


def _fields(pid: int) -> Sequence[str]:
    """Those of /proc/PID/stat from the third one on, the state; a name before them may hold anything."""
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    return text.rpartition(")")[2].split()


def _spent(pid: int) -> float:
    return sum(int(ticks) for ticks in _fields(pid)[11:15]) / _TICK


def _resident(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(kilobytes) * 1024 / 1e6


def starved(pid: int) -> float:
    """Seconds for which the main thread of a process could have run and had no CPU."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[1]) / 1e9
