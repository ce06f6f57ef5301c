"""What the handlers of the web server share: one value, put together by the command.

In: the parts of the running program. Out: typed access to them in every handler.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from aiohttp import web

from exporter.config import Config
from exporter.model import Target
from exporter.probe.stream import look
from exporter.run import Look
from exporter.serve.access import Access
from exporter.serve.board import Board
from exporter.serve.limits import Limits
from exporter.serve.permission import Permission
from exporter.serve.recent import Recent
from exporter.serve.scheduler import Examine
from exporter.serve.statistics import Statistics
from exporter.serve.storage import Storage

MOST_MEANT = 20_000
"""Questions that are remembered."""

Overrides = Callable[[Target], Target]
"""What a module does to a target (`exporter.config.Module.apply`)."""


@dataclass(slots=True, kw_only=True)
class Service:
    """The parts of the running program.

    `timeout_offset` is seconds taken off Prometheus' scrape timeout. `ready` turns true when the schedule
    has started.
    """

    board: Board
    limits: Limits
    statistics: Statistics
    examine: Examine
    look: Look = look
    """Looks at one address, in this process or in another."""
    modules: Mapping[str, Overrides] = field(default_factory=dict)
    config: Config
    """What is in force now."""
    access: Access | None = None
    """Who may ask; None for everybody."""
    telemetry_path: str = "/metrics"
    timeout_offset: float = 0.5
    meant: dict[tuple[str, str, str], tuple[Target, Permission | None]] = field(default_factory=dict)
    """What `/probe` was asked for, by target, module and hostname, for as long as the configuration is the same."""
    recent: Recent = field(default_factory=Recent)
    """What `/probe` found last."""
    asked: int = 0
    """Requests to `/probe` that are under way."""
    ready: bool = False
    storage: Storage | None = None
    """What remembers earlier runs."""
    probe_soon: Callable[[str], bool] = lambda _: False
    """Has a target probed at once, by its id; returns whether there is one."""
    reload: Callable[[], Awaitable[Sequence[str]]] | None = None
    """Reads the configuration again and returns what is wrong with it; None where there is none to read."""

    def mean(self, asked: tuple[str, str, str], target: tuple[Target, Permission | None]) -> None:
        """Remember what a question means."""
        if len(self.meant) >= MOST_MEANT:
            self.meant.clear()
        self.meant[asked] = target


SERVICE: web.AppKey[Service] = web.AppKey("service", Service)
