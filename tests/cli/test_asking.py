"""One GET to an exporter: what real servers send is read, and what none should send ends with a reason and in time."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from exporter.cli import asking
from exporter.cli.options import UsageError
from exporter.demo.authority import Leaf, self_signed
from tests.laboratory import in_thread
from tests.peers import Peer, drip, expect, flood, reset, send, silence, tarpit
from tests.processes import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from tests.peers import Step

LONG = b'{"lines": ["' + b"x" * 200_000 + b'"]}'


async def _whole(request: web.Request) -> web.Response:
    said = f"{request.method} {request.path_qs} {request.headers['Host']} {request.headers['Accept']}"
    return web.Response(text=said)


async def _in_chunks(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    response.enable_chunked_encoding()
    await response.prepare(request)
    for start in range(0, len(LONG), 7_000):
        await response.write(LONG[start : start + 7_000])
    await response.write_eof()
    return response


async def _without_a_length(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Connection": "close"})
    response._length_check = False
    response.force_close()
    await response.prepare(request)
    await response.write(LONG)
    return response


async def _refused(_: web.Request) -> web.Response:
    raise web.HTTPServiceUnavailable(text="not now\n")


@contextlib.asynccontextmanager
async def _serving(context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    app = web.Application()
    app.router.add_get("/chunks", _in_chunks)
    app.router.add_get("/until-the-end", _without_a_length)
    app.router.add_get("/refused", _refused)
    app.router.add_get("/{any:.*}", _whole)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    yield runner.addresses[0][1]
    await runner.cleanup()


def test_a_real_server() -> None:
    """A body of known length, one in chunks, one that ends with the connection, and a refusal with its reason."""
    with in_thread(_serving()) as port:
        url = f"http://127.0.0.1:{port}"
        whole = asking.get(f"{url}/below/", "/it?target=a%3A25", PATIENCE)
        said = f"GET /below/it?target=a%3A25 127.0.0.1:{port} application/json"
        assert (whole.status, whole.body.decode()) == (200, said)
        assert asking.get(url, "/chunks", PATIENCE).body == LONG
        assert asking.get(url, "/until-the-end", PATIENCE).body == LONG
        refused = asking.get(f"http://localhost:{port}", "/refused", PATIENCE)
        assert (refused.status, refused.reason) == (503, "Service Unavailable")
        assert refused.body == b"not now\n"


def test_https(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate counts when the machine trusts it and it is the server's own."""
    issued = self_signed(Leaf("CN=x", ips=("127.0.0.1",)), datetime.now(UTC))
    (tmp_path / "chain.pem").write_text(issued.pem + issued.key_pem, encoding="utf-8")
    (tmp_path / "trusted.pem").write_text(issued.pem, encoding="utf-8")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "chain.pem")
    with in_thread(_serving(context)) as port:
        with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
            asking.get(f"https://127.0.0.1:{port}", "/", PATIENCE)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))
        assert asking.get(f"https://127.0.0.1:{port}", "/chunks", PATIENCE).body == LONG
        with pytest.raises(OSError, match="Hostname mismatch"):
            asking.get(f"https://localhost:{port}", "/", PATIENCE)


def answered(*steps: Step, seconds: float = PATIENCE) -> asking.Answer:
    """What is made of the steps of a server, one connection after the request was read."""
    with in_thread(Peer(expect("GET / HTTP/1.1"), *[expect()] * 5, *steps)) as peer:
        return asking.get(f"http://127.0.0.1:{peer.port}", "/", seconds)


@pytest.mark.parametrize(
    ("steps", "body"),
    [
        ([drip(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes")], b"yes"),
        ([send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length:3\r\n\r\nyes, and more")], b"yes"),
        ([send(b"HTTP/1.0 200\r\n\r\nyes")], b"yes"),
        ([drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2;a=b\r\nye\r\n1 \r\ns\r\n0\r\n\r\n")], b"yes"),
        ([send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")], b""),
        ([send(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n")], b""),
    ],
    ids=["bytes", "continue", "old", "chunks", "no chunk", "empty"],
)  # fmt: skip
def test_as_servers_may(steps: Sequence[Step], body: bytes) -> None:
    """Split anywhere, spelled as they like."""
    assert answered(*steps).body == body


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([send(b"220 mx1.example.org ESMTP\r\n\r\n")], "does not speak HTTP: '220 mx1.example.org ESMTP'"),
        ([send(b"HTTP/2 200\r\n\r\n")], "does not speak HTTP"),
        ([send("HTTP/1.1 ²00 OK\r\n\r\n".encode("latin-1"))], "does not speak HTTP"),
        ([], "ends too soon"),
        ([send(OK)], "ends too soon"),
        ([send(OK + b"Content-Length: 10\r\n\r\nshort")], "ends too soon"),
        ([send(OK + b"Content-Length: -1\r\n\r\n")], "garbled"),
        ([send(OK + b"Content-Length: \xb2\r\n\r\n")], "garbled"),
        ([send(OK + b"Content-Length: 99999999\r\n\r\n"), flood(b"x")], "too long"),
        ([send(OK + b"Content-Length: " + b"9" * 50_000 + b"\r\n\r\n")], "garbled"),
        ([send(CHUNKED + b"+5\r\nhello\r\n")], "garbled"),
        ([send(CHUNKED + b"0x5\r\nhello\r\n")], "garbled"),
        ([send(CHUNKED + b"5\r\nhello, ")], "garbled"),
        ([send(CHUNKED + b"5\r\nhel")], "ends too soon"),
        ([send(CHUNKED + b"ffffffff\r\n"), flood(b"x")], "too long"),
        ([send(CHUNKED), flood(b"4\r\nmore\r\n")], "too long"),
        ([send(CHUNKED), flood(b"0")], "too long"),
        ([flood(OK)], "too long"),
        ([flood(b"HTTP/1.1 100 Continue\r\n\r\n")], "too long"),
        ([send(OK + b"\r\n"), flood(b"{")], "too long"),
    ],
    ids=[
        "SMTP", "version", "status", "nothing", "half a head", "short", "negative", "superscript", "large", "number",
        "sign", "prefix", "no end", "half a chunk", "large chunk", "chunks", "endless size", "headers", "continue", "body",
    ],
)  # fmt: skip
def test_as_no_server_should(steps: Sequence[Step], words: str) -> None:
    """What is no answer, or not all of one, or too much, is an error that says so."""
    with pytest.raises(ValueError, match=words):
        answered(*steps)


def test_a_reset() -> None:
    """A connection that breaks is the system's error."""
    with pytest.raises(OSError, match="reset"):
        answered(send(OK), reset())


@pytest.mark.parametrize(
    "steps",
    [[silence()], [tarpit(b"HTTP", 0.05)], [send(CHUNKED), tarpit(b"1\r\nx\r\n", 0.05)]],
    ids=["silence", "head", "chunks"],
)
def test_one_deadline(steps: Sequence[Step]) -> None:
    """However little comes at a time, all of it has the seconds that were given."""
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        answered(*steps, seconds=0.5)
    assert time.monotonic() - began < PATIENCE / 2


def test_a_resolver_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name counts, too."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: time.sleep(2))
    with pytest.raises(TimeoutError, match="resolver"):
        asking.get("http://exporter.example.org", "/", 0.1)


def test_the_address_that_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a name's addresses the first that takes a connection is asked."""
    with in_thread(_serving()) as port:
        both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", number)) for number in (1, port)]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: both)
        assert asking.get("http://two.example.org", "/", PATIENCE).status == 200


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://monitor", "monitor"),
        ("http://monitor:80/", "monitor"),
        ("https://monitor:443", "monitor"),
        ("https://monitor:80", "monitor:80"),
        ("http://[::1]:10465", "[::1]:10465"),
        ("http://[fe80::1%25eth0]", "[fe80::1]"),
        ("http://müller.example", "xn--mller-kva.example"),
    ],
)
def test_the_host_header(url: str, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is spelled as RFC 9110 wants it."""
    sent: list[bytes] = []
    monkeypatch.setattr(asking._Connection, "open", lambda *_args, **_more: None)
    monkeypatch.setattr(asking._Connection, "send", lambda _, data: sent.append(data))
    with pytest.raises(AssertionError):
        asking.get(url, "/", PATIENCE)
    assert f"\r\nHost: {host}\r\n".encode() in sent[0]


@pytest.mark.parametrize(
    "url",
    ["", "monitor", "ftp://monitor", "http://", "http:///path", "http://a/ b", "http://a/ä", "http://a:0x1", "http://a:99999",
     "http://a b", "http://a\tb c", "http://[::1"],
)  # fmt: skip
def test_no_url(url: str) -> None:
    """What is no URL is not asked."""
    with pytest.raises((UsageError, ValueError)):
        asking.get(url, "/", PATIENCE)
