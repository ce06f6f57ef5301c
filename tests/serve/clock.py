"""A clock that a test turns by hand, in place of the event loop's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(eq=False)
class Alarm:
    """A callback that is due at a time."""

    due: float
    callback: Callable[[], object]
    cancelled: bool = False

    def cancel(self) -> None:
        """Do not call back."""
        self.cancelled = True


class HandClock:
    """Time stands still until `advance` is awaited; no real time passes."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self._alarms: list[Alarm] = []

    def time(self) -> float:
        """The time that it shows."""
        return self.now

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Alarm:
        """Take note of a callback."""
        alarm = Alarm(self.now + delay, callback)
        self._alarms.append(alarm)
        return alarm

    async def advance(self, seconds: float) -> None:
        """Turn the clock on, stopping at each alarm, and let every task react."""
        end = self.now + seconds
        await settle()
        while due := [a for a in self._alarms if not a.cancelled and a.due <= end]:
            first = min(due, key=lambda alarm: alarm.due)
            self._alarms.remove(first)
            self.now = max(self.now, first.due)
            first.callback()
            await settle()
        self._alarms = [alarm for alarm in self._alarms if not alarm.cancelled]
        self.now = end


async def settle() -> None:
    """Let every task that is ready run, and those that they make ready."""
    for _ in range(50):
        await asyncio.sleep(0)
