"""The daemon's life, with the real pipeline and the demo's servers on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter import trust
from exporter.config import Config, load
from exporter.demo import Demo
from exporter.model import Mode, Policy, Target
from exporter.serve import running as running_module
from exporter.serve.running import Address, ListenError, Running, Settings, running, urls
from exporter.serve.shard import Shard

HERE = Address("127.0.0.1", 0)


async def fetch(daemon: Running, path: str, **query: str) -> tuple[int, str]:
    """Status and text of an answer."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(daemon.urls[0] + path, params=query) as response,
    ):
        return response.status, await response.text()


async def fetch_when(daemon: Running, path: str, count: int, part: str) -> str:
    """The text once it holds a part a number of times."""
    while True:
        _, text = await fetch(daemon, path)
        if text.count(part) == count:
            return text


def problems(text: str) -> Mapping[str, set[str]]:
    """Of each target in an exposition, the problems that it has."""
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "smtp_tls_problem":
                having = found.setdefault(sample.labels["target"], set())
                if sample.value:
                    having.add(sample.labels["problem"])
    return found


@asynccontextmanager
async def silent_server() -> AsyncIterator[int]:
    """A port whose server accepts connections and never says a word."""
    open_connections = contextlib.ExitStack()

    def accept(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_connections.callback(writer.close)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    with open_connections:
        yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


def silent_target(port: int) -> Target:
    """A target that would hang for a minute."""
    return Target(
        name="silent", host="127.0.0.1", port=port, mode=Mode.TLS, timeout=60.0, policy=Policy(stores=())
    )


async def test_the_demo_is_watched_and_judged() -> None:
    """Every server of the demo gets exactly its own problems, on /metrics and on /probe alike."""
    async with Demo() as demo:
        config = await asyncio.to_thread(load, demo.config_path, trust.load)
        expected = {case.name: {str(kind) for kind in case.problems} for case in demo.cases}
        async with running(config, Settings(listen=[HERE])) as daemon:
            text = await fetch_when(daemon, "metrics", len(expected), "\nsmtp_tls_state{")
            assert problems(text) == expected
            for name, wrong in expected.items():
                status, text = await fetch(daemon, "probe", target=name)
                assert (status, problems(text)) == (200, {name: wrong})
            assert (await fetch(daemon, "-/ready"))[0] == 200
            page = (await fetch(daemon, ""))[1]
            assert all(name in page for name in expected)


async def test_stopping_does_not_wait_for_what_hangs() -> None:
    """Neither a scheduled probe nor a /probe request that hangs keeps the daemon from ending."""
    async with silent_server() as port:
        config = Config(path=Path("config.yaml"), targets=(silent_target(port),))
        async with asyncio.timeout(30), running(config, Settings(listen=[HERE])) as daemon:
            asking = asyncio.create_task(fetch(daemon, "probe", target="silent"))
            text = ""
            while "smtp_tls_exporter_probes_in_flight 2.0" not in text:
                _, text = await fetch(daemon, "metrics")
        with pytest.raises(aiohttp.ClientError):
            await asking
        assert daemon.schedule.cancelled()


async def test_a_probe_ends_before_the_scrape_does() -> None:
    """The answer comes in time and names the timeout, although the target's own would be longer."""
    async with silent_server() as port:
        config = Config(path=Path("config.yaml"), targets=(silent_target(port),))
        async with running(config, Settings(listen=[HERE], timeout_offset=0.0)) as daemon:
            headers = {"X-Prometheus-Scrape-Timeout-Seconds": "0.3"}
            url = f"{daemon.urls[0]}probe"
            async with (
                aiohttp.ClientSession(headers=headers) as session,
                session.get(url, params={"target": "silent"}) as response,
            ):
                text = await response.text()
    assert response.status == 200
    assert "\nprobe_success 0\n" in text
    assert 'reason="timeout"} 1' in text


async def test_several_addresses_are_listened_on() -> None:
    """The flag is repeatable."""
    config = Config(path=Path("config.yaml"))
    settings = Settings(listen=[HERE, Address("127.0.0.2", 0)])
    async with running(config, settings) as daemon:
        assert [url.rpartition(":")[0] for url in daemon.urls] == ["http://127.0.0.1", "http://127.0.0.2"]
        for url in daemon.urls:
            async with aiohttp.ClientSession() as session, session.get(url) as response:
                assert response.status == 200


async def test_an_address_in_use_is_named() -> None:
    """The error says which address and why, and nothing is left listening."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = Address("127.0.0.1", taken.getsockname()[1])
        config = Config(path=Path("config.yaml"))
        with pytest.raises(ListenError, match=rf"^cannot listen on {address}: Address already in use$"):
            async with running(config, Settings(listen=[address])):
                pytest.fail("it listens twice")


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ([("127.0.0.1", 1)], ("http://127.0.0.1:1/",)),
        ([("0.0.0.0", 10465), ("::", 10465, 0, 0)], ("http://localhost:10465/",)),
        ([("::1", 2, 0, 0)], ("http://[::1]:2/",)),
    ],
    ids=["ipv4", "everywhere", "ipv6"],
)
def test_urls_can_be_clicked(names: list[tuple[str | int, ...]], shown: tuple[str, ...]) -> None:
    """A person is never shown a wildcard address."""
    assert urls(names) == shown


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\nA: "], ids=["none", "half", "endless"]
)
async def test_a_client_that_dawdles_is_cut_off(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    """A connection without a whole request is closed in the end."""
    monkeypatch.setattr(running_module, "IDLE", 0.2)
    async with asyncio.timeout(30), running(Config(path=Path("c")), Settings(listen=[HERE])) as daemon:
        port = int(daemon.urls[0].rsplit(":", 1)[1].strip("/"))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        await reader.read()
        writer.close()


async def test_a_shard_has_its_share() -> None:
    """Two processes with one configuration probe every target once between them."""
    targets = tuple(
        Target(name=f"t{n}", host="127.0.0.1", port=1, policy=Policy(stores=())) for n in range(40)
    )
    config, seen = Config(path=Path("c"), targets=targets), []
    for index in range(2):
        settings = Settings(listen=[HERE], shard=Shard(index, 2))
        async with running(config, settings) as daemon:
            _, listed = await fetch(daemon, "sd")
            names = [group["targets"][0] for group in json.loads(listed)]
            await fetch_when(daemon, "metrics", len(names), "\nsmtp_tls_state{")
            seen += names
            assert 0 < len(names) < 40
    assert sorted(seen) == sorted(target.name for target in targets)
