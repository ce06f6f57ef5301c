"""Another configuration takes over: when a signal, a request or a changed file says so.

In: a way to load the configuration. Out: the new one in force, or every mistake in it and the old one in
force. Reloads never overlap.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from exporter.config import Config, ConfigError
from exporter.serve import watch
from exporter.serve.supervisor import Supervisor

logger = logging.getLogger(__name__)

Load = Callable[[], Config]
"""Reads the configuration; it is called in a thread."""


class Reloader:
    """Loads and hands over.

    Args:
        load: reads the configuration.
        take: takes it over; None says that there was none that could be loaded.
        files: what the running configuration was read from.
        supervisor: is told.
    """

    def __init__(
        self,
        load: Load,
        take: Callable[[Config | None], None],
        files: Sequence[Path],
        supervisor: Supervisor = Supervisor(),  # noqa: B008 - frozen
    ) -> None:
        self._supervisor = supervisor
        self._load = load
        self._take = take
        self._files = files
        self._turn = asyncio.Lock()

    async def reload(self) -> Sequence[str]:
        """Read the configuration and its trust stores again; returns what is wrong with them."""
        async with self._turn:
            self._supervisor.reloading()
            try:
                config = await asyncio.to_thread(self._load)
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
            self._files = config.files
            self._take(config)
            logger.info("reloaded", extra={"targets": len(config.targets), "sources": len(config.sources)})
            self._supervisor.ready("Reloaded")
            return ()

    async def watch(self, period: float = watch.PERIOD) -> None:
        """Reload whenever a file has changed that the configuration was read from."""
        async for _ in watch.changes(lambda: self._files, period):
            logger.info("files of the configuration have changed")
            await self.reload()
