"""Redirects are URLs that somebody else wrote, too."""

from __future__ import annotations

import pytest

from exporter.evidence.failures import FetchReason
from exporter.evidence.http import MAX_REDIRECTS
from tests.evidence.asking import Names, get, reason
from tests.evidence.website import Site, answer, redirect


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
