"""What the tests know of a running mail server, whichever it is.

with exim(directory, chain) as server:
    mark = server.mark()
    ...                                      # a session
    logged = server.session(mode, mark)      # what the server wrote about it, once it is over
    assert server.ended_well(mode, logged)
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from exporter.model import Mode
from tests.processes import free_ports, wait_until


@dataclass(frozen=True)
class Observed:
    """A running server.

    `over` and `orderly` are regular expressions: what it logs when any session is over, and what its log of
    a session holds that the client ended with QUIT. Both may span lines.
    """

    ports: Mapping[Mode, int]
    logs: tuple[Path, ...]
    over: Mapping[Mode, str]
    orderly: Mapping[Mode, str]

    def mark(self) -> list[int]:
        """This moment in the logs."""
        return [len(text) for text in map(_read, self.logs)]

    def session(self, mode: Mode, mark: list[int]) -> str:
        """What was logged since the mark, as soon as a session is over."""
        wait_until(lambda: re.search(self.over[mode], self._since(mark), re.DOTALL), f"/{self.over[mode]}/")
        return self._since(mark)

    def ended_well(self, mode: Mode, logged: str) -> bool:
        """Whether the log of one session says that the client took its leave."""
        return bool(re.search(self.orderly[mode], logged, re.DOTALL))

    def _since(self, mark: list[int]) -> str:
        return "".join(text[start:] for text, start in zip(map(_read, self.logs), mark, strict=True))


Start = Callable[[Path, Path], AbstractContextManager[Observed]]
"""Runs a server for the length of a block: in an empty directory that every user may enter, with a PEM file
of key and chain. It returns from its start without having connected to the server."""


def both_ports() -> dict[Mode, int]:
    """A free port for each mode."""
    return dict(zip(Mode, free_ports(len(Mode)), strict=True))


def copy_for(user: int | str, chain: Path, directory: Path) -> Path:
    """The PEM file again, in the directory, for a server that reads it as a user of its own."""
    copy = directory / "chain.pem"
    shutil.copy(chain, copy)
    copy.chmod(0o600)
    shutil.chown(copy, user)
    return copy


def _read(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
