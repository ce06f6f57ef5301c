"""Which sockets of probes are ready, asked for a few at a time, so that many probes hold up nobody else on the loop.

An event loop serves everything that is ready before it asks again, and with a thousand handshakes under way that takes
a tenth of a second in which whoever asks for `/-/healthy` waits. So these sockets are watched by an epoll of their own, which
is a single file to the loop: one turn of the loop serves some of them and everything else. It is also what is cheapest,
since nothing lies between the system and the callback.

Where there is no epoll the loop watches each socket itself.
"""

from __future__ import annotations

import asyncio
import select
import weakref
from collections.abc import Callable
from typing import Protocol

READ, WRITE = 1, 4
"""What to wait for, one or both. Errors and the end of a connection count as either."""
AT_ONCE = 16
"""Sockets that are served before everything else on the loop has its turn."""

Ready = Callable[[], None]


class Watch(Protocol):
    """Calls back as long as a socket is ready for what was asked for."""

    def crowded(self) -> bool:
        """Whether as many are ready as are served at once."""

    def begin(self, number: int, mask: int, ready: Ready) -> None:
        """Watch a socket."""

    def change(self, number: int, mask: int, ready: Ready) -> None:
        """Wait for something else from now on."""

    def end(self, number: int) -> None:
        """Watch it no more; to be called before it is closed."""


class _Epoll:
    """By an epoll, see above."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._epoll = select.epoll()
        self._ready: dict[int, Ready] = {}
        loop.add_reader(self._epoll.fileno(), self._serve)

    def crowded(self) -> bool:
        return len(self._epoll.poll(0, AT_ONCE)) == AT_ONCE

    def begin(self, number: int, mask: int, ready: Ready) -> None:
        self._ready[number] = ready
        self._epoll.register(number, mask)

    def change(self, number: int, mask: int, ready: Ready) -> None:
        self._ready[number] = ready
        self._epoll.modify(number, mask)

    def end(self, number: int) -> None:
        del self._ready[number]
        self._epoll.unregister(number)

    def _serve(self) -> None:
        """Those that are left over are ready the next time, before those that were served now."""
        for number, _ in self._epoll.poll(0, AT_ONCE):
            if (ready := self._ready.get(number)) is not None:
                ready()


class _Loop:
    """By the loop itself."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = weakref.ref(loop)

    def crowded(self) -> bool:
        return False

    def begin(self, number: int, mask: int, ready: Ready) -> None:
        self.change(number, mask, ready)

    def change(self, number: int, mask: int, ready: Ready) -> None:
        self.end(number)
        if (loop := self._loop()) is not None:
            if mask & READ:
                loop.add_reader(number, ready)
            if mask & WRITE:
                loop.add_writer(number, ready)

    def end(self, number: int) -> None:
        if (loop := self._loop()) is not None:
            loop.remove_reader(number)
            loop.remove_writer(number)


_watches: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Watch] = weakref.WeakKeyDictionary()


def watch(loop: asyncio.AbstractEventLoop) -> Watch:
    """The one of a loop."""
    known = _watches.get(loop)
    if known is None:
        known = _watches[loop] = _Epoll(loop) if hasattr(select, "epoll") else _Loop(loop)
    return known
