"""The first line of a monitoring plugin, for when there is no result to tell of.

Comes in: a state and words. Goes out: a line that nothing in them can add another to. It loads nothing that a result would need,
since what asks a running exporter has none.
"""

from __future__ import annotations

import re

from exporter.publish.text import cut, one_line
from exporter.words import State

SERVICE = "SMTP_TLS"
LIMIT = 1023
"""Bytes of the first line. With its line end they fill an NRPE packet of version 2."""
WHERE_OCTETS = 300


def line(state: State, message: str, where: str = "") -> str:
    """A line without performance data, for when nothing was looked at."""
    start = f"{cut(safe(where), WHERE_OCTETS)}: " if where else ""
    return cut(f"{SERVICE} {state.name} - {start}{safe(message, LIMIT)}", LIMIT)


def unknown(message: str, where: str = "") -> str:
    """The line for when there is no result: wrong usage, or a fault of this program."""
    return line(State.UNKNOWN, message, where)


def safe(text: str, limit: int = 256) -> str:
    """Any text as a part of the line."""
    return without_pipe(one_line(text, limit))


def without_pipe(text: str) -> str:
    """The text without what means something to who reads a plugin's output."""
    # Nagios turns a backslash and an n into a line break in results that were passed on (NSCA).
    return re.sub(r"\\+(?=n)", "/", text.replace("|", "¦"))
