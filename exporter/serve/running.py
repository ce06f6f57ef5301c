"""The daemon's life: everything is started, and stopped again within seconds.

In: a configuration and the settings of the command line. Out: a running schedule and web server. It must not
load anything: reading a large configuration would hold up the event loop.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from exporter import gathering
from exporter.config import Config, Evidence
from exporter.evidence.ldap import LdapServer
from exporter.evidence.sources import Sources
from exporter.probe.readiness import watch
from exporter.probe.stream import look
from exporter.run import Look
from exporter.serve.access import Access
from exporter.serve.board import Board, Entry, Note
from exporter.serve.change import Change, examiner
from exporter.serve.collecting import Keeping
from exporter.serve.discovery import Discovery
from exporter.serve.limits import Limits
from exporter.serve.recent import Recent
from exporter.serve.reloading import Load, Reloader
from exporter.serve.scheduler import Scheduler
from exporter.serve.service import Service
from exporter.serve.shard import Shard
from exporter.serve.sources import Ways
from exporter.serve.statistics import Statistics
from exporter.serve.storage import Storage, Stored
from exporter.serve.supervisor import Supervisor
from exporter.serve.web import application
from exporter.serve.workers import Workers

logger = logging.getLogger(__name__)

LAST_WRITE = 3.0
"""Seconds that writing the last results may take."""
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
    workers: int = 1
    """Processes that probe; with one it is this one."""
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
        _workers(settings.workers) as workers,
        _serving(config, settings, sources, load, workers) as started,
    ):
        yield started


@asynccontextmanager
async def _workers(count: int) -> AsyncIterator[Workers | None]:
    """Processes that probe; none where this one does."""
    if count == 1:
        yield None
        return
    async with Workers(count).started() as workers:
        yield workers


def _sources(evidence: Evidence) -> Sources:
    told = evidence.ldap
    ldap = LdapServer(told.server, told.port, told.bind_dn, told.password) if told else None
    return gathering.sources(evidence.timeout, evidence.allow_networks, ldap=ldap)


@asynccontextmanager
async def _serving(
    config: Config, settings: Settings, sources: Sources, load: Load | None, workers: Workers | None
) -> AsyncIterator[Running]:
    service = _service(config, settings, sources, workers)
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
        supervisor, scheduler = settings.supervisor, _scheduler(service, settings.supervisor)
        discovery = Discovery(service.statistics, settings.ways, settings.shard)
        change = Change(service, scheduler, sources, discovery, settings.storage)
        change.begin()
        schedule = asyncio.create_task(scheduler.run())
        try:
            reloader = None if load is None else Reloader(load, change, config, supervisor)
            service.reload = None if reloader is None else reloader.reload
            supervisor.ready(_status(service.statistics))
            service.ready = True
            try:
                yield Running(urls(runner.addresses, _scheme(settings.access)), schedule, reloader)
            finally:
                supervisor.stopping()
                await change.stop()
        finally:
            service.ready = False
            schedule.cancel()
            await asyncio.wait({schedule}, timeout=GRACE)
    finally:
        await runner.cleanup()


def _scheduler(service: Service, supervisor: Supervisor) -> Scheduler:
    """One without targets yet."""
    return Scheduler(
        (),
        service.examine,
        service.board,
        limits=service.limits,
        statistics=service.statistics,
        crowded=watch(asyncio.get_running_loop()).crowded,
        pulse=supervisor.pulse,
        beat=lambda: supervisor.alive(_status(service.statistics)),
    )


def _service(config: Config, settings: Settings, sources: Sources, workers: Workers | None) -> Service:
    look_at: Look = workers.look if workers else look
    limits = Limits(config.limits.concurrency, config.limits.per_host, config.limits.per_host_delay)
    keeping = Keeping()
    return Service(
        # Its targets are there before anybody can ask.
        board=Board(
            (target for target in config.targets if settings.shard.has(target.id)),
            note=_keep(settings.storage, keeping),
        ),
        recent=Recent(note=keeping.kept),
        limits=limits,
        statistics=Statistics(
            config_loaded=True,
            config_loaded_at=time.time(),
            evidence=sources.statistics,
            workers=workers,
        ),
        look=look_at,
        examine=examiner(config, sources, look_at),
        modules={name: module.apply for name, module in config.modules.items()},
        config=config,
        access=settings.access,
        storage=settings.storage,
        telemetry_path=settings.telemetry_path,
        timeout_offset=settings.timeout_offset,
    )


def _keep(storage: Storage | None, keeping: Keeping) -> Note:
    """What the board does with new results."""

    def note(entry: Entry) -> None:
        keeping.kept()
        if storage is not None:
            storage.keep(entry.target, Stored(entry.results, entry.changes))

    return note


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
        await asyncio.wait({writing}, timeout=LAST_WRITE)


def _status(statistics: Statistics) -> str:
    """How things are, for `systemctl status`."""
    return f"{statistics.targets} targets, {statistics.probes} probes, {statistics.in_flight} under way"


async def _listen(runner: web.AppRunner, address: Address, access: Access | None) -> None:
    try:
        context = access.tls if access else None
        await web.TCPSite(runner, address.host or None, address.port, ssl_context=context).start()
    except OSError as error:
        # asyncio words its own message around the system's; the number has the short one.
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise ListenError(f"cannot listen on {address}: {reason}") from error


def _scheme(access: Access | None) -> str:
    return "https" if access and access.tls else "http"


def urls(addresses: Sequence[Sequence[object]], scheme: str = "http") -> tuple[str, ...]:
    """Where a person can look, from the names of listening sockets."""
    places = []
    for host, port, *_ in addresses:
        name = "localhost" if host in WILDCARDS else f"[{host}]" if ":" in str(host) else host
        places.append(f"{scheme}://{name}:{port}/")
    return tuple(dict.fromkeys(places))
