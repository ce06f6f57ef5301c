"""Another configuration, or another list of targets, takes over while everything runs.

In: a configuration, and what its sources find. Out: the board, the schedule and the web server have it. What it does not change
goes on undisturbed: results, times, and probes that are under way.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine, Mapping, Sequence, Set
from functools import partial
from typing import NamedTuple

from exporter import gathering, pipeline
from exporter.config import Config
from exporter.evidence.sources import Sources
from exporter.evidence.ways import Evidence
from exporter.model import Failure, Result, Target, TrustStore
from exporter.probe.stream import look
from exporter.run import Look
from exporter.serve import changes
from exporter.serve.board import NOTHING, Prepared
from exporter.serve.discovery import Discovery
from exporter.serve.limits import Gate
from exporter.serve.scheduler import Examine, Scheduler
from exporter.serve.service import Service
from exporter.serve.storage import Storage

logger = logging.getLogger(__name__)

RESTORED = 100
"""Targets whose results are read from storage at once."""


class _Wanted(NamedTuple):
    """The targets that there should be, and stand-ins for those of which nothing is known, with the reason."""

    targets: Sequence[Target]
    failures: Sequence[tuple[Target, Failure]]

    @property
    def all(self) -> Sequence[Target]:
        """Both."""
        return [*self.targets, *(target for target, _ in self.failures)]


class Change:
    """Replaces the running configuration; what it does not change goes on undisturbed."""

    def __init__(
        self,
        service: Service,
        scheduler: Scheduler,
        sources: Sources,
        discovery: Discovery,
        storage: Storage | None,
    ) -> None:
        self._service = service
        self._scheduler = scheduler
        self._sources = sources
        self._storage = storage
        self._discovery = discovery
        service.probe_soon = scheduler.soon
        self._working: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()

    def begin(self) -> None:
        """Take over the targets of the configuration, and ask its sources from now on."""
        self._discovery.begin(self._service.config, lambda: self._work(self.take()))
        self._replace(self._wanted())

    async def stop(self) -> None:
        """Ask them no more."""
        await self._discovery.stop()
        for task in self._working:
            task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)

    async def __call__(self, config: Config | None) -> None:
        """Take over another configuration, or take note that there was none that could be loaded."""
        statistics = self._service.statistics
        statistics.config_loaded = config is not None
        if config is None:
            return
        before, self._service.config = self._service.config, config
        if (config.limits, config.evidence) != (before.limits, before.evidence):
            logger.warning("limits and evidence (but for aia) take effect after a restart")
        self._service.examine = examiner(config, self._sources, self._service.look)
        self._service.modules = {name: module.apply for name, module in config.modules.items()}
        self._discovery.replace(config)
        await self.take(_judged_otherwise(before, config))
        statistics.config_loaded_at = time.time()

    async def take(self, changed: Set[str] = frozenset()) -> None:
        """Take over the targets that there are now.

        Args:
            changed: trust stores that have other contents now.
        """
        async with self._turn:
            wanted = self._wanted()
            self._replace(wanted, await self._service.board.prepare(wanted.all), changed)

    def _wanted(self) -> _Wanted:
        return _Wanted(self._discovery.targets(), self._discovery.failures())

    def _replace(
        self, wanted: _Wanted, prepared: Prepared = NOTHING, changed: Set[str] = frozenset()
    ) -> None:
        """In one step, so that nobody sees some of the old and some of the new."""
        targets = wanted.targets
        anew = [target.id for target in targets if not changed.isdisjoint(target.policy.stores)]
        self._service.meant.clear()
        self._service.board.replace(wanted.all, prepared)
        self._scheduler.replace(targets, self._service.examine, anew)
        self._service.statistics.targets = len(targets)
        for target, failure in wanted.failures:
            self._work(self._report(target, failure))
        if self._storage is not None:
            self._work(self._restore(self._storage))

    def _work(self, work: Coroutine[None, None, None]) -> None:
        """Do it beside everything else."""
        task = asyncio.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    async def _restore(self, storage: Storage) -> None:
        """Show what an earlier run found, until this one knows better."""
        missing = self._service.board.without_results()
        for at in range(0, len(missing), RESTORED):
            for identity, stored in (await storage.stored(missing[at : at + RESTORED])).items():
                self._service.board.restore(identity, stored.results, stored.changes)
                await asyncio.sleep(0)

    async def _report(self, target: Target, failure: Failure) -> None:
        """Show that there is nothing to probe where a domain's exchanges are not known."""
        before = self._service.board.results(target)
        after = await pipeline.unresolved(target, self._service.config.stores, failure)
        self._service.board.put(target, after)
        changes.log(before, after)


def _judged_otherwise(before: Config, after: Config) -> Set[str]:
    """Labels of the trust stores that have other contents now."""
    return {label for label, store in after.stores.items() if before.stores.get(label) != store}


def examiner(config: Config, sources: Sources, look: Look = look) -> Examine:
    """What examines the targets of a configuration."""
    return partial(_examine, config.stores, gathering.evidence(sources, aia=config.evidence.aia), look)


async def _examine(  # noqa: PLR0913 - those of pipeline.examine
    stores: Mapping[str, TrustStore],
    evidence: Evidence,
    look: Look,
    target: Target,
    *,
    previous: Sequence[Result] = (),
    carry: bool = True,
    gate: Gate = pipeline.open_gate,
    timeout: float | None = None,
    refusal: pipeline.Refusal = pipeline.refuse_nothing,
) -> tuple[Result, ...]:
    return await pipeline.examine(
        target,
        stores,
        previous=previous,
        carry=carry,
        gate=gate,
        evidence=evidence,
        look=look,
        timeout=timeout,
        refusal=refusal,
    )
