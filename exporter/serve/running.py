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
from dataclasses import dataclass
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
from exporter.serve.board import Board
from exporter.serve.discovery import Discovery
from exporter.serve.limits import Gate, Limits
from exporter.serve.reloading import Load, Reloader
from exporter.serve.scheduler import Examine, Scheduler
from exporter.serve.service import Service
from exporter.serve.sources import Ways
from exporter.serve.statistics import Statistics
from exporter.serve.web import application

logger = logging.getLogger(__name__)

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
    async with _sources(config.evidence) as sources, _serving(config, settings, sources, load) as started:
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
        application(service), access_log=None, handler_cancellation=True, shutdown_timeout=GRACE
    )
    await runner.setup()
    try:
        for address in settings.listen:
            await _listen(runner, address, settings.access)
        scheduler = Scheduler(
            config.targets,
            service.examine,
            service.board,
            limits=service.limits,
            statistics=service.statistics,
        )
        schedule = asyncio.create_task(scheduler.run())
        try:
            change = _Change(service, scheduler, config, sources, settings.ways)
            reloader = None if load is None else Reloader(load, change, config.files)
            service.reload = None if reloader is None else reloader.reload
            change.begin()
            service.ready = True
            try:
                scheme = "https" if settings.access and settings.access.tls else "http"
                yield Running(urls(runner.addresses, scheme), schedule, reloader)
            finally:
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
        board=Board(config.targets),
        limits=limits,
        statistics=Statistics(
            targets=len(config.targets),
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


class _Change:
    """Replaces the running configuration; what it does not change goes on undisturbed."""

    def __init__(
        self, service: Service, scheduler: Scheduler, config: Config, sources: Sources, ways: Ways | None
    ) -> None:
        self._service = service
        self._scheduler = scheduler
        self._config = config
        self._sources = sources
        self._discovery = Discovery(self.take, service.statistics, ways)
        self._reporting: set[asyncio.Task[None]] = set()

    def begin(self) -> None:
        """Ask the sources of targets from now on."""
        self._discovery.replace(self._config)

    async def stop(self) -> None:
        """Ask them no more."""
        await self._discovery.stop()
        await asyncio.gather(*self._reporting)

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
        for target, failure in failures:
            task = asyncio.create_task(self._report(target, failure))
            self._reporting.add(task)
            task.add_done_callback(self._reporting.discard)

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
