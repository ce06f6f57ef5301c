"""The daemon's life: everything is started, and stopped again within seconds.

In: a configuration and the settings of the command line. Out: a running schedule and web server. It must not
load anything: reading a large configuration would hold up the event loop.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from aiohttp import web

from exporter import gathering, pipeline
from exporter.config import Config, Evidence
from exporter.evidence.ldap import LdapServer
from exporter.evidence.sources import Sources
from exporter.evidence.ways import Evidence as Evidences
from exporter.model import Failure, Result, Target, TrustStore
from exporter.serve import changes
from exporter.serve.access import Access
from exporter.serve.board import Board, Note
from exporter.serve.discovery import Discovery
from exporter.serve.limits import Gate, Limits
from exporter.serve.reloading import Load, Reloader
from exporter.serve.scheduler import Examine, Scheduler
from exporter.serve.service import Service
from exporter.serve.shard import Shard
from exporter.serve.sources import Ways
from exporter.serve.statistics import Statistics
from exporter.serve.storage import Storage, Stored
from exporter.serve.supervisor import Supervisor
from exporter.serve.web import application

logger = logging.getLogger(__name__)

RESTORED = 100
"""Targets whose results are read from storage at once."""
IDLE = 75.0
"""Seconds after which a connection without a whole request is closed."""
GRACE = 1.0
"""Seconds that answers which are under way get when the daemon stops."""

WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not listened on


class ListenError(Exception):
    """An address cannot be listened on; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen; no host stands for all of this machine's addresses, port 0 for any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the command line says about serving."""

    listen: Sequence[Address]
    telemetry_path: str = "/metrics"
    timeout_offset: float = 0.5
    access: Access | None = None
    """Who may ask; None for everybody, over plain HTTP."""
    storage: Storage | None = None
    """What keeps results over a restart."""
    shard: Shard = field(default_factory=Shard)
    """Which of the targets are this process'."""
    supervisor: Supervisor = field(default_factory=Supervisor)
    """Who is told what this process does."""
    ways: Ways | None = None
    """How sources of targets are asked; None for the usual ways."""


@dataclass(frozen=True, slots=True)
class Running:
    """A daemon that has started: where it listens, and the task that ends only when it must."""

    urls: Sequence[str]
    schedule: asyncio.Task[None]
    reloader: Reloader | None
    """Reads the configuration again, where there is a way to do so."""


@asynccontextmanager
async def running(config: Config, settings: Settings, load: Load | None = None) -> AsyncIterator[Running]:
    """Probe and answer until the block is left.

    Args:
        config: what to probe.
        settings: how to answer.
        load: reads the configuration again.

    Raises:
        ListenError: on entering, before anything is probed.
    """
    async with (
        _stored(settings.storage),
        _sources(config.evidence) as sources,
        _serving(config, settings, sources, load) as started,
    ):
        yield started


def _sources(evidence: Evidence) -> Sources:
    told = evidence.ldap
    ldap = LdapServer(told.server, told.port, told.bind_dn, told.password) if told else None
    return gathering.sources(evidence.timeout, evidence.allow_networks, ldap=ldap)


@asynccontextmanager
async def _serving(
    config: Config, settings: Settings, sources: Sources, load: Load | None
) -> AsyncIterator[Running]:
    service = _service(config, settings, sources)
    runner = web.AppRunner(
        application(service),
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=GRACE,
        keepalive_timeout=IDLE,
    )
    await runner.setup()
    try:
        for address in settings.listen:
            await _listen(runner, address, settings.access)
        supervisor, statistics = settings.supervisor, service.statistics
        scheduler = Scheduler(
            (),
            service.examine,
            service.board,
            limits=service.limits,
            statistics=statistics,
            pulse=supervisor.pulse,
            beat=lambda: supervisor.alive(_status(statistics)),
        )
        change = _Change(service, scheduler, config, sources, settings)
        change.begin()
        schedule = asyncio.create_task(scheduler.run())
        try:
            reloader = None if load is None else Reloader(load, change, config.files, supervisor)
            service.reload = None if reloader is None else reloader.reload
            supervisor.ready(_status(statistics))
            service.ready = True
            try:
                scheme = "https" if settings.access and settings.access.tls else "http"
                yield Running(urls(runner.addresses, scheme), schedule, reloader)
            finally:
                supervisor.stopping()
                await change.stop()
        finally:
            service.ready = False
            schedule.cancel()
            await asyncio.wait({schedule}, timeout=GRACE)
    finally:
        await runner.cleanup()


def _service(config: Config, settings: Settings, sources: Sources) -> Service:
    limits = Limits(config.limits.concurrency, config.limits.per_host, config.limits.per_host_delay)
    return Service(
        board=Board((), note=_keep(settings.storage)),
        limits=limits,
        statistics=Statistics(
            config_loaded=True,
            config_loaded_at=time.time(),
            evidence=sources.statistics,
        ),
        examine=_with_stores(config, sources),
        modules={name: module.apply for name, module in config.modules.items()},
        config=config,
        access=settings.access,
        telemetry_path=settings.telemetry_path,
        timeout_offset=settings.timeout_offset,
    )


def _keep(storage: Storage | None) -> Note:
    """What the board does with new results."""
    if storage is None:
        return lambda _: None
    return lambda entry: storage.keep(entry.target, Stored(entry.results, entry.changes))


@asynccontextmanager
async def _stored(storage: Storage | None) -> AsyncIterator[None]:
    """Write results as long as the block runs, and the last ones when it is left."""
    if storage is None:
        yield
        return
    writing = asyncio.create_task(storage.run(time.time))
    try:
        yield
    finally:
        writing.cancel()
        await asyncio.wait({writing}, timeout=GRACE)


def _status(statistics: Statistics) -> str:
    """How things are, for `systemctl status`."""
    return f"{statistics.targets} targets, {statistics.probes} probes, {statistics.in_flight} under way"


class _Change:
    """Replaces the running configuration; what it does not change goes on undisturbed."""

    def __init__(
        self, service: Service, scheduler: Scheduler, config: Config, sources: Sources, settings: Settings
    ) -> None:
        self._service = service
        self._scheduler = scheduler
        self._config = config
        self._sources = sources
        self._storage = settings.storage
        self._discovery = Discovery(self.take, service.statistics, settings.ways, settings.shard)
        self._reporting: set[asyncio.Task[None]] = set()

    def begin(self) -> None:
        """Take over the targets of the configuration, and ask its sources from now on."""
        self._discovery.replace(self._config)
        self.take()

    async def stop(self) -> None:
        """Ask them no more."""
        await self._discovery.stop()
        for task in self._reporting:
            task.cancel()
        await asyncio.gather(*self._reporting, return_exceptions=True)

    def __call__(self, config: Config | None) -> None:
        statistics = self._service.statistics
        statistics.config_loaded = config is not None
        if config is None:
            return
        before, self._config = self._config, config
        if (config.limits, config.evidence) != (before.limits, before.evidence):
            logger.warning("limits and evidence (but for aia) take effect after a restart")
        self._service.examine = _with_stores(config, self._sources)
        self._service.modules = {name: module.apply for name, module in config.modules.items()}
        self._service.config = config
        self._discovery.replace(config)
        self.take(_judged_otherwise(before, config))
        statistics.config_loaded_at = time.time()

    def take(self, changed: Set[str] = frozenset()) -> None:
        """Take over the targets that there are now.

        Args:
            changed: trust stores that have other contents now.
        """
        targets, failures = self._discovery.targets(), self._discovery.failures()
        anew = [target.id for target in targets if not changed.isdisjoint(target.policy.stores)]
        self._service.board.replace([*targets, *(target for target, _ in failures)])
        self._scheduler.replace(targets, self._service.examine, anew)
        self._service.statistics.targets = len(targets)
        work = [self._report(target, failure) for target, failure in failures]
        if self._storage is not None:
            work.append(self._restore(self._storage))
        for one in work:
            task = asyncio.create_task(one)
            self._reporting.add(task)
            task.add_done_callback(self._reporting.discard)

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
        after = await pipeline.unresolved(target, self._config.stores, failure)
        self._service.board.put(target, after)
        changes.log(before, after)


def _judged_otherwise(before: Config, after: Config) -> Set[str]:
    """Labels of the trust stores that have other contents now."""
    return {label for label, store in after.stores.items() if before.stores.get(label) != store}


def _with_stores(config: Config, sources: Sources) -> Examine:
    return partial(_examine, config.stores, gathering.evidence(sources, aia=config.evidence.aia))


async def _examine(  # noqa: PLR0913 - those of pipeline.examine
    stores: Mapping[str, TrustStore],
    evidence: Evidences,
    target: Target,
    *,
    previous: Sequence[Result] = (),
    gate: Gate = pipeline.open_gate,
    timeout: float | None = None,
    refusal: pipeline.Refusal = pipeline.refuse_nothing,
) -> tuple[Result, ...]:
    return await pipeline.examine(
        target, stores, previous=previous, gate=gate, evidence=evidence, timeout=timeout, refusal=refusal
    )


async def _listen(runner: web.AppRunner, address: Address, access: Access | None) -> None:
    try:
        context = access.tls if access else None
        await web.TCPSite(runner, address.host or None, address.port, ssl_context=context).start()
    except OSError as error:
        # asyncio words its own message around the system's; the number has the short one.
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise ListenError(f"cannot listen on {address}: {reason}") from error


def urls(addresses: Sequence[Sequence[object]], scheme: str = "http") -> tuple[str, ...]:
    """Where a person can look, from the names of listening sockets."""
    places = []
    for host, port, *_ in addresses:
        name = "localhost" if host in WILDCARDS else f"[{host}]" if ":" in str(host) else host
        places.append(f"{scheme}://{name}:{port}/")
    return tuple(dict.fromkeys(places))
