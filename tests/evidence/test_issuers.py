"""Issuers by their URLs, from a real web server on loopback."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ipaddress
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from hypothesis import given
from hypothesis import strategies as st

from exporter.demo.authority import Intermediate, Issued
from exporter.evidence.issuers import (
    FAILURE_KEPT,
    KEPT,
    MAX_BYTES,
    MAX_CERTIFICATES,
    IssuerFetcher,
    read_answer,
)
from exporter.model import IssuerAnswer
from tests.evidence.conftest import PRIVATE, PUBLIC
from tests.evidence.test_cache import Clock
from tests.evidence.website import Site, Visit, answer, endless, redirect, silent
from tests.programs import program

LOOPBACK = (ipaddress.IPv4Network("127.0.0.0/8"),)


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock()


@pytest.fixture
async def issuers(clock: Clock) -> AsyncIterator[IssuerFetcher]:
    """A fetcher that may go to loopback."""
    async with IssuerFetcher(30.0, LOOPBACK, clock=clock) as fetcher:
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


# --- what an answer may be ------------------------------------------------------------------------


def pkcs7_der(*several: Issued) -> bytes:
    """Certificates alone in PKCS#7, in DER."""
    return pkcs7.serialize_certificates([one.certificate for one in several], Encoding.DER)


def pkcs7_pem(*several: Issued) -> bytes:
    """Certificates alone in PKCS#7, in PEM."""
    return pkcs7.serialize_certificates([one.certificate for one in several], Encoding.PEM)


def pem(*several: Issued) -> bytes:
    """Certificates one after the other, with the talk that openssl prints around them."""
    return b"".join(f"subject=CN=x\n{one.pem}\n".encode() for one in several)


FORMS: tuple[tuple[str, Callable[..., bytes]], ...] = (
    ("pkcs7-der", pkcs7_der),
    ("pkcs7-pem", pkcs7_pem),
    ("pem", pem),
)


@pytest.mark.parametrize("form", [form for _, form in FORMS], ids=[name for name, _ in FORMS])
async def test_several_certificates(
    issuers: IssuerFetcher, site: Site, root: Issued, intermediate: Issued, form: Callable[..., bytes]
) -> None:
    """Both forms of PKCS#7, and PEM, give all of their certificates, each once."""
    url = site.put("/ca", answer(form(intermediate, root, intermediate)))
    found = await issuers.fetch(url, asked_by=PUBLIC)
    assert (found.url, found.detail) == (url, "")
    assert set(found.certificates) == {intermediate.der, root.der}
    assert len(found.certificates) == 2


async def test_one_certificate(issuers: IssuerFetcher, site: Site, intermediate: Issued) -> None:
    """The usual answer is one certificate in DER; what type the server calls it does not matter."""
    url = site.put("/ca", answer(intermediate.der, "Content-Type: text/html"))
    assert await issuers.fetch(url, asked_by=PUBLIC) == IssuerAnswer(url, (intermediate.der,))


@pytest.mark.servers
@pytest.mark.parametrize("form", ["DER", "PEM"])
async def test_pkcs7_of_openssl(
    issuers: IssuerFetcher, site: Site, root: Issued, intermediate: Issued, tmp_path: Path, form: str
) -> None:
    """What `openssl crl2pkcs7 -nocrl` writes is read."""
    chain = tmp_path / "chain.pem"
    chain.write_text(intermediate.chain_pem(root))
    url = site.put("/ca.p7c", answer(crl2pkcs7(chain, form)))
    assert set((await issuers.fetch(url, asked_by=PUBLIC)).certificates) == {intermediate.der, root.der}


def crl2pkcs7(chain: Path, form: str) -> bytes:
    """What openssl makes of a file of certificates."""
    arguments = ("crl2pkcs7", "-nocrl", "-certfile", str(chain), "-outform", form)
    return subprocess.run((program("openssl"), *arguments), check=True, stdout=subprocess.PIPE).stdout


# As exporter.evidence.issuers says; pytest sets aside what modules configure.
@pytest.mark.filterwarnings("ignore:PKCS#7 certificates could not be parsed as DER")
def test_pkcs7_in_ber(intermediate: Issued) -> None:
    """PKCS#7 with indefinite lengths, as some authorities publish it, is read."""
    certificates = b"\xa0\x80" + intermediate.der + b"\0\0"
    signed = (
        b"\x30\x80\x02\x01\x01\x31\x00" + b"\x30\x80\x06\x09" + bytes.fromhex("2a864886f70d010701") + b"\0\0"
    )
    content = b"\xa0\x80" + signed + certificates + b"\x31\x00\0\0" + b"\0\0"
    ber = b"\x30\x80\x06\x09" + bytes.fromhex("2a864886f70d010702") + content + b"\0\0"
    assert read_answer("http://a/", ber).certificates == (intermediate.der,)


def test_no_more_than_ten(root: Issued) -> None:
    """Of an answer with many certificates the first ten are kept."""
    several = [root.issue(Intermediate(f"CN={number}")) for number in range(MAX_CERTIFICATES + 1)]
    found = read_answer("http://a/", pem(*several)).certificates
    assert found == tuple(one.der for one in several[:MAX_CERTIFICATES])


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "an empty answer"),
        (
            b"<!DOCTYPE html>\r\n<title>Oops</title>",
            r"no certificate but 36 bytes that begin with: <!DOCTYPE html>\r\n<title>Oops</title>",
        ),
        (b"\x1b[2J\x00|", r"no certificate but 6 bytes that begin with: \x1b[2J\x00|"),
        (b"\xff" * 65536, "no certificate but 65536 bytes that begin with: " + r"\xff" * 48),
        (b"\x30\x03\x02\x01\x00", r"no certificate but 5 bytes that begin with: 0\x03\x02\x01\x00"),
        (
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            r"no certificate but 59 bytes that begin with: -----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIF",
        ),
    ],
    ids=["nothing", "html", "control", "noise", "other-der", "broken-pem"],
)
def test_something_else(body: bytes, detail: str) -> None:
    """What holds no certificate is told of, shortly and harmlessly."""
    found = read_answer("http://a/", body)
    assert found.certificates == ()
    assert found.detail == detail
    assert len(found.detail) < 300


def test_cut_anywhere(intermediate: Issued) -> None:
    """A certificate that was cut off is none, wherever it was cut."""
    for length in range(0, len(intermediate.der), 7):
        assert read_answer("http://a/", intermediate.der[:length]).certificates == ()


@given(st.binary().map(b"\x30".__add__) | st.binary().map(base64.b64encode))
def test_any_bytes(body: bytes) -> None:
    """Whatever comes, it is an answer."""
    for armour in (b"%s", b"-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n"):
        assert read_answer("http://a/", armour % body).certificates == ()


# --- failures -------------------------------------------------------------------------------------


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
async def test_urls_that_are_not_asked(
    issuers: IssuerFetcher, attempts: list[str], url: str, detail: str
) -> None:
    """Only http is asked, and only where the rules let it."""
    assert await issuers.fetch(url, asked_by=PUBLIC) == IssuerAnswer(url, detail=detail)
    assert not attempts


async def test_not_found(issuers: IssuerFetcher, site: Site) -> None:
    """An answer without certificates says why there are none."""
    url = site.url("/gone")
    assert await issuers.fetch(url, asked_by=PUBLIC) == IssuerAnswer(
        url, detail="the web server answered 404"
    )


async def test_hostile_servers(site: Site) -> None:
    """A gigabyte, an endless wait and a redirect to a metadata service cost a deadline, and give nothing."""
    site.put("/huge", endless("Connection: close"))
    site.put("/slow", silent(b"HTTP/1.1 200 OK\r\n"))
    site.put("/away", redirect("http://169.254.169.254/latest/meta-data/"))
    async with IssuerFetcher(0.5, LOOPBACK) as issuers:
        found = [await issuers.fetch(site.url(path), asked_by=PUBLIC) for path in ("/huge", "/slow", "/away")]
    assert [one.detail for one in found] == [
        f"an answer of more than {MAX_BYTES} bytes",
        "no answer within 0.5 s",
        "169.254.169.254 is a cloud metadata address",
    ]
    assert not any(one.certificates for one in found)


# --- once -----------------------------------------------------------------------------------------


async def test_asked_once_for_all(issuers: IssuerFetcher, site: Site, intermediate: Issued) -> None:
    """Fifty that want the same issuer at once, and all that come later, cost one request."""
    gate = Gate(intermediate.der)
    url = site.put("/ca", gate)
    waiting = [asyncio.create_task(issuers.fetch(url, asked_by=PUBLIC)) for _ in range(50)]
    await gate.asked.wait()
    gate.opened.set()
    assert set(await asyncio.gather(*waiting)) == {IssuerAnswer(url, (intermediate.der,))}
    await issuers.fetch(url, asked_by=PUBLIC)
    assert site.asked("/ca") == 1


async def test_a_caller_that_gives_up(issuers: IssuerFetcher, site: Site, intermediate: Issued) -> None:
    """The first caller's being cancelled takes nothing from the second, nor from those to come."""
    gate = Gate(intermediate.der)
    url = site.put("/ca", gate)
    first, second = (asyncio.create_task(issuers.fetch(url, asked_by=PUBLIC)) for _ in range(2))
    await gate.asked.wait()
    async with abandoned(first):
        gate.opened.set()
        assert (await second).certificates == (intermediate.der,)
    assert (await issuers.fetch(url, asked_by=PUBLIC)).certificates == (intermediate.der,)
    assert site.asked("/ca") == 1


async def test_nobody_left_waiting(issuers: IssuerFetcher, site: Site, intermediate: Issued) -> None:
    """A fetch that everybody gave up on still serves whoever comes next."""
    gate = Gate(intermediate.der)
    url = site.put("/ca", gate)
    only = asyncio.create_task(issuers.fetch(url, asked_by=PUBLIC))
    await gate.asked.wait()
    async with abandoned(only):
        gate.opened.set()
        assert (await issuers.fetch(url, asked_by=PUBLIC)).certificates == (intermediate.der,)
    assert site.asked("/ca") == 1


@pytest.mark.parametrize(
    ("good", "kept"), [(True, KEPT), (False, FAILURE_KEPT)], ids=["certificates", "failure"]
)
async def test_how_long_answers_are_kept(
    issuers: IssuerFetcher, site: Site, clock: Clock, intermediate: Issued, good: bool, kept: float
) -> None:
    """Certificates are kept for a day and failures for ten minutes, and then asked for again."""
    url = site.put("/ca", answer(intermediate.der if good else b"<html>"))
    await issuers.fetch(url, asked_by=PUBLIC)
    clock.now += kept - 1
    await issuers.fetch(url, asked_by=PUBLIC)
    assert site.asked("/ca") == 1
    clock.now += 1
    await issuers.fetch(url, asked_by=PUBLIC)
    assert site.asked("/ca") == 2


async def test_a_private_answer_is_not_for_the_public(
    site: Site, attempts: list[str], intermediate: Issued
) -> None:
    """What a private server's URL gave is not given to a public one, which may not have it fetched."""
    answers = iter((["127.0.0.1"], ["10.0.0.1"]))
    site.put("/ca", answer(intermediate.der))
    url = site.url("/ca", "pki.inside.example")
    async with IssuerFetcher(30.0, LOOPBACK, look_up=lambda _: next(answers)) as issuers:
        private = await issuers.fetch(url, asked_by=PRIVATE)
        public = await issuers.fetch(url, asked_by=PUBLIC)
    assert private.certificates == (intermediate.der,)
    assert public.certificates == ()
    assert "10.0.0.1 is a private address" in public.detail
    assert attempts == ["127.0.0.1"]


async def test_leaving_ends_what_is_running(site: Site) -> None:
    """On leaving, those who wait get an answer without certificates, and nothing is asked any more."""
    gate = Gate(b"")
    url = site.put("/ca", gate)
    async with IssuerFetcher(30.0, LOOPBACK) as issuers:
        waiting = asyncio.create_task(issuers.fetch(url, asked_by=PUBLIC))
        await gate.asked.wait()
    assert await waiting == IssuerAnswer(url, detail="no longer fetching")
    assert await issuers.fetch(url, asked_by=PUBLIC) == IssuerAnswer(url, detail="no longer fetching")
    assert site.asked("/ca") == 1
