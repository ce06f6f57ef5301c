"""`make soak`: as many probes as five minutes allow, 100,000 at most, 40 % of them against hostile servers.

Meanwhile the configuration is reloaded, metrics and the page are fetched, and single probes are asked for. It prints what
the process takes of the machine, again and again, and ends with 1 when any of it is more at the end than after warming up.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import logging
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp

from exporter import trust
from exporter.config import Config, Limits
from exporter.model import Mode, Policy, Target
from exporter.serve.running import Address, Running, Settings, running
from exporter.serve.storage import Storage

GOOD, HOSTILE = 240, 160
INTERVAL = 1.0
"""Seconds; the probes that this machine cannot do in time are skipped."""
WARM = 0.3
"""Part of the run after which memory should have levelled off."""
SLACK_RSS = 1.15
SLACK = 60
"""Descriptors and tasks: those of the probes under way come and go."""


@dataclass(frozen=True)
class Sample:
    """What the process takes at one moment; `rss` is MiB."""

    seconds: float
    probes: int
    rss: float
    descriptors: int
    tasks: int
    threads: int

    def __str__(self) -> str:
        return (
            f"{self.seconds:6.0f} s {self.probes:8d} probes {self.rss:7.1f} MiB "
            f"{self.descriptors:5d} descriptors {self.tasks:5d} tasks {self.threads:4d} threads"
        )


@contextlib.asynccontextmanager
async def servers() -> AsyncIterator[Sequence[tuple[int, str]]]:
    """Ports and modes of the servers."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.soak.servers", str(GOOD), str(HOSTILE),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout
    try:
        yield json.loads(await process.stdout.readline())
    finally:
        process.kill()
        await process.wait()


def targets(ports: Sequence[tuple[int, str]], round_: int) -> tuple[Target, ...]:
    """The targets; one of ten is configured differently in each round."""
    made = [
        Target(
            name=f"t{number}",
            host="127.0.0.1",
            port=port,
            mode=Mode(mode),
            names=("mail.example.org",),
            interval=INTERVAL,
            timeout=2.0,
            ehlo_name="soak.test",
            policy=Policy(),
        )
        for number, (port, mode) in enumerate(ports)
    ]
    return tuple(
        replace(target, timeout=2.0 + round_ % 7 / 10) if number % 10 == round_ % 10 else target
        for number, target in enumerate(made)
    )


async def probes(session: aiohttp.ClientSession, url: str) -> int:
    """How many have ended, by /metrics."""
    async with session.get(url + "metrics") as answer:
        text = await answer.text()
    line = next(line for line in text.splitlines() if line.startswith("smtp_tls_exporter_probes_total "))
    return int(float(line.rpartition(" ")[2]))


async def disturb(session: aiohttp.ClientSession, url: str) -> None:
    """What other people do meanwhile, without end."""
    while True:
        for path in ("", "metrics", "sd", f"probe?target=t{random.randrange(GOOD)}"):
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(url + path) as answer:
                    await answer.read()
        async with session.post(url + "-/reload") as answer:
            assert answer.status == 200, await answer.text()
        await asyncio.sleep(1)


def sample(began: float, count: int) -> Sample:
    """What the process takes now."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return Sample(
        time.monotonic() - began,
        count,
        pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
        len(list(Path("/proc/self/fd").iterdir())),
        len(asyncio.all_tasks()),
        threading.active_count(),
    )


async def observe(daemon: Running, most: int, seconds: float) -> Sequence[Sample]:
    """Samples over the whole run."""
    began, url = time.monotonic(), daemon.urls[0]
    taken: list[Sample] = []
    async with aiohttp.ClientSession() as session:
        disturbing = asyncio.create_task(disturb(session, url))
        while not taken or (taken[-1].probes < most and taken[-1].seconds < seconds):
            await asyncio.sleep(min(seconds / 20, 15))
            taken.append(sample(began, await probes(session, url)))
            print(taken[-1], flush=True)
            if disturbing.done():
                disturbing.result()
        disturbing.cancel()
    return taken


def grown(taken: Sequence[Sample]) -> Sequence[str]:
    """What there was more of at the end than after warming up."""
    warm = [one for one in taken if one.seconds >= taken[-1].seconds * WARM]
    quarter = max(len(warm) // 4, 1)
    first, last = warm[:quarter], warm[-quarter:]

    def ends(what: str) -> tuple[float, float]:
        before, after = (statistics.median(getattr(one, what) for one in part) for part in (first, last))
        return before, after

    before, after = ends("rss")
    found = ["memory"] if after > SLACK_RSS * before else []
    for what in ("descriptors", "tasks", "threads"):
        before, after = ends(what)
        found += [what] if after > before + SLACK else []
    return found


async def soak(most: int, seconds: float) -> int:
    """Run; returns the exit status."""
    rounds = iter(range(10**9))
    async with servers() as ports:
        limits = Limits(concurrency=100, per_host=100)
        first = Config(
            path=Path("soak"), targets=targets(ports, 0), stores={"system": trust.system()}, limits=limits
        )
        with tempfile.TemporaryDirectory() as place:
            settings = Settings(listen=[Address("127.0.0.1", 0)], storage=Storage(Path(place, "store")))
            again = lambda: replace(first, targets=targets(ports, next(rounds)))  # noqa: E731 - one line
            async with running(first, settings, again) as daemon:
                taken = await observe(daemon, most, seconds)
    found = grown(taken)
    print(f"{taken[-1].probes} probes; " + (f"grown: {', '.join(found)}" if found else "nothing has grown"))
    return 1 if found else 0


def main() -> int:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--probes", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=290.0)
    given = parser.parse_args()
    logging.disable()
    return asyncio.run(soak(given.probes, given.seconds))


if __name__ == "__main__":
    sys.exit(main())
