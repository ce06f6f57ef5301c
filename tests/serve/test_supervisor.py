"""What systemd hears, at a socket of the kind that it has."""

from __future__ import annotations

import asyncio
import math
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.model import Policy, Result, Target
from exporter.serve.board import Board
from exporter.serve.limits import Limits
from exporter.serve.scheduler import Scheduler
from exporter.serve.statistics import Statistics
from exporter.serve.supervisor import Supervisor, supervisor
from tests.processes import PATIENCE, running


@pytest.fixture(params=["path", "abstract"])
def listening(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A socket like systemd's, and its name as the environment has it."""
    name = f"@smtp-tls-{os.getpid()}" if request.param == "abstract" else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(name.replace("@", "\0", 1))
        made.settimeout(PATIENCE)
        yield made, name


def heard(listening: socket.socket) -> dict[str, str]:
    """The next message."""
    return dict(line.split("=", 1) for line in listening.recv(4096).decode().splitlines())


def until(listening: socket.socket, key: str) -> dict[str, str]:
    """The next message with this key."""
    while key not in (message := heard(listening)):
        pass
    return message


def test_a_whole_life(listening: tuple[socket.socket, str], tmp_path: Path) -> None:
    """READY when it answers, WATCHDOG from the schedule, RELOADING and READY again, STOPPING at the end."""
    told, name = listening
    config = tmp_path / "config.yaml"
    config.write_text("defaults: {trust_stores: [], revocation: []}\ntargets: [{host: 127.0.0.1, port: 1}]\n")
    command = [
        sys.executable,
        "-m",
        "exporter",
        "--web.listen-address=127.0.0.1:0",
        f"--config.file={config}",
    ]
    environment = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "400000"}
    with running(command, log=tmp_path / "log", env=environment) as daemon:
        assert "1 targets" in until(told, "READY")["STATUS"]
        assert "STATUS" in until(told, "WATCHDOG")
        daemon.process.send_signal(signal.SIGHUP)
        assert int(until(told, "RELOADING")["MONOTONIC_USEC"]) > 0
        assert until(told, "READY")["STATUS"] == "Reloaded"
        config.write_text("targets: 7")
        daemon.process.send_signal(signal.SIGHUP)
        assert "mistakes" in until(told, "READY")["STATUS"]
        until(told, "WATCHDOG")
        daemon.process.send_signal(signal.SIGTERM)
        until(told, "STOPPING")
        assert daemon.process.wait(PATIENCE) == 0


async def test_the_schedule_and_nothing_else_feeds_the_watchdog() -> None:
    """It is fed while nothing is due and while servers that hang have all slots, but not when the schedule stops."""
    beats: list[int] = []

    async def hang(target: Target, **_: object) -> tuple[Result, ...]:
        await asyncio.Event().wait()
        raise AssertionError(target)

    targets = [Target(name=f"t{n}", host="127.0.0.1", port=n + 1, policy=Policy(stores=())) for n in range(3)]
    scheduler = Scheduler(
        targets, hang, Board(targets), limits=Limits(1), statistics=Statistics(),
        pulse=0.01, beat=lambda: beats.append(1),
    )  # fmt: skip
    task = asyncio.create_task(scheduler.run())
    async with asyncio.timeout(PATIENCE):
        while len(beats) < 20:  # noqa: ASYNC110 - what is counted has no event
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    stopped = len(beats)
    await asyncio.sleep(0.1)
    assert len(beats) == stopped


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"NOTIFY_SOCKET": ""},
        {"NOTIFY_SOCKET": "vsock:2:1234"},
        {"NOTIFY_SOCKET": "/nowhere/at/all", "WATCHDOG_USEC": "x"},
        {"NOTIFY_SOCKET": "/nowhere/at/all", "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"},
    ],
    ids=["none", "empty", "another kind", "no number", "another process"],
)
def test_nobody_watches(environment: dict[str, str]) -> None:
    """Without a supervisor, or with one that cannot be reached, nothing happens."""
    made = supervisor(environment)
    assert math.isinf(made.pulse)
    made.ready("fine")
    made.alive("fine")


def test_half_of_the_time_that_the_watchdog_allows() -> None:
    """As systemd recommends."""
    assert supervisor({"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "3000000"}) == Supervisor("/x", 1.5)
