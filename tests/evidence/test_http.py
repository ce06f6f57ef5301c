"""Asking for URLs that somebody else wrote, against real servers on loopback."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from exporter import __version__
from exporter.demo.authority import Issued
from exporter.evidence.failures import FetchFailure, FetchReason
from exporter.evidence.http import MAX_REDIRECTS, HttpClient
from tests.evidence.conftest import PRIVATE, PUBLIC
from tests.evidence.website import Page, Site, Visit, answer, endless, raw, redirect, silent, website

LIMIT = 64 * 1024
MUCH_LESS_THAN_A_GIGABYTE = 64 << 20
"""Bytes; the kernel's buffers take some megabytes, whatever is read."""


class Names:
    """A name server: addresses by name, and what was asked. A name's answers come one after the other."""

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        self.answers = {name: list(several) for name, several in answers.items()}
        self.asked: list[str] = []

    def __call__(self, name: str) -> Sequence[str]:
        """The next answer."""
        self.asked.append(name)
        return self.answers[name.partition(".")[0]].pop(0)


def client(*allowed: str, timeout: float = 30.0, names: Names | None = None) -> HttpClient:
    """A client that may go to these networks."""
    networks = [ipaddress.ip_network(text) for text in allowed]
    return HttpClient(timeout, networks, look_up=names or Names())


async def get(
    url: str, *allowed: str, asked_by: str = PUBLIC, timeout: float = 30.0, names: Names | None = None
) -> bytes | FetchFailure:
    """Ask for one URL; loopback is allowed unless other networks are."""
    async with client(*(allowed or ["127.0.0.0/8"]), timeout=timeout, names=names) as http:
        return await http.get(url, asked_by=asked_by, limit=LIMIT)


def reason(outcome: bytes | FetchFailure) -> FetchReason:
    """Why it failed."""
    assert isinstance(outcome, FetchFailure), outcome
    assert outcome.detail.isascii()
    assert outcome.detail.isprintable()
    assert 0 < len(outcome.detail) <= 200
    return outcome.reason


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


# --- redirects ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 Other", "307 Temporary", "308 Permanent"])
async def test_a_redirect(site: Site, status: str) -> None:
    """Redirects of every kind are followed, relative ones too."""
    site.put("/new", answer(b"body"))
    assert await get(site.put("/old", redirect("new", status))) == b"body"


async def test_as_many_redirects_as_allowed(site: Site) -> None:
    """The last allowed redirect is followed and the next one is not."""
    site.put("/0", answer(b"body"))
    for number in range(1, MAX_REDIRECTS + 2):
        site.put(f"/{number}", redirect(f"/{number - 1}"))
    assert await get(site.url(f"/{MAX_REDIRECTS}")) == b"body"
    assert reason(await get(site.url(f"/{MAX_REDIRECTS + 1}"))) is FetchReason.TOO_MANY_REDIRECTS


async def test_a_redirect_loop(site: Site) -> None:
    """A page that redirects to itself is asked a few times, not for ever."""
    outcome = await get(site.put("/loop", redirect("/loop")))
    assert reason(outcome) is FetchReason.TOO_MANY_REDIRECTS
    assert site.asked("/loop") == MAX_REDIRECTS + 1


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("http://169.254.169.254/latest/meta-data/", FetchReason.FORBIDDEN_ADDRESS),
        ("//169.254.169.254/", FetchReason.FORBIDDEN_ADDRESS),
        ("http://[::ffff:a9fe:a9fe]/", FetchReason.FORBIDDEN_ADDRESS),
        ("http://2852039166/", FetchReason.FORBIDDEN_ADDRESS),
        ("http://10.0.0.1/", FetchReason.FORBIDDEN_ADDRESS),
        ("http://inside.example/", FetchReason.FORBIDDEN_ADDRESS),
        ("https://127.0.0.1/", FetchReason.BAD_URL),
        ("file:///etc/passwd", FetchReason.BAD_URL),
        ("ldap:///CN=x", FetchReason.BAD_URL),
        ("http://user@127.0.0.1/", FetchReason.BAD_URL),
        ("http://127.0.0.1:25/", FetchReason.BAD_URL),
        ("http://127.0.0.1:99999/", FetchReason.BAD_URL),
        ("http://[", FetchReason.BAD_URL),
        ("http://\xff\xfe/", FetchReason.BAD_URL),
        ("http://\x1b[31m@\x7f/", FetchReason.BAD_URL),
        ("/" + "a" * 4000, FetchReason.BAD_URL),
        ("", FetchReason.PROTOCOL_ERROR),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else None,
)
async def test_hostile_redirects(
    site: Site, attempts: list[str], location: str, expected: FetchReason
) -> None:
    """A redirect leads nowhere that a certificate's URL could not have led."""
    names = Names(inside=[["169.254.169.254"]])
    outcome = await get(site.put("/ca.crt", redirect(location)), names=names)
    assert reason(outcome) is expected
    assert attempts == ["127.0.0.1"]
    assert site.connections == 1


# --- what it may cost -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [("Content-Length: 1073741824",), ("Connection: close",), ("Content-Length: 1", "Transfer-Encoding: x")],
    ids=["announced", "unannounced", "lying"],
)
async def test_a_gigabyte(site: Site, headers: tuple[str, ...]) -> None:
    """A huge body is not read: the server gets rid of what the kernel buffers, and no more."""
    outcome = await get(site.put("/ca.crt", endless(*headers)))
    assert reason(outcome) in {FetchReason.TOO_LARGE, FetchReason.PROTOCOL_ERROR}
    assert site.sent < MUCH_LESS_THAN_A_GIGABYTE


async def test_a_gigabyte_in_chunks(site: Site) -> None:
    """Nor is one that comes in chunks."""
    page = endless("Transfer-Encoding: chunked", octets=b"10000\r\n" + bytes(65536) + b"\r\n")
    assert reason(await get(site.put("/ca.crt", page))) is FetchReason.TOO_LARGE
    assert site.sent < MUCH_LESS_THAN_A_GIGABYTE


@pytest.mark.parametrize(
    ("start", "octets"),
    [
        (b"", b"X" * 65536),
        (b"HTTP/1.1 200 OK\r\n", b"X" * 65536),
        (b"HTTP/1.1 200 OK\r\nX: ", b"X" * 65536),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 10000),
        (b"HTTP/1.1 302 Found\r\nContent-Length: 9\r\n\r\n", b"X" * 65536),
    ],
    ids=["status-line", "header-name", "header-value", "headers", "redirect-body"],
)
async def test_a_gigabyte_of_header(site: Site, start: bytes, octets: bytes) -> None:
    """Nor are endless headers, nor the body of a redirect."""
    outcome = await get(site.put("/ca.crt", repeated(octets, start)))
    assert reason(outcome) is FetchReason.PROTOCOL_ERROR
    assert site.sent < MUCH_LESS_THAN_A_GIGABYTE


@pytest.mark.parametrize("encoding", ["gzip", "br", "\x1b[2J"])
async def test_a_bomb(site: Site, encoding: str) -> None:
    """We ask for identity; what comes compressed all the same is not unpacked."""
    bomb = gzip.compress(bytes(16 << 20))
    outcome = await get(site.put("/ca.crt", answer(bomb, f"Content-Encoding: {encoding}")))
    assert reason(outcome) is FetchReason.PROTOCOL_ERROR


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n0\r\n",
    ],
    ids=["nothing", "header", "body", "chunks"],
)
async def test_a_server_that_stops(site: Site, start: bytes) -> None:
    """Wherever a server stops talking, the deadline holds."""
    outcome = await get(site.put("/ca.crt", silent(start)), timeout=0.3)
    assert outcome == FetchFailure(FetchReason.TIMEOUT, "no answer within 0.3 s")


async def test_a_slow_drip(site: Site) -> None:
    """Bytes that keep coming do not move the deadline, which redirects share."""

    async def drip(visit: Visit) -> None:
        await visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
        while True:
            await visit.send(b"0")
            await asyncio.sleep(0.01)

    site.put("/drip", drip)
    outcome = await get(site.put("/ca.crt", redirect("/drip")), timeout=0.3)
    assert reason(outcome) is FetchReason.TIMEOUT
    assert site.asked("/drip") == 1


async def test_endless_interim_responses(site: Site) -> None:
    """A server that always says it will go on is left at the deadline."""
    outcome = await get(site.put("/ca.crt", repeated(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)), timeout=0.3)
    assert reason(outcome) is FetchReason.TIMEOUT


def repeated(octets: bytes, start: bytes = b"") -> Page:
    """A page of these bytes for ever, or until a gigabyte was sent."""

    async def page(visit: Visit) -> None:
        await visit.send(start)
        while visit.site.sent < 1 << 30:
            await visit.send(octets)

    return page


async def test_a_slow_name_server() -> None:
    """The deadline covers the name server, whose thread is left behind."""
    release = threading.Event()

    def look_up(name: str) -> Sequence[str]:
        release.wait()
        return ()

    async with HttpClient(timeout=0.1, look_up=look_up) as http:
        outcome = await http.get("http://slow.example/", asked_by=PUBLIC, limit=LIMIT)
        release.set()
    assert reason(outcome) is FetchReason.TIMEOUT


async def test_few_connections_to_one_host(site: Site) -> None:
    """However many URLs name a server, it sees few connections at a time."""
    inside, most = 0, 0

    async def page(visit: Visit) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0)
        inside -= 1
        await answer(b"body")(visit)

    urls = [site.put(f"/{number}", page) for number in range(20)]
    async with client("127.0.0.0/8") as http:
        bodies = await asyncio.gather(*(http.get(url, asked_by=PUBLIC, limit=LIMIT) for url in urls))
    assert bodies == [b"body"] * 20
    assert most <= 2


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"220 mail.example.org ESMTP\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n0",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\x1b]0;title\x07",
        b"HTTP/9.9 999 \xff\xfe\r\n\r\n",
        b"\x16\x03\x01\x00\x02\x02\x28",
        bytes(range(256)) * 4,
    ],
    ids=["nothing", "smtp", "cut", "negative", "two-lengths", "bad-chunk", "bad-status", "tls", "noise"],
)
async def test_what_is_not_http(site: Site, octets: bytes) -> None:
    """Whatever a server sends in place of HTTP, the outcome is a failure in plain words."""
    outcome = await get(site.put("/ca.crt", raw(octets)))
    assert reason(outcome) in {
        FetchReason.PROTOCOL_ERROR,
        FetchReason.CONNECTION_FAILED,
        FetchReason.HTTP_STATUS,
    }


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
