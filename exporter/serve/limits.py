"""How many probes run at once: in all, and against one server.

In: the numbers of the configuration, and requests to begin. Out: permission, by waiting. A probe that waits
for a busy server holds none of the global slots, so one slow server cannot hold up the others. Nothing is
remembered of a server that no probe uses or waits for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

Gate = Callable[[str], AbstractAsyncContextManager[None]]
"""Entered with an address before a connection to it begins, left when it has ended."""


class Cancellable(Protocol):
    """A callback that was asked for and can be called off."""

    def cancel(self) -> None:
        """Do not call back."""


class Clock(Protocol):
    """Time in seconds from some fixed moment, never stepping back. An event loop is one."""

    def time(self) -> float:
        """The time now."""

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Cancellable:
        """Call back after `delay` seconds."""


class _Host:
    """The slots of one address, and how many probes use or want one."""

    __slots__ = ("slots", "users")

    def __init__(self, per_host: int) -> None:
        self.slots = asyncio.Semaphore(per_host)
        self.users = 0


class Limits:
    """The slots of all probes, those of `/probe` included.

    Args:
        concurrency: connections, and lookups of names, at the same time.
        per_host: connections to one address at the same time.
        per_host_delay: seconds between the end of a connection and the next one to the same address.
        clock: the event loop's when None.
    """

    def __init__(
        self,
        concurrency: int = 500,
        per_host: int = 1,
        per_host_delay: float = 0.0,
        *,
        clock: Clock | None = None,
    ) -> None:
        self._slots = asyncio.Semaphore(concurrency)
        self._per_host = per_host
        self._delay = per_host_delay
        self._clock = clock
        self._hosts: dict[str, _Host] = {}

    def gate(self, address: str) -> AbstractAsyncContextManager[None]:
        """Wait for a slot of the address, then for one of the global ones; hold both."""
        return _Pass(self, address)

    async def enter(self, address: str) -> None:
        """Wait for both slots."""
        host = self._hosts.setdefault(address, _Host(self._per_host))
        host.users += 1
        try:
            await host.slots.acquire()
        except BaseException:
            self._forget(address, host)
            raise
        try:
            await self._slots.acquire()
        except BaseException:
            self._leave(address, host)
            raise

    def leave(self, address: str) -> None:
        """Give both back."""
        self._slots.release()
        self._leave(address, self._hosts[address])

    async def admit(self) -> Admission:
        """Wait until another examination may begin."""
        await self._slots.acquire()
        return Admission(self, self._slots.release)

    @property
    def hosts(self) -> int:
        """Addresses that are in use, waited for or resting."""
        return len(self._hosts)

    def _leave(self, address: str, host: _Host) -> None:
        if self._delay:
            clock = self._clock or asyncio.get_running_loop()
            clock.call_later(self._delay, lambda: self._release(address, host))
        else:
            self._release(address, host)

    def _release(self, address: str, host: _Host) -> None:
        host.slots.release()
        self._forget(address, host)

    def _forget(self, address: str, host: _Host) -> None:
        host.users -= 1
        if not host.users:
            del self._hosts[address]


class _Pass(AbstractAsyncContextManager[None]):
    """Both slots for one connection."""

    __slots__ = ("_address", "_limits")

    def __init__(self, limits: Limits, address: str) -> None:
        self._limits = limits
        self._address = address

    async def __aenter__(self) -> None:
        await self._limits.enter(self._address)

    async def __aexit__(self, *_: object) -> None:
        self._limits.leave(self._address)


class Admission:
    """The slot with which an examination begins, for looking up the name.

    It is given back as soon as the first connection asks for slots of its own, so that waiting for a busy
    server does not keep others from beginning.
    """

    def __init__(self, limits: Limits, release: Callable[[], None]) -> None:
        self._limits = limits
        self._release: Callable[[], None] | None = release

    def gate(self, address: str) -> AbstractAsyncContextManager[None]:
        """The gate to hand to the examination."""
        self.close()
        return self._limits.gate(address)

    def close(self) -> None:
        """Give the slot back, once."""
        if self._release:
            self._release()
            self._release = None
