"""A network of the benchmark's own, in which there is nothing but loopback.

There a server may listen on all addresses, so that a few hundred sockets are tens of thousands of mail servers,
and nothing that is measured can reach, or be reached from, anywhere else.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.programs import missing, program
from tests.servers.lab import bring_up_loopback

_OUTSIDE = "SMTP_TLS_BENCH_OUTSIDE"
"""The variable that holds the network in which the benchmark was started."""


def enter(module: str, arguments: Sequence[str]) -> None:
    """Begin this program again in a network namespace, unless it is in its own already."""
    here = str(Path("/proc/self/ns/net").readlink())
    if os.environ.get(_OUTSIDE, here) != here:
        bring_up_loopback()
        return
    command = [str(program("unshare")), "--net"]
    if os.geteuid() != 0:
        command += ["--user", "--map-root-user"]
    if subprocess.run([*command, "true"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        missing("a network namespace can be had neither by root nor by an ordinary user")
    python = [sys.executable, "-m", module, *arguments]
    os.execve(command[0], [*command, *python], {**os.environ, _OUTSIDE: here})
