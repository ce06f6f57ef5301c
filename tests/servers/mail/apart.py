"""Servers that were only unpacked from Debian's packages.

In a mount namespace of their own they find the users and directories that their installation would have
made; the machine is left as it was.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.programs import program

if TYPE_CHECKING:
    from collections.abc import Sequence

FIRST_ID = 64900
"""User and group number of the first user; the others follow."""


def apart(
    directory: Path, users: Sequence[str], command: Sequence[str | Path], *, empty: Sequence[str] = ()
) -> list[str | Path]:
    """The command that runs another one where these users exist. Only root may run it.

    Args:
        directory: where the lists of users and groups are kept.
        users: their names.
        command: what to run.
        empty: existing directories that are empty, writable and private there.
    """
    numbered = list(enumerate(users, FIRST_ID))
    passwd = [f"{name}:x:{number}:{number}::/nonexistent:/usr/sbin/nologin" for number, name in numbered]
    group = [f"{name}:x:{number}:" for number, name in numbered]
    mounts = [_extend(directory, "passwd", passwd), _extend(directory, "group", group)]
    mounts += [f"mount -t tmpfs -o mode=755 none {place}" for place in empty]
    return [program("unshare"), "--mount", "sh", "-ec", "\n".join([*mounts, 'exec "$@"']), "sh", *command]


def _extend(directory: Path, name: str, lines: Sequence[str]) -> str:
    """Write the system's file with more lines, and give the command that puts it in place."""
    system = Path("/etc", name)
    (directory / name).write_text(system.read_text() + "".join(line + "\n" for line in lines))
    return f"mount --bind {directory / name} {system}"
