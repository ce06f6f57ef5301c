"""Another configuration takes over: when a signal, a request or a changed file says so.

In: a way to load the configuration. Out: the new one in force, or every mistake in it and the old one in
force. Reloads never overlap.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from exporter.config import Config, ConfigError
from exporter.model import Target
from exporter.serve import watch
from exporter.serve.collecting import nothing_collected
from exporter.serve.supervisor import Supervisor

logger = logging.getLogger(__name__)

Load = Callable[[], Config]
"""Reads the configuration; it is called in a thread."""


class _Loaded(NamedTuple):
    """A configuration, or why there is none, and its files as they were before they were read."""

    config: Config | Exception
    read: watch.Read


def _reload(load: Load, last: Config) -> _Loaded:
    """Read the configuration again; what is new about its files is known afterwards, even if it is wrong."""
    before = watch.Read(last.files, watch.signature(last.files))
    try:
        config = _recognised(load(), last.targets)
    except Exception as error:  # noqa: BLE001 - whatever it is, the old configuration goes on
        return _Loaded(error, before)
    if config.files == last.files:
        return _Loaded(config, before)
    return _Loaded(config, watch.Read(config.files, watch.signature(config.files)))


def _recognised(config: Config, known: Sequence[Target]) -> Config:
    """The configuration, with the very targets of before where it has equal ones: then nobody has to compare them."""
    before = {target.id: target for target in known}
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
        take: Callable[[Config | None], Awaitable[None]],
        config: Config,
        supervisor: Supervisor = Supervisor(),  # noqa: B008 - frozen
    ) -> None:
        self._supervisor = supervisor
        self._load = load
        self._take = take
        self._config = config
        self._read: watch.Read | None = None
        self._turn = asyncio.Lock()

    async def reload(self) -> Sequence[str]:
        """Read the configuration and its trust stores again; returns what is wrong with them."""
        async with self._turn:
            self._supervisor.reloading()
            with nothing_collected():
                config, self._read = await asyncio.to_thread(_reload, self._load, self._config)
            if isinstance(config, Exception):
                await self._take(None)
                return self._explain(config)
            self._config = config
            await self._take(config)
            logger.info("reloaded", extra={"targets": len(config.targets), "sources": len(config.sources)})
            self._supervisor.ready("Reloaded")
            return ()

    def _explain(self, error: Exception) -> Sequence[str]:
        """Say in the log why there is no other configuration."""
        if not isinstance(error, ConfigError):
            logger.error("internal error while reloading", exc_info=error)
            self._supervisor.ready("The configuration could not be read; the old one goes on")
            return (f"internal error: {type(error).__name__}: {error}",)
        for message in error.messages:
            logger.error("reload failed", extra={"problem": message})
        self._supervisor.ready("The configuration has mistakes; the old one goes on")
        return error.messages

    async def watch(self, period: float = watch.PERIOD) -> None:
        """Reload whenever a file has changed since the configuration was read from it."""
        files = self._config.files
        first = watch.Read(files, await asyncio.to_thread(watch.signature, files))
        async for _ in watch.changes(lambda: self._read or first, period):
            logger.info("files of the configuration have changed")
            await self.reload()
