"""Asking for URLs that somebody else wrote, against real servers on loopback."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from exporter import __version__
from exporter.demo.authority import Issued
from exporter.evidence.failures import FetchFailure, FetchReason
from exporter.evidence.http import HttpClient
from tests.evidence.asking import LIMIT, Names, client, get, reason
from tests.evidence.conftest import PRIVATE, PUBLIC
from tests.evidence.website import Site, Visit, answer, silent, website


async def test_a_body(site: Site) -> None:
    """The bytes of a page are given as they are."""
    assert await get(site.put("/ca.crt", answer(b"\x30\x82\x00"))) == b"\x30\x82\x00"


async def test_the_request(site: Site) -> None:
    """We say who we are and ask for plain bytes; we show no cookies, and no password from a .netrc."""
    url = site.put("/ca.crt", answer(b"body", "Set-Cookie: id=1"))
    async with client("127.0.0.0/8") as http:
        await http.get(url, asked_by=PUBLIC, limit=LIMIT)
        await http.get(url, asked_by=PUBLIC, limit=LIMIT)
    assert [visit.headers for visit in site.visits] == 2 * [
        {
            "": "",
            "host": f"127.0.0.1:{site.port}",
            "user-agent": f"smtp-tls-exporter/{__version__}",
            "accept": "*/*",
            "accept-encoding": "identity",
        }
    ]


async def test_no_proxy_from_the_environment(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment's proxy does not see our requests: it would resolve names past our rules."""
    async with website() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url(""))
        monkeypatch.setenv("no_proxy", "")
        assert await get(site.put("/ca.crt", answer(b"body"))) == b"body"
        assert not proxy.connections


async def test_the_limit_is_inclusive(site: Site) -> None:
    """A body of exactly the limit is given, one byte more is not."""
    assert await get(site.put("/fits", answer(bytes(LIMIT)))) == bytes(LIMIT)
    assert reason(await get(site.put("/more", answer(bytes(LIMIT + 1))))) is FetchReason.TOO_LARGE


@pytest.mark.parametrize("status", ["404 Not Found", "500 Oops", "204 No Content", "206 Partial", "304 Same"])
async def test_another_status(site: Site, status: str) -> None:
    """Only status 200 comes with what was asked for; the others are told."""
    outcome = await get(site.put("/ca.crt", answer(b"", status=status)))
    assert outcome == FetchFailure(FetchReason.HTTP_STATUS, f"the web server answered {status[:3]}")


# --- where it may go ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"],
)
@pytest.mark.parametrize("asked_by", [PUBLIC, PRIVATE], ids=["public-asker", "private-asker"])
async def test_no_loopback(site: Site, attempts: list[str], host: str, asked_by: str) -> None:
    """No spelling of a loopback address gets a connection, let alone a request."""
    outcome = await get(site.url("/", host), "192.0.2.0/24", asked_by=asked_by)
    assert reason(outcome) is FetchReason.FORBIDDEN_ADDRESS
    assert not attempts
    assert not site.connections


@pytest.mark.parametrize(
    "host",
    ["169.254.169.254", "[::ffff:169.254.169.254]", "[fd00:ec2::254]", "100.100.100.200", "0xa9fea9fe"],
)
async def test_no_metadata(attempts: list[str], host: str) -> None:
    """Cloud metadata services are not asked, not even for a private server."""
    outcome = await get(f"http://{host}/latest/meta-data/", asked_by=PRIVATE)
    assert reason(outcome) is FetchReason.FORBIDDEN_ADDRESS
    assert not attempts


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001"])
async def test_an_allowed_network_in_any_spelling(site: Site, host: str) -> None:
    """The rule is about the address, so an odd spelling of an allowed one is allowed."""
    site.put("/ca.crt", answer(b"body"))
    assert await get(site.url("/ca.crt", host)) == b"body"


async def test_a_name_that_leads_to_loopback(site: Site, attempts: list[str]) -> None:
    """A name is judged by its addresses."""
    names = Names(inside=[["127.0.0.1", "::1"]])
    outcome = await get(site.url("/", "inside.example"), "192.0.2.0/24", names=names)
    assert reason(outcome) is FetchReason.FORBIDDEN_ADDRESS
    assert isinstance(outcome, FetchFailure)
    assert outcome.detail == ("inside.example: 127.0.0.1 is a loopback address; ::1 is a loopback address")
    assert not attempts
    assert not site.connections


async def test_only_the_allowed_addresses_of_a_name(site: Site, attempts: list[str]) -> None:
    """Of a name's addresses those are tried that are allowed, and the others are not."""
    site.put("/ca.crt", answer(b"body"))
    names = Names(mixed=[["10.0.0.1", "169.254.169.254", "127.0.0.1", "fd00::1"]])
    assert await get(site.url("/ca.crt", "mixed.example"), names=names) == b"body"
    assert attempts == ["127.0.0.1"]


async def test_a_name_that_changes(site: Site, attempts: list[str]) -> None:
    """The address that was judged is the one that is connected to: the name is not asked again."""
    site.put("/ca.crt", answer(b"body"))
    names = Names(rebinding=[["127.0.0.1"], ["127.0.0.2"]])
    assert await get(site.url("/ca.crt", "rebinding.example"), "127.0.0.1", names=names) == b"body"
    assert names.asked == ["rebinding.example"]
    assert attempts == ["127.0.0.1"]


async def test_a_name_that_turns_inwards(site: Site, attempts: list[str]) -> None:
    """A name that was allowed once is judged anew for the next connection."""
    site.put("/ca.crt", answer(b"body"))
    names = Names(rebinding=[["127.0.0.1"], ["169.254.169.254"]])
    url = site.url("/ca.crt", "rebinding.example")
    async with client("127.0.0.1", names=names) as http:
        assert await http.get(url, asked_by=PRIVATE, limit=LIMIT) == b"body"
        outcome = await http.get(url, asked_by=PRIVATE, limit=LIMIT)
    assert reason(outcome) is FetchReason.FORBIDDEN_ADDRESS
    assert attempts == ["127.0.0.1"]


async def test_each_kind_of_asker_has_its_own_connections(site: Site, attempts: list[str]) -> None:
    """A connection that a private server's certificate opened is not used again for a public one's."""
    site.put("/ca.crt", silent(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"))  # stays open
    names = Names(inside=[["127.0.0.1"], ["10.0.0.1"]])
    url = site.url("/ca.crt", "inside.example")
    async with client("127.0.0.1", names=names) as http:
        assert await http.get(url, asked_by=PRIVATE, limit=LIMIT) == b"body"
        outcome = await http.get(url, asked_by=PUBLIC, limit=LIMIT)
    assert reason(outcome) is FetchReason.FORBIDDEN_ADDRESS
    assert attempts == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), FetchReason.NAME_NOT_RESOLVED),
        (socket.gaierror(socket.EAI_AGAIN, "Try again"), FetchReason.NAME_NOT_RESOLVED),
        (UnicodeError("label too long"), FetchReason.BAD_URL),
    ],
    ids=["not-found", "no-answer", "no-name"],
)
async def test_names_without_addresses(error: Exception, expected: FetchReason) -> None:
    """A name that cannot be resolved is a failure that says so."""

    def look_up(name: str) -> Sequence[str]:
        raise error

    async with HttpClient(look_up=look_up) as http:
        outcome = await http.get("http://pki.example/", asked_by=PUBLIC, limit=LIMIT)
    assert reason(outcome) is expected


async def test_a_name_with_no_address() -> None:
    """An empty answer from the resolver is a failure too."""
    outcome = await get("http://empty.example/", names=Names(empty=[[]]))
    assert reason(outcome) is FetchReason.FORBIDDEN_ADDRESS


async def test_a_closed_port(free_port: Callable[[], int]) -> None:
    """A refused connection is told."""
    outcome = await get(f"http://127.0.0.1:{free_port()}/")
    assert reason(outcome) is FetchReason.CONNECTION_FAILED


async def test_https_that_is_none() -> None:
    """With https among the schemes it is spoken, and a server that speaks HTTP there is told of."""

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    assert reason(await get_https(greet)) is FetchReason.TLS_FAILED


async def test_https_without_trust(leaf: Issued, tmp_path: Path) -> None:
    """Over https the server's certificate counts."""
    file = tmp_path / "server.pem"
    file.write_text(leaf.key_pem + leaf.pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file)

    async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    assert reason(await get_https(close, context)) is FetchReason.TLS_FAILED


async def get_https(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    context: ssl.SSLContext | None = None,
) -> bytes | FetchFailure:
    """Ask such a server for an https URL."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with server, client("127.0.0.0/8") as http:
        return await http.get(url, asked_by=PUBLIC, limit=LIMIT, schemes=("http", "https"))


async def test_a_fault_of_ours_is_an_answer(caplog: pytest.LogCaptureFixture) -> None:
    """An error that nobody thought of ends the fetch, not the probe, and is logged."""

    def look_up(name: str) -> Sequence[str]:
        raise RuntimeError("a bug")

    async with HttpClient(look_up=look_up) as http:
        outcome = await http.get("http://pki.example/", asked_by=PUBLIC, limit=LIMIT)
    assert outcome == FetchFailure(FetchReason.INTERNAL_ERROR, "a bug")
    assert [record.levelname for record in caplog.records] == ["ERROR"]


async def test_cancelling_is_not_swallowed(site: Site) -> None:
    """A cancelled caller is cancelled."""
    arrived = asyncio.Event()

    async def page(visit: Visit) -> None:
        arrived.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(get(site.put("/ca.crt", page)))
    await arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
