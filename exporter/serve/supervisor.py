"""What systemd is told of this process: that it is ready, reloads, is alive, or stops.

In: the environment that systemd gives a service, and what the daemon does. Out: datagrams to systemd's socket,
or nothing where there is none. A message that cannot be delivered is of no consequence.

Protocol: https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

from __future__ import annotations

import contextlib
import math
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Supervisor:
    """Whoever watches over this process.

    `address` is that of its socket, empty for nobody. `pulse` is seconds: at least as often it wants to hear
    that the schedule is alive.
    """

    address: str = ""
    pulse: float = math.inf

    def ready(self, status: str) -> None:
        """Everything works, at the start or after a reload."""
        self._tell("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """The configuration is being read again; `ready` follows."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}", "STATUS=Reloading")

    def alive(self, status: str) -> None:
        """The schedule goes on."""
        self._tell("WATCHDOG=1", f"STATUS={status}")

    def stopping(self) -> None:
        """The end has begun."""
        self._tell("STOPPING=1", "STATUS=Stopping")

    def _tell(self, *lines: str) -> None:
        if not self.address:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sending:
            sending.setblocking(False)
            sending.sendto("\n".join(lines).encode(), self.address)


def supervisor(environment: Mapping[str, str]) -> Supervisor:
    """Who watches over this process, by the variables of its environment."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")) or not hasattr(socket, "AF_UNIX"):
        return Supervisor()
    usec, pid = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", str(os.getpid()))
    watched = usec.isdigit() and int(usec) > 0 and pid == str(os.getpid())
    # Half of the time, as systemd recommends; an abstract socket begins with a NUL.
    pulse = int(usec) / 2e6 if watched else math.inf
    return Supervisor("\0" + address[1:] if address.startswith("@") else address, pulse)
