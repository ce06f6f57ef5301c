"""What the setting aside of kept results rests on: nothing of ours leaves cycles of objects behind."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import aiohttp
import pytest

from exporter import trust
from exporter.config import load
from exporter.demo import Demo
from exporter.serve import collecting
from exporter.serve.running import Settings, running
from tests.serve.test_running import HERE


@pytest.fixture
def left_behind() -> Iterator[Callable[[], Mapping[str, int]]]:
    """What only the collector would free, by its type, of all that happens in the test so far."""
    gc.collect()
    gc.disable()
    threshold = gc.get_threshold()

    def found() -> Mapping[str, int]:
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        kinds = Counter(type(one).__name__ for one in gc.garbage)
        gc.garbage.clear()
        gc.set_debug(0)
        return kinds

    yield found
    gc.set_debug(0)
    gc.set_threshold(*threshold)
    gc.unfreeze()
    gc.enable()


async def test_probes_leave_no_cycles(left_behind: Callable[[], Mapping[str, int]]) -> None:
    """Probes of every server of the demo, again and again: of our objects none waits for the collector, nor a connection."""
    async with Demo() as demo:
        config = load(demo.config_path, trust.load)
        async with asyncio.timeout(60), running(config, Settings(listen=[HERE])) as daemon:
            async with aiohttp.ClientSession() as session:
                for _ in range(3):
                    for target in config.targets:
                        async with session.get(
                            f"{daemon.urls[0]}probe", params={"target": target.name}
                        ) as answer:
                            assert answer.status == 200
            ours = {
                kind: number
                for kind, number in left_behind().items()
                if kind
                in {"Result", "Observation", "Verdict", "Entry", "TlsClient", "Connection", "_Conversation"}
            }
    assert not ours


def test_reading_a_configuration_leaves_no_cycles(
    left_behind: Callable[[], Mapping[str, int]], tmp_path: Path
) -> None:
    """However many targets there are."""
    path = tmp_path / "config.yaml"
    targets = "".join(f"  - {{host: mx{number}.example.org}}\n" for number in range(200))
    path.write_text(f"targets:\n{targets}")
    load(path, trust.load)
    left_behind()
    load(path, trust.load)
    assert not left_behind()


def test_what_is_kept_is_set_aside() -> None:
    """After some hundred results the collector does not look at them any more, and works again after a reload."""
    keeping, kept = collecting.Keeping(), []
    try:
        for _ in range(collecting.KEPT):
            kept.append([object()])
            keeping.kept()
        before = gc.get_freeze_count()
        assert before > collecting.KEPT
        with collecting.nothing_collected():
            assert not gc.isenabled()
            looks = sum(generation["collections"] for generation in gc.get_stats())
            for _ in range(collecting.KEPT):
                keeping.kept()
            assert looks == sum(generation["collections"] for generation in gc.get_stats())
        assert gc.isenabled()
    finally:
        gc.unfreeze()
