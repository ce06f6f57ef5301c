"""A crowd of hostile servers around a few good ones, watched by the real daemon."""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter.config import Config, Limits
from exporter.model import Policy, Target
from exporter.probe.readiness import watch
from exporter.serve.running import Address, Settings, running
from tests.peers import Peer, expect, send, tls
from tests.probe.hostile import HANGING, HOST, PEERS, TO_TLS, Hostile, usual

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from exporter.serve.running import Running

MANY, FEW = 200, 50
GOOD = Hostile((*TO_TLS[:-1], tls(usual), expect("QUIT"), send("221 bye")), None)
ANYWHERE = Settings(listen=[Address("127.0.0.1", 0)])


async def crowd(
    stack: AsyncExitStack, name: str, servers: Iterable[Hostile], *, timeout: float, interval: float = 3600.0
) -> tuple[Target, ...]:
    """Start servers, each on an address of its own, since one address is asked one thing at a time."""
    targets = []
    for number, server in enumerate(servers):
        peer = Peer(*server.steps)
        peer.host = f"127.{len(name)}.0.{number + 1}"
        await stack.enter_async_context(peer)
        target = Target(
            name=f"{name}-{number}",
            host=peer.host,
            port=peer.port,
            mode=server.mode,
            sni=HOST,
            ehlo_name="monitor.test",
            policy=Policy(stores=()),
            timeout=timeout,
            interval=interval,
        )
        targets.append(target)
    return tuple(targets)


async def values(session: aiohttp.ClientSession, daemon: Running, metric: str) -> Mapping[str, float]:
    """What /metrics says, by target; the empty name stands for the exporter's own."""
    async with session.get(f"{daemon.urls[0]}metrics") as response:
        text = await response.text()
    return {
        sample.labels.get("target", ""): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == metric
    }


async def watch_until_good(
    hostile: Sequence[Target], good: Sequence[Target], limits: Limits
) -> tuple[float, Mapping[str, float]]:
    """Seconds until the daemon has the certificates of the good ones, and whose probes had ended by then."""
    config = Config(path=Path("config.yaml"), targets=(*hostile, *good), limits=limits)
    began = time.monotonic()
    async with running(config, ANYWHERE) as daemon, aiohttp.ClientSession() as session:
        while True:
            ended = await values(session, daemon, "smtp_tls_probe_success")
            if all(ended.get(target.name) == 1 for target in good):
                return time.monotonic() - began, ended
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("kinds", "limits"),
    [
        pytest.param(PEERS, Limits(), id="of every kind"),
        pytest.param(HANGING, Limits(), id="all of them hang"),
    ],
)
async def test_good_servers_are_not_delayed(kinds: Mapping[str, Hostile], limits: Limits) -> None:
    """50 good servers are looked at while 200 hostile ones that came first are still keeping us waiting."""
    async with AsyncExitStack() as stack, asyncio.timeout(120):
        chosen = list(itertools.islice(itertools.cycle(kinds.values()), MANY))
        hostile = await crowd(stack, "hostile", chosen, timeout=300.0)
        good = await crowd(stack, "good", [GOOD] * FEW, timeout=300.0)
        alone, _ = await watch_until_good((), good, limits)
        among, ended = await watch_until_good(hostile, good, limits)
    print(f"{FEW} good servers: {alone:.2f} s alone, {among:.2f} s among {MANY} hostile ones")
    hanging = {target.name for target, peer in zip(hostile, chosen, strict=True) if peer in HANGING.values()}
    assert len(hanging) > MANY / 10
    assert not hanging & ended.keys()


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def _watch_for(targets: tuple[Target, ...], probes: Sequence[int]) -> list[int]:
    """Bytes in memory after each of these numbers of probes."""
    sizes = []
    config = Config(path=Path("config.yaml"), targets=targets)
    async with running(config, ANYWHERE) as daemon, aiohttp.ClientSession() as session:
        for number in probes:
            done = 0.0
            while done < number:
                await asyncio.sleep(0.1)
                done = (await values(session, daemon, "smtp_tls_exporter_probes_total"))[""]
            gc.collect()
            sizes.append(_resident())
    return sizes


@pytest.mark.skipif(sys.platform != "linux", reason="descriptors and memory are counted in /proc")
async def test_the_daemon_keeps_nothing_of_them() -> None:
    """After 1,500 hostile probes tasks and descriptors are as many as before, and memory did not grow."""
    watch(asyncio.get_running_loop())  # as long as the loop
    tasks, descriptors = len(asyncio.all_tasks()), _descriptors()
    async with AsyncExitStack() as stack, asyncio.timeout(120):
        chosen = itertools.islice(itertools.cycle(PEERS.values()), MANY)
        hostile = await crowd(stack, "hostile", chosen, timeout=0.5, interval=1.0)
        warm, end = await _watch_for(hostile, (500, 1500))
    await asyncio.sleep(0)
    print(f"1,000 probes: {(end - warm) / 1e6:+.1f} MB of {warm / 1e6:.0f} MB")
    assert end - warm < 20e6
    assert (len(asyncio.all_tasks()), _descriptors()) == (tasks, descriptors)
