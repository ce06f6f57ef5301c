"""The whole way: a mail server that sends its leaf alone, and the web server that its AIA URL names."""

from __future__ import annotations

import asyncio
import ipaddress
from dataclasses import replace
from datetime import datetime

import pytest

from exporter.demo.authority import Intermediate, Issued, Leaf, Root, self_signed
from exporter.demo.smtpd import Server, postfix, server_context
from exporter.evidence.sources import Sources
from exporter.evidence.ways import Evidence
from exporter.model import Policy, ProblemKind, Result, Target, TrustStore
from exporter.pipeline import examine
from tests.evidence.website import Page, Site, answer, endless, raw, redirect, silent

HOST = "mail.example.org"
LOOPBACK = (ipaddress.IPv4Network("127.0.0.0/8"),)
TIMEOUT = 1.0


async def look(leaf: Issued, root: Issued, *allowed: ipaddress.IPv4Network, aia: bool = True) -> Result:
    """What is found of a server that sends this leaf alone."""
    stores = {"store": TrustStore("store", (root.der,))}
    async with (
        Server(postfix(HOST), server_context(leaf)) as server,
        Sources(TIMEOUT, allowed) as fetcher,
    ):
        target = Target(
            name="x", host="127.0.0.1", port=server.port, names=(HOST,), sni=HOST, ehlo_name="monitor.test"
        )
        target = replace(target, policy=Policy(stores=("store",)))
        fetch = (lambda url, by: fetcher.issuer(url, asked_by=by)) if aia else None
        (result,) = await examine(target, stores, evidence=Evidence(fetch_issuer=fetch))
    return result


@pytest.fixture
def leaf(intermediate: Issued, site: Site) -> Issued:
    """A certificate that says where its issuer's is."""
    url = site.url("/sub.crt")
    return intermediate.issue(Leaf(f"CN={HOST}", dns=(HOST,), aia_issuers=(url,)))


async def test_it_is_fetched_and_named(leaf: Issued, intermediate: Issued, root: Issued, site: Site) -> None:
    """Where loopback is allowed, the missing certificate is fetched once, proven and named."""
    site.put("/sub.crt", answer(intermediate.der))
    result = await look(leaf, root, *LOOPBACK)
    (problem,) = result.verdict.problems
    assert problem.kind is ProblemKind.MISSING_INTERMEDIATE
    assert result.verdict.stores[0].missing[0].der == intermediate.der
    assert result.verdict.stores[0].missing[0].sha1 in problem.summary
    assert result.verdict.chain_complete is False
    assert site.asked("/sub.crt") == 1


@pytest.mark.parametrize(("allowed", "aia"), [((), True), (LOOPBACK, False)], ids=["refused", "off"])
async def test_the_cause_is_known_without_it(
    leaf: Issued, root: Issued, site: Site, allowed: tuple[ipaddress.IPv4Network, ...], aia: bool
) -> None:
    """Not allowed, or turned off: nothing is asked, and the cause is a missing intermediate all the same."""
    result = await look(leaf, root, *allowed, aia=aia)
    assert {problem.kind for problem in result.verdict.problems} == {ProblemKind.MISSING_INTERMEDIATE}
    assert result.verdict.stores[0].missing == ()
    assert site.connections == 0


async def test_the_way_is_followed_to_its_root(now: datetime, site: Site, root: Issued) -> None:
    """The fetched intermediate names its own issuer: the root is fetched too, and is not in the store."""
    other = self_signed(Root("CN=Other"), now)
    sub = other.issue(Intermediate("CN=Sub", aia_issuers=(site.put("/root.crt", answer(other.der)),)))
    leaf = sub.issue(Leaf(f"CN={HOST}", dns=(HOST,), aia_issuers=(site.put("/s.crt", answer(sub.der)),)))
    result = await look(leaf, root, *LOOPBACK)
    assert {problem.kind for problem in result.verdict.problems} == {
        ProblemKind.MISSING_INTERMEDIATE,
        ProblemKind.UNTRUSTED_ROOT,
    }


def hostile() -> dict[str, Page]:
    """Answers that must change nothing."""
    metadata = "http://169.254.169.254/latest/meta-data/"
    return {
        "not found": answer(b"gone", status="404 Not Found"),
        "HTML": answer(b"<html><script>alert(1)</script></html>"),
        "redirect to a metadata address": redirect(metadata),
        "redirect to itself": redirect("/sub.crt"),
        "endless": endless(b"\x30" * 65536, b"HTTP/1.1 200 OK\r\n\r\n"),
        "a gigabyte promised": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n0"),
        "silence": silent(),
        "silence after the head": silent(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"),
        "not HTTP": raw(b"220 smtp\r\n"),
    }


@pytest.mark.parametrize("name", hostile())
async def test_hostile_answers_change_nothing(leaf: Issued, root: Issued, site: Site, name: str) -> None:
    """Whatever the web server does, the verdict is the same, and it comes within the deadline."""
    site.put("/sub.crt", hostile()[name])
    async with asyncio.timeout(TIMEOUT + 5):
        result = await look(leaf, root, *LOOPBACK)
    assert {problem.kind for problem in result.verdict.problems} == {ProblemKind.MISSING_INTERMEDIATE}
    assert result.verdict.stores[0].missing == ()
    assert "not fetched: " in result.verdict.problems[0].summary
    assert site.sent < 8 << 20


async def test_an_answer_of_another_key_changes_nothing(
    leaf: Issued, root: Issued, site: Site, now: datetime
) -> None:
    """A certificate of the right name that did not sign the leaf is no issuer."""
    impostor = self_signed(Root("CN=Contoso Subordinate CA,O=Contoso"), now)
    site.put("/sub.crt", answer(impostor.der))
    result = await look(leaf, root, *LOOPBACK)
    assert {problem.kind for problem in result.verdict.problems} == {ProblemKind.MISSING_INTERMEDIATE}
    assert result.verdict.stores[0].missing == ()
