"""Another configuration takes over: when a signal, a request or a changed file says so.

In: a way to load the configuration. Out: the new one in force, or every mistake in it and the old one in
force. Reloads never overlap.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from exporter.config import Config, ConfigError
from exporter.model import Target
from exporter.serve import watch
from exporter.serve.collecting import nothing_collected
from exporter.serve.supervisor import Supervisor

logger = logging.getLogger(__name__)

Load = Callable[[], Config]
"""Reads the configuration; it is called in a thread."""


def _recognised(load: Load, known: Sequence[Target]) -> Config:
    """The configuration, with the very targets of before where it has equal ones: then nobody has to compare them."""
    config, before = load(), {target.id: target for target in known}
    targets = (
        last if (last := before.get(target.id)) is not None and last == target else target
        for target in config.targets
    )
    return replace(config, targets=tuple(targets))


class Reloader:
    """Loads and hands over.

    Args:
        load: reads the configuration.
        take: takes it over; None says that there was none that could be loaded.
        config: the running one.
        supervisor: is told.
    """

    def __init__(
        self,
        load: Load,
        take: Callable[[Config | None], None],
        config: Config,
        supervisor: Supervisor = Supervisor(),  # noqa: B008 - frozen
    ) -> None:
        self._supervisor = supervisor
        self._load = load
        self._take = take
        self._config = config
        self._turn = asyncio.Lock()

    async def reload(self) -> Sequence[str]:
        """Read the configuration and its trust stores again; returns what is wrong with them."""
        async with self._turn:
            self._supervisor.reloading()
            try:
                with nothing_collected():
                    config = await asyncio.to_thread(_recognised, self._load, self._config.targets)
            except ConfigError as error:
                for message in error.messages:
                    logger.error("reload failed", extra={"problem": message})  # noqa: TRY400 - a trace helps nobody here
                self._take(None)
                self._supervisor.ready("The configuration has mistakes; the old one goes on")
                return error.messages
            except Exception as error:  # whatever it is, the old configuration goes on
                logger.exception("internal error while reloading")
                self._take(None)
                return (f"internal error: {type(error).__name__}: {error}",)
            self._config = config
            self._take(config)
            logger.info("reloaded", extra={"targets": len(config.targets), "sources": len(config.sources)})
            self._supervisor.ready("Reloaded")
            return ()

    async def watch(self, period: float = watch.PERIOD) -> None:
        """Reload whenever a file has changed that the configuration was read from."""
        async for _ in watch.changes(lambda: self._config.files, period):
            logger.info("files of the configuration have changed")
            await self.reload()
