"""Hostile peers: each ends within its deadline, in the way that the documentation has, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import os
import re
import sys
import time
from pathlib import Path

import pytest

from exporter.model import Observation, Stage, Target
from exporter.probe.stream import look
from tests.peers import Peer
from tests.probe.hostile import HOST, PEERS, Hostile

DEADLINE = 0.5
"""Seconds that a look may take."""
PATIENCE = 30.0
"""Seconds after which a look has missed its deadline even on the busiest machine."""


async def observe(hostile: Hostile) -> Observation:
    """What is seen of a peer."""
    async with Peer(*hostile.steps) as peer:
        target = Target(
            name="peer",
            host="127.0.0.1",
            port=peer.port,
            mode=hostile.mode,
            sni=HOST,
            ehlo_name="monitor.test",
        )
        began = time.monotonic()
        async with asyncio.timeout(PATIENCE):
            seen, _ = await look(target, "127.0.0.1", timeout=DEADLINE)
        print(f"{time.monotonic() - began:.3f} s of {DEADLINE:g}")
        return seen


@pytest.mark.parametrize("hostile", PEERS.values(), ids=PEERS)
async def test_ends_as_documented(hostile: Hostile) -> None:
    """Each misbehaviour ends the look within its deadline, with its own stage and reason."""
    seen = await observe(hostile)
    failure = seen.failure
    assert (failure and (failure.stage, failure.reason)) == hostile.end
    assert bool(seen.chain) is (hostile.end is None)
    assert failure is None or failure.detail


def _documented() -> set[tuple[str, str]]:
    """Stages and reasons that docs/metrics.md pairs in its table of reasons."""
    text = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    table = text.partition("\n## Reasons\n")[2].partition("\n## ")[0]
    pairs = set()
    for line in table.splitlines():
        if row := re.match(r"\| `(\w+)` \| ([^|]*) \|", line):
            pairs |= {(stage, row[1]) for stage in re.findall(r"`(\w+)`", row[2])}
    return pairs


def test_stages_and_reasons_are_documented() -> None:
    """The documentation has every way of ending at its stage, and none that no peer here brings about."""
    ends = {(str(peer.end[0]), str(peer.end[1])) for peer in PEERS.values() if peer.end}
    dialogue = {Stage.GREETING, Stage.EHLO, Stage.STARTTLS, Stage.HANDSHAKE}
    assert {pair for pair in _documented() if pair[0] in dialogue} == ends


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - no Path object is to be made for each of them


def _resident() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def _everybody() -> None:
    """Look at all of them at once."""
    await asyncio.gather(*map(observe, PEERS.values()))
    gc.collect()


@pytest.mark.skipif(sys.platform != "linux", reason="descriptors and memory are counted in /proc")
async def test_nothing_is_left_behind() -> None:
    """After hundreds of hostile peers there are as many tasks and descriptors as before, and no more memory."""
    for _ in range(3):
        await _everybody()
    tasks, descriptors, resident = len(asyncio.all_tasks()), _descriptors(), _resident()
    for _ in range(5):
        await _everybody()
    grown = _resident() - resident
    print(f"{5 * len(PEERS)} looks: {grown / 1e6:+.1f} MB of {resident / 1e6:.0f} MB")
    assert (len(asyncio.all_tasks()), _descriptors()) == (tasks, descriptors)
    assert grown < 20e6
