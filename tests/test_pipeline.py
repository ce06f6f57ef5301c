"""The whole way from a target to its results, against the demo's servers."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from ipaddress import ip_network

import pytest

from exporter import gathering, pipeline, trust
from exporter.demo import Demo
from exporter.demo.cases import CASES, Case
from exporter.evidence.ways import Evidence
from exporter.model import (
    Addresses,
    IssuerAnswer,
    Policy,
    Reason,
    RevocationMethod,
    Stage,
    Target,
    TrustStore,
)
from exporter.model import ProblemKind as P
from exporter.pipeline import examine
from tests.peers import Peer, silence


@pytest.fixture
async def demo() -> AsyncIterator[Demo]:
    """The running demo."""
    async with Demo() as running:
        yield running


@pytest.fixture
def stores(demo: Demo) -> dict[str, TrustStore]:
    """The demo's trust store."""
    return {"contoso": trust.load("contoso", "pem", (demo.root_path,))}


def target(demo: Demo, name: str) -> Target:
    """One of the demo's servers."""
    case = next(case for case in CASES if case.name == name)
    return Target(
        name=name,
        host="127.0.0.1",
        port=demo.servers[name].port,
        mode=case.mode,
        names=(case.expects,),
        sni=case.expects,
        ehlo_name="monitor.test",
        timeout=5,
        policy=Policy(stores=("contoso",), revocation=tuple(RevocationMethod) if case.revoked else ()),
    )


@pytest.fixture
async def evidence() -> AsyncIterator[Evidence]:
    """All that can be fetched from this machine."""
    async with gathering.sources(30.0, [ip_network("127.0.0.0/8")]) as sources:
        yield gathering.evidence(sources)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_every_demo_case(
    case: Case, demo: Demo, stores: dict[str, TrustStore], evidence: Evidence
) -> None:
    """Each server of the demo has exactly the problems that it was made for."""
    (result,) = await examine(target(demo, case.name), stores, evidence=evidence)
    assert {problem.kind for problem in result.verdict.problems} == case.problems
    assert result.success is (case.leaf is not None)
    assert result.observation.address == "127.0.0.1"


async def test_phases_make_up_the_duration(demo: Demo, stores: dict[str, TrustStore]) -> None:
    """The duration is the sum of its phases, from resolving to verifying."""
    (result,) = await examine(target(demo, "healthy"), stores)
    assert list(result.phases) == [
        Stage.RESOLVE,
        Stage.CONNECT,
        Stage.GREETING,
        Stage.EHLO,
        Stage.STARTTLS,
        Stage.HANDSHAKE,
        Stage.VERIFY,
    ]
    assert result.duration == sum(result.phases.values())


async def test_last_certificate_outlives_a_failed_probe(demo: Demo, stores: dict[str, TrustStore]) -> None:
    """A server that had a certificate and is gone keeps it, with the time at which it was seen."""
    there = target(demo, "wrong-name")
    before = await examine(there, stores)
    await demo.servers["wrong-name"].stop()
    (after,) = await examine(there, stores, previous=before)
    (again,) = await examine(there, stores, previous=(after,))
    assert not again.success
    assert again.seen == before[0].observation
    assert again.seen_at == before[0].time
    assert {problem.kind for problem in again.verdict.problems} == {P.HOSTNAME_MISMATCH, P.UNREACHABLE}


def resolver(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Let every name resolve to these addresses."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in addresses]

    def answer(*_: object, **__: object) -> list[object]:
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return list(found)

    monkeypatch.setattr(socket, "getaddrinfo", answer)


async def test_all_addresses(
    demo: Demo, stores: dict[str, TrustStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `addresses: all` each address has its own result, a dead one too."""
    resolver(monkeypatch, "127.0.0.1", "127.0.0.77")
    named = replace(target(demo, "healthy"), host="mail.example.org")
    alive, dead = await examine(named, stores)
    assert (alive.observation.address, alive.success) == ("127.0.0.1", True)
    assert (dead.observation.address, dead.success) == ("127.0.0.77", False)


@pytest.mark.parametrize("order", [("127.0.0.77", "127.0.0.1"), ("127.0.0.1", "127.0.0.77")])
async def test_first_address_that_connects(
    demo: Demo, stores: dict[str, TrustStore], monkeypatch: pytest.MonkeyPatch, order: tuple[str, str]
) -> None:
    """With `addresses: first` a client's way is taken: the next address when one cannot be connected to."""
    resolver(monkeypatch, *order)
    named = replace(target(demo, "healthy"), host="mail.example.org", addresses=Addresses.FIRST)
    (result,) = await examine(named, stores)
    assert (result.observation.address, result.success) == ("127.0.0.1", True)


async def test_no_address_connects(
    stores: dict[str, TrustStore], monkeypatch: pytest.MonkeyPatch, free_port: Callable[[], int]
) -> None:
    """When none can be connected to, the last one's failure is told."""
    resolver(monkeypatch, "127.0.0.1", "127.0.0.77")
    nowhere = Target(
        name="x", host="mail.example.org", port=free_port(), addresses=Addresses.FIRST, ehlo_name="m.test"
    )
    nowhere = replace(nowhere, policy=Policy(stores=("contoso",)))
    (result,) = await examine(nowhere, stores)
    assert result.observation.address == "127.0.0.77"
    assert result.observation.failure is not None
    assert result.observation.failure.reason is Reason.CONNECTION_REFUSED


async def test_name_without_address(stores: dict[str, TrustStore], monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that does not resolve is one result without address, unreachable at stage resolve."""
    resolver(monkeypatch)
    lost = Target(name="x", host="mail.example.org", policy=Policy(stores=("contoso",)))
    (result,) = await examine(lost, stores)
    failure = result.observation.failure
    assert failure is not None
    assert (failure.stage, failure.reason) == (Stage.RESOLVE, Reason.NAME_NOT_FOUND)
    assert result.observation.address == ""
    assert [problem.kind for problem in result.verdict.problems] == [P.UNREACHABLE]


async def test_name_that_loses_its_addresses(
    demo: Demo, stores: dict[str, TrustStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The results of a name that no longer resolves stay with the addresses that it had."""
    resolver(monkeypatch, "127.0.0.1", "127.0.0.77")
    named = replace(target(demo, "healthy"), host="mail.example.org")
    before = await examine(named, stores)
    resolver(monkeypatch)
    after = await examine(named, stores, previous=before)
    assert [result.observation.address for result in after] == ["127.0.0.1", "127.0.0.77"]
    assert [result.seen is not None for result in after] == [True, False]
    assert not any(result.success for result in after)


async def test_the_gate_is_held_during_the_look(demo: Demo, stores: dict[str, TrustStore]) -> None:
    """The limits are asked for each address, and held until it has been looked at."""
    passed: list[str] = []

    @contextlib.asynccontextmanager
    async def gate(address: str) -> AsyncIterator[None]:
        passed.append(f"in {address}")
        yield
        passed.append(f"out {address}")

    await examine(target(demo, "healthy"), stores, gate=gate)
    assert passed == ["in 127.0.0.1", "out 127.0.0.1"]


async def test_waiting_at_the_gate_ends_with_the_callers_deadline(
    demo: Demo, stores: dict[str, TrustStore]
) -> None:
    """A caller's deadline holds even while other probes are in the way."""

    @contextlib.asynccontextmanager
    async def closed(_: str) -> AsyncIterator[None]:
        await asyncio.Event().wait()
        yield

    (result,) = await examine(target(demo, "healthy"), stores, gate=closed, timeout=0.05)
    assert result.observation.failure is not None
    assert result.observation.failure.reason is Reason.TIMEOUT


async def test_the_callers_deadline_holds_against_a_silent_server(stores: dict[str, TrustStore]) -> None:
    """The shorter of the target's and the caller's time counts."""
    async with Peer(silence()) as peer, asyncio.timeout(10):
        silent = Target(
            name="x", host="127.0.0.1", port=peer.port, policy=Policy(stores=("contoso",)), timeout=60
        )
        (result,) = await examine(silent, stores, timeout=0.2)
    assert result.observation.failure is not None
    assert (result.observation.failure.stage, result.observation.failure.reason) == (
        Stage.GREETING,
        Reason.TIMEOUT,
    )


async def test_missing_intermediate_is_fetched_and_named(demo: Demo, stores: dict[str, TrustStore]) -> None:
    """What the leaf's AIA URL gives proves the gap, and the certificate is named; nothing else is asked for."""
    asked: list[tuple[str, str]] = []

    async def fetch(url: str, asked_by: str) -> IssuerAnswer:
        asked.append((url, asked_by))
        return IssuerAnswer(url, (demo.pki.subordinate.der,))

    (result,) = await examine(
        target(demo, "missing-intermediate"), stores, evidence=Evidence(fetch_issuer=fetch)
    )
    assert asked == [(demo.issuer_url, "127.0.0.1")]
    assert result.verdict.stores[0].missing[0].der == demo.pki.subordinate.der
    assert result.verdict.chain_complete is False
    await examine(target(demo, "healthy"), stores, evidence=Evidence(fetch_issuer=fetch))
    assert len(asked) == 1


async def test_fetching_ends_with_the_callers_deadline(demo: Demo, stores: dict[str, TrustStore]) -> None:
    """An AIA server that never answers costs no more than the caller's time, and the cause stays."""

    async def fetch(url: str, asked_by: str) -> IssuerAnswer:
        await asyncio.Event().wait()
        raise AssertionError(url, asked_by)

    (result,) = await examine(
        target(demo, "missing-intermediate"), stores, evidence=Evidence(fetch_issuer=fetch), timeout=0.5
    )
    assert {problem.kind for problem in result.verdict.problems} == {P.MISSING_INTERMEDIATE}
    assert "no time was left" in result.verdict.problems[0].summary


async def test_a_refused_address_refuses_the_target() -> None:
    """Nothing is connected to where one address of a name must not be, not even the others."""
    connected: list[str] = []

    def gate(address: str) -> AbstractAsyncContextManager[None]:
        connected.append(address)
        return pipeline.open_gate(address)

    seen: list[Sequence[str]] = []

    def refusal(addresses: Sequence[str]) -> str | None:
        seen.append(addresses)
        return "127.0.0.1 is a loopback address"

    target = Target(name="x", host="127.0.0.1", port=1)
    with pytest.raises(pipeline.NotPermittedError, match="a loopback address"):
        await pipeline.examine(target, {}, gate=gate, refusal=refusal)
    assert (seen, connected) == ([("127.0.0.1",)], [])
