"""Issuers by their URLs, from a real web server on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from exporter.demo.authority import Issued
from exporter.evidence.issuers import FAILURE_KEPT, KEPT
from exporter.evidence.sources import Sources
from exporter.model import IssuerAnswer
from tests.evidence.conftest import PRIVATE, PUBLIC
from tests.evidence.test_cache import Clock
from tests.evidence.website import Site, Visit, answer, endless, redirect, silent

LOOPBACK = (ipaddress.IPv4Network("127.0.0.0/8"),)


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
async def issuers(clock: Clock) -> AsyncIterator[Sources]:
    """A fetcher that may go to loopback."""
    async with Sources(30.0, LOOPBACK, clock=clock) as fetcher:
        yield fetcher


class Gate:
    """A page that is given once it is opened."""

    def __init__(self, body: bytes) -> None:
        self.asked = asyncio.Event()
        self.opened = asyncio.Event()
        self._body = body

    async def __call__(self, visit: Visit) -> None:
        """Wait, then answer."""
        self.asked.set()
        await self.opened.wait()
        await answer(self._body)(visit)


@asynccontextmanager
async def abandoned(task: asyncio.Task[IssuerAnswer]) -> AsyncIterator[None]:
    """Cancel a caller; the block runs when it is gone."""
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()
    yield


@pytest.mark.parametrize("kind", ["application/pkix-cert", "text/html"])
async def test_an_issuer(issuers: Sources, site: Site, intermediate: Issued, kind: str) -> None:
    """A certificate is fetched, whatever type the server says that it has."""
    url = site.put("/ca", answer(intermediate.der, f"Content-Type: {kind}"))
    assert await issuers.issuer(url, asked_by=PUBLIC) == IssuerAnswer(url, (intermediate.der,))


@pytest.mark.parametrize(
    ("url", "detail"),
    [
        ("ldap:///CN=Contoso?cACertificate", "ldap URLs are not asked here"),
        ("file:///etc/ssl/certs/ca.pem", "file URLs are not asked here"),
        ("https://127.0.0.1/ca.crt", "https URLs are not asked here"),
        ("http://169.254.169.254/latest/", "169.254.169.254 is a cloud metadata address"),
        ("http://user:secret@127.0.0.1/", "URLs with a user name are not asked"),
        ("\x1b]0;\x07\ud800", "a URL without a scheme"),
    ],
    ids=["ldap", "file", "https", "metadata", "user", "noise"],
)
async def test_urls_that_are_not_asked(issuers: Sources, attempts: list[str], url: str, detail: str) -> None:
    """Only http is asked, and only where the rules let it."""
    assert await issuers.issuer(url, asked_by=PUBLIC) == IssuerAnswer(url, detail=detail)
    assert not attempts


async def test_not_found(issuers: Sources, site: Site) -> None:
    """An answer without certificates says why there are none."""
    url = site.url("/gone")
    assert await issuers.issuer(url, asked_by=PUBLIC) == IssuerAnswer(
        url, detail="the web server answered 404"
    )


async def test_hostile_servers(issuers: Sources, site: Site) -> None:
    """A gigabyte, or a redirect to a metadata service, gives nothing."""
    site.put("/huge", endless(bytes(65536), b"HTTP/1.1 200 OK\r\n\r\n"))
    site.put("/away", redirect("http://169.254.169.254/latest/meta-data/"))
    found = [await issuers.issuer(site.url(path), asked_by=PUBLIC) for path in ("/huge", "/away")]
    assert found == [
        IssuerAnswer(site.url("/huge"), detail="an answer of more than 65536 bytes"),
        IssuerAnswer(site.url("/away"), detail="169.254.169.254 is a cloud metadata address"),
    ]


async def test_a_silent_server(site: Site) -> None:
    """A server that never answers costs the deadline."""
    url = site.put("/slow", silent(b"HTTP/1.1 200 OK\r\n"))
    async with Sources(0.3, LOOPBACK) as issuers:
        assert await issuers.issuer(url, asked_by=PUBLIC) == IssuerAnswer(
            url, detail="no answer within 0.3 s"
        )


# --- once -----------------------------------------------------------------------------------------


async def test_asked_once_for_all(issuers: Sources, site: Site, intermediate: Issued) -> None:
    """Fifty that want the same issuer at once, and all that come later, cost one request."""
    gate = Gate(intermediate.der)
    url = site.put("/ca", gate)
    waiting = [asyncio.create_task(issuers.issuer(url, asked_by=PUBLIC)) for _ in range(50)]
    await gate.asked.wait()
    gate.opened.set()
    assert set(await asyncio.gather(*waiting)) == {IssuerAnswer(url, (intermediate.der,))}
    await issuers.issuer(url, asked_by=PUBLIC)
    assert site.asked("/ca") == 1


async def test_a_caller_that_gives_up(issuers: Sources, site: Site, intermediate: Issued) -> None:
    """The first caller's being cancelled takes nothing from the second, nor from those to come."""
    gate = Gate(intermediate.der)
    url = site.put("/ca", gate)
    first, second = (asyncio.create_task(issuers.issuer(url, asked_by=PUBLIC)) for _ in range(2))
    await gate.asked.wait()
    async with abandoned(first):
        gate.opened.set()
        assert (await second).certificates == (intermediate.der,)
    assert (await issuers.issuer(url, asked_by=PUBLIC)).certificates == (intermediate.der,)
    assert site.asked("/ca") == 1


async def test_nobody_left_waiting(issuers: Sources, site: Site, intermediate: Issued) -> None:
    """A fetch that everybody gave up on still serves whoever comes next."""
    gate = Gate(intermediate.der)
    url = site.put("/ca", gate)
    only = asyncio.create_task(issuers.issuer(url, asked_by=PUBLIC))
    await gate.asked.wait()
    async with abandoned(only):
        gate.opened.set()
        assert (await issuers.issuer(url, asked_by=PUBLIC)).certificates == (intermediate.der,)
    assert site.asked("/ca") == 1


@pytest.mark.parametrize(
    ("good", "kept"), [(True, KEPT), (False, FAILURE_KEPT)], ids=["certificates", "failure"]
)
async def test_how_long_answers_are_kept(
    issuers: Sources, site: Site, clock: Clock, intermediate: Issued, good: bool, kept: float
) -> None:
    """Certificates are kept for a day and failures for ten minutes, and then asked for again."""
    url = site.put("/ca", answer(intermediate.der if good else b"<html>"))
    await issuers.issuer(url, asked_by=PUBLIC)
    clock.now += kept - 1
    await issuers.issuer(url, asked_by=PUBLIC)
    assert site.asked("/ca") == 1
    clock.now += 1
    await issuers.issuer(url, asked_by=PUBLIC)
    assert site.asked("/ca") == 2


async def test_a_private_answer_is_not_for_the_public(
    site: Site, attempts: list[str], intermediate: Issued
) -> None:
    """What a private server's URL gave is not given to a public one, which may not have it fetched."""
    answers = iter((["127.0.0.1"], ["10.0.0.1"]))
    site.put("/ca", answer(intermediate.der))
    url = site.url("/ca", "pki.inside.example")
    async with Sources(30.0, LOOPBACK, look_up=lambda _: next(answers)) as issuers:
        private = await issuers.issuer(url, asked_by=PRIVATE)
        public = await issuers.issuer(url, asked_by=PUBLIC)
    assert private.certificates == (intermediate.der,)
    assert public.certificates == ()
    assert "10.0.0.1 is a private address" in public.detail
    assert attempts == ["127.0.0.1"]


async def test_leaving_ends_what_is_running(site: Site) -> None:
    """On leaving, those who wait get an answer without certificates, and nothing is asked any more."""
    gate = Gate(b"")
    url = site.put("/ca", gate)
    async with Sources(30.0, LOOPBACK) as issuers:
        waiting = asyncio.create_task(issuers.issuer(url, asked_by=PUBLIC))
        await gate.asked.wait()
    assert await waiting == IssuerAnswer(url, detail="no longer fetching")
    assert await issuers.issuer(url, asked_by=PUBLIC) == IssuerAnswer(url, detail="no longer fetching")
    assert site.asked("/ca") == 1
