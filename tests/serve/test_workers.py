"""Processes that probe: they see what one process sees, and none of them is missed when it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.demo import Demo
from exporter.model import (
    AuthMechanism,
    Exchange,
    Failure,
    KeyType,
    Login,
    Mode,
    Observation,
    Reason,
    Reply,
    SmtpFacts,
    Stage,
    Target,
    TlsFacts,
    Transaction,
    TransactionFacts,
)
from exporter.probe.stream import look
from exporter.serve import wire
from exporter.serve import workers as workers_module
from exporter.serve.workers import Workers
from tests.processes import children
from tests.serve.test_discovery import until

TEXTS = st.text(max_size=20)
OBSERVATIONS = st.builds(
    Observation,
    address=st.just("192.0.2.1"),
    stage=st.sampled_from(Stage),
    failure=st.none() | st.builds(Failure, st.sampled_from(Stage), st.sampled_from(Reason), TEXTS),
    smtp=st.builds(
        SmtpFacts,
        st.lists(
            st.builds(
                Exchange,
                TEXTS,
                st.none() | st.builds(Reply, st.integers(200, 599), st.lists(TEXTS, min_size=1).map(tuple)),
            ),
            max_size=3,
        ).map(tuple),
        st.lists(TEXTS, max_size=3).map(tuple),
        st.sampled_from([None, True, False]),
        st.binary(max_size=9),
    ),
    tls=st.none()
    | st.builds(TlsFacts, TEXTS, st.none() | TEXTS, st.none() | st.integers(0, 512), st.none() | TEXTS),
    chain=st.lists(st.binary(max_size=30), max_size=3).map(tuple),
    staple=st.binary(max_size=9),
    transaction=st.none()
    | st.builds(
        TransactionFacts,
        success=st.booleans(),
        codes=st.dictionaries(TEXTS, st.integers(200, 599)),
        detail=TEXTS,
    ),
)
PHASES = st.dictionaries(st.sampled_from(Stage), st.floats(0, 99))
LOGIN = Login(username="me", password="secret", mechanism=AuthMechanism.LOGIN)
TARGETS = {
    "plain": Target(name="", host=""),
    "implicit": Target(name="", host="", port=465, mode=Mode.TLS, sni="mx.example.org", key_type=KeyType.RSA),
    "transaction": Target(
        name="",
        host="",
        ehlo_name="me.example.org",
        transaction=Transaction(mail_from="", rcpt_to="a@b.example"),
    ),
    "account": Target(
        name="", host="", transaction=Transaction(mail_from="", rcpt_to="a@b.example", send=True, login=LOGIN)
    ),
}


def sent(message: wire.Plain, step: int = 7) -> list[wire.Plain]:
    """What arrives of a message in pieces of some size."""
    frames, data = wire.Frames(), wire.frame(message)
    return [one for at in range(0, len(data), step) for one in frames.feed(data[at : at + step])]


@given(OBSERVATIONS, PHASES)
def test_observations_arrive_as_they_were(seen: Observation, took: dict[Stage, float]) -> None:
    """Whatever was seen is the same on the other side, in whatever pieces it comes."""
    whole, _ = wire.pack_observation(seen)
    ((arrived, phases),) = sent((whole, wire.pack_phases(took)))
    assert wire.unpack_observation(arrived, seen.address) == seen
    assert wire.unpack_phases(phases) == took


@given(OBSERVATIONS, OBSERVATIONS)
def test_digests_tell_observations_apart(one: Observation, other: Observation) -> None:
    """The digest is the same exactly when they are equal but for the address."""
    same = one == replace(other, address=one.address)
    assert (wire.pack_observation(one)[1] == wire.pack_observation(other)[1]) == same


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_targets_arrive_as_they_were(target: Target) -> None:
    """All that a look needs to know of a target is told."""
    assert wire.unpack_target(sent(wire.pack_target(target))[0]) == target


@asynccontextmanager
async def several(count: int = 2) -> AsyncIterator[Workers]:
    """That many workers, all of them started."""
    async with asyncio.timeout(60), Workers(count).started() as workers:
        await until(lambda: workers.running == count)
        yield workers


async def test_they_see_what_one_process_sees() -> None:
    """Each server of the demo is seen by a worker as by this process, the second time, too."""
    async with Demo() as demo, several() as workers:
        for case in demo.cases:
            server = demo.servers[case.name]
            target = Target(
                name=case.name, host=server.host, port=server.port, mode=case.mode, sni=case.expects,
                ehlo_name="monitor.test",
            )  # fmt: skip
            here, took = await look(target, server.host, timeout=10)
            for _ in range(2):
                there, took_there = await workers.look(target, server.host, timeout=10)
                assert took_there.keys() == took.keys()
                assert replace(there, smtp=here.smtp) == here
                assert [one.command for one in there.smtp.exchanges] == [
                    one.command for one in here.smtp.exchanges
                ]


async def test_what_is_the_same_is_one_object() -> None:
    """What was seen before is not kept twice, but how long it took is told anew."""
    async with Demo() as demo, several(1) as workers:
        server = demo.servers["healthy"]
        target = Target(name="healthy", host=server.host, port=server.port, ehlo_name="monitor.test")
        first, second = [await workers.look(target, server.host, timeout=10) for _ in range(2)]
        assert second[0] is first[0]
        assert second[1] is not first[1]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the children are found in /proc")
async def test_a_killed_worker_is_replaced(caplog: pytest.LogCaptureFixture) -> None:
    """What it was looking at is looked at by another, and there are as many as before."""
    async with Demo() as demo, several() as workers:
        server = demo.servers["healthy"]
        target = Target(name="healthy", host=server.host, port=server.port, ehlo_name="monitor.test")
        for _ in range(3):
            looks = [asyncio.create_task(workers.look(target, server.host, timeout=10)) for _ in range(20)]
            await asyncio.sleep(0.01)
            for pid in children(os.getpid()):
                os.kill(pid, signal.SIGKILL)
            assert all(seen.chain for seen, _ in await asyncio.gather(*looks))
        await until(lambda: workers.running == 2)
        assert workers.restarts >= 4
    assert "a worker ended and is replaced" in caplog.text
    assert children(os.getpid()) == []


async def test_who_kills_every_worker_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look that ends one worker after the other ends as a fault of this program, and nothing hangs."""
    monkeypatch.setattr(workers_module, "PAUSE", 0.01)
    dying = (sys.executable, "-c", "import sys; sys.stdin.buffer.read(1)")
    async with asyncio.timeout(60), Workers(2, dying).started() as workers:
        seen, _ = await workers.look(TARGETS["plain"], "127.0.0.1", timeout=5)
    assert seen.failure is not None
    assert seen.failure.reason is Reason.INTERNAL_ERROR


async def test_a_worker_that_hangs_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that does not answer long after it should have is ended."""
    monkeypatch.setattr(workers_module, "OVERDUE", 0.1)
    monkeypatch.setattr(workers_module, "PAUSE", 0.01)
    hanging = (sys.executable, "-c", "import time; time.sleep(600)")
    async with asyncio.timeout(60), Workers(1, hanging).started() as workers:
        seen, _ = await workers.look(TARGETS["plain"], "127.0.0.1", timeout=0.1)
        assert workers.restarts >= 2
    assert seen.failure is not None
    assert "3 workers ended" in seen.failure.detail


async def test_a_look_that_is_called_off_ends_there_too() -> None:
    """The server sees the connection end, as the limits on its connections suppose."""
    met, left = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.set()
        assert await reader.read() == b""
        left.set()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1") as server, several(1) as workers:
        port = server.sockets[0].getsockname()[1]
        target = Target(name="silent", host="127.0.0.1", port=port, ehlo_name="monitor.test")
        looking = asyncio.create_task(workers.look(target, "127.0.0.1", timeout=30))
        await met.wait()
        looking.cancel()
        await left.wait()


async def test_a_program_that_cannot_be_started_is_told(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is tried again and again, and the end is not held up."""
    monkeypatch.setattr(workers_module, "PAUSE", 0.01)
    async with asyncio.timeout(60), Workers(1, (str(tmp_path / "none"),)).started():
        await until(lambda: "a worker cannot be started" in caplog.text)
