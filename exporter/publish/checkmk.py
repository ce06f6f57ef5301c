"""The line of a Checkmk local check, from the lines that the plugin prints.

Comes in: a state and the plugin's output. Goes out: `STATE "SERVICE" METRIC=VALUE|… TEXT`, with the lines below the first one behind a
backslash and an `n`, as the agent wants them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from exporter.publish.text import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.model import State

_DATUM = re.compile(r"'(\w+)'=(-?[0-9.]+)")
_QUOTING = re.compile(r"[\"\\]")
_SERVICE = 128  # characters


def local_line(state: State, lines: Sequence[str], service: str) -> str:
    """One service as a local check reports it.

    The ranges are left out: Checkmk would draw them and take no part in the state, which is the plugin's.

    Args:
        state: of the service.
        lines: of the plugin, the first one with its performance data.
        service: its name in Checkmk; quotes and backslashes in it are replaced.
    """
    first, _, figures = lines[0].partition(" | ")
    metrics = "|".join(f"{name}={value}" for name, value in _DATUM.findall(figures)) or "-"
    text = r"\n".join([first.partition(" - ")[2] or first, *lines[1:]])
    name = _QUOTING.sub("_", one_line(service, _SERVICE))
    return f'{int(state)} "{name}" {metrics} {text}'
