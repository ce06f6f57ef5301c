"""Which targets there are now: those of the configuration and those that its sources name.

In: a configuration, and what its sources find while the program runs. Out: one list of targets, and a call
whenever it has changed. One task follows each source (`sources` has the ways). What a source named last
stays while the source fails, and over a reload that keeps the source.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from exporter.config import Config, Mx, Source
from exporter.model import Failure, Target
from exporter.serve.shard import Shard
from exporter.serve.sources import Ways, follow
from exporter.serve.statistics import SourceStatistics, Statistics

logger = logging.getLogger(__name__)

AGAIN = 60.0
"""Seconds after which a source is asked again where this program failed."""

Key = tuple[type[Source], str]


@dataclass(slots=True)
class _Followed:
    """A source, the task that follows it, and what it named last."""

    source: Source
    task: asyncio.Task[None]
    targets: tuple[Target, ...] = ()
    failure: Failure | None = None
    """Why nothing is known about a domain's exchanges, as long as that is so."""


class Discovery:
    """Follows the sources until it is stopped.

    Args:
        statistics: takes how each source fares.
        ways: how the outside is asked; None for the usual ways.
        shard: which of the targets are this process'.
    """

    def __init__(
        self,
        statistics: Statistics,
        ways: Ways | None = None,
        shard: Shard = Shard(),  # noqa: B008 - frozen
    ) -> None:
        self._shard = shard
        self._changed: Callable[[], None] = lambda: None
        self._statistics = statistics
        self._ways = ways or Ways()
        self._listed: tuple[Target, ...] = ()
        self._followed: dict[Key, _Followed] = {}
        self._repeated: frozenset[str] = frozenset()

    def begin(self, config: Config, changed: Callable[[], None]) -> None:
        """Take over the first configuration; `changed` is called whenever the list of targets has changed."""
        self._changed = changed
        self.replace(config)

    def replace(self, config: Config) -> None:
        """Take over the targets and sources of another configuration. It does not call `changed`."""
        self._listed = config.targets
        wanted: dict[Key, Source] = {(type(source), source.name): source for source in config.sources}
        for key in self._followed.keys() - wanted.keys():
            self._followed.pop(key).task.cancel()
            del self._statistics.sources[_label(key)]
        for key, source in wanted.items():
            self._follow(key, source)

    def targets(self) -> tuple[Target, ...]:
        """All targets, each once."""
        found = [target for one in self._followed.values() for target in one.targets]
        mine = [target for target in (*self._listed, *found) if self._shard.has(target.id)]
        if not found:  # those of a configuration are distinct, which was checked when it was read
            self._repeated = frozenset()
            return tuple(mine)
        return tuple(self._without_repetitions(mine))

    def failures(self) -> Sequence[tuple[Target, Failure]]:
        """What stands in for each domain whose exchanges are not known, and why they are not."""
        return [
            (target, one.failure)
            for one in self._followed.values()
            if one.failure is not None and isinstance(one.source, Mx)
            for target in one.source.template.targets(
                "", name=one.source.domain, domain=one.source.domain, labels=(("mx", one.source.domain),)
            )
            if self._shard.has(target.id)
        ]

    async def stop(self) -> None:
        """End all tasks."""
        tasks = [one.task for one in self._followed.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._ways.close()

    def _follow(self, key: Key, source: Source) -> None:
        known = self._followed.get(key)
        if known is not None and known.source == source:
            return
        self._statistics.sources.setdefault(_label(key), SourceStatistics())
        task = asyncio.create_task(self._run(key, source))
        if known is None:
            self._followed[key] = _Followed(source, task)
        else:
            known.task.cancel()
            known.source, known.task = source, task

    async def _run(self, key: Key, source: Source) -> None:
        while True:
            try:
                await self._listen(key, source)
            except Exception:  # whatever it is, the source is asked again
                kind, name = _label(key)
                logger.exception("internal error in discovery", extra={"source": name, "kind": kind})
                await asyncio.sleep(AGAIN)

    async def _listen(self, key: Key, source: Source) -> None:
        told = ""
        async for found in follow(source, self._ways):
            one, counted = self._followed[key], self._statistics.sources[_label(key)]
            before = one.targets, one.failure
            if found.targets is not None:
                one.targets = found.targets
            one.failure = found.failure
            counted.successful, counted.targets = not found.complaints, len(one.targets)
            self._tell(key, found.complaints, told)
            told = "\n".join(found.complaints)
            if (one.targets, one.failure) != before:
                self._changed()

    def _tell(self, key: Key, complaints: Sequence[str], told: str) -> None:
        """Log what is wrong with a source once, and that it is over."""
        kind, name = _label(key)
        fields = {"source": name, "kind": kind}
        if told and not complaints:
            logger.info("discovery works again", extra=fields)
        elif "\n".join(complaints) != told:
            for complaint in complaints:
                logger.warning("discovery failed", extra={**fields, "problem": complaint})

    def _without_repetitions(self, targets: Iterable[Target]) -> Iterator[Target]:
        """Without targets whose series or identity others have; the configuration's own come first."""
        seen: set[object] = set()
        repeated: set[str] = set()
        for target in targets:
            keys = {target.id, (target.name, frozenset(pair for pair in target.labels if pair[1]))}
            if keys & seen:
                repeated.add(target.name)
            else:
                seen |= keys
                yield target
        if repeated - self._repeated:
            names = " ".join(sorted(repeated))
            logger.warning("targets are named more than once and count once", extra={"names": names})
        self._repeated = frozenset(repeated)


def _label(key: Key) -> tuple[str, str]:
    kind, name = key
    return kind.__name__.lower(), name
