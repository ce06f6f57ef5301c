"""Names to addresses."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from exporter.model import IpFamily, Reason
from exporter.probe import resolve as module
from exporter.probe.errors import ProbeError
from exporter.probe.resolve import own_literal, own_name, resolve


async def test_localhost_is_asked_of_the_system() -> None:
    """A name in /etc/hosts resolves."""
    assert await resolve("localhost", IpFamily.IPV4, timeout=5) == ("127.0.0.1",)


@pytest.mark.parametrize(
    ("literal", "family"),
    [
        ("127.0.0.9", IpFamily.ANY),
        ("::1", IpFamily.ANY),
        ("127.0.0.9", IpFamily.IPV4),
        ("::1", IpFamily.IPV6),
    ],
)
async def test_literals_need_no_resolver(literal: str, family: IpFamily) -> None:
    """An IP address is its own answer."""
    assert await resolve(literal, family, timeout=5) == (literal,)


@pytest.mark.parametrize(("literal", "family"), [("127.0.0.9", IpFamily.IPV6), ("::1", IpFamily.IPV4)])
async def test_literals_of_the_other_family(literal: str, family: IpFamily) -> None:
    """An IP address of the family that is not wanted is no address."""
    with pytest.raises(ProbeError) as caught:
        await resolve(literal, family, timeout=5)
    assert caught.value.reason is Reason.NAME_NOT_FOUND


ERRORS = {
    "no such name": (socket.EAI_NONAME, Reason.NAME_NOT_FOUND),
    "resolver is down": (socket.EAI_AGAIN, Reason.DNS_FAILURE),
    "resolver fails": (socket.EAI_FAIL, Reason.DNS_FAILURE),
}


@pytest.mark.parametrize(("code", "reason"), ERRORS.values(), ids=ERRORS)
async def test_errors(monkeypatch: pytest.MonkeyPatch, code: int, reason: Reason) -> None:
    """A name that is not there is told apart from a resolver that does not work."""

    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(code, "as the resolver says")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(ProbeError, match="as the resolver says") as caught:
        await resolve("mail.example.org", IpFamily.ANY, timeout=5)
    assert caught.value.reason is reason


async def test_a_slow_name_runs_into_its_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver may hang; the probe does not, and neither do other names."""
    release = threading.Event()

    def hang(name: str, *_: object, **__: object) -> list[object]:
        if name == "slow.example.org":
            release.wait(30)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    slow = asyncio.create_task(resolve("slow.example.org", IpFamily.ANY, timeout=0.2))
    assert await resolve("fast.example.org", IpFamily.ANY, timeout=5) == ("192.0.2.1",)
    with pytest.raises(ProbeError) as caught:
        await slow
    release.set()
    assert caught.value.reason is Reason.TIMEOUT


async def test_addresses_keep_their_order_without_duplicates(monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver's order is kept, since it is the one that clients follow."""
    found = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 0)) for ip in ("192.0.2.2", "192.0.2.1", "192.0.2.2")
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    assert await resolve("mail.example.org", IpFamily.ANY, timeout=5) == ("192.0.2.2", "192.0.2.1")


async def test_a_name_that_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that no domain can have is not found, and is not asked for."""
    monkeypatch.setattr(socket, "getaddrinfo", None)
    with pytest.raises(ProbeError) as caught:
        await resolve("\u2028.example", IpFamily.ANY, timeout=5)
    assert caught.value.reason is Reason.NAME_NOT_FOUND


@pytest.mark.parametrize(
    ("fqdn", "name"), [("monitor.example.org", "monitor.example.org"), ("monitor", ""), ("mönitor.x", "")]
)
async def test_own_name(monkeypatch: pytest.MonkeyPatch, fqdn: str, name: str) -> None:
    """Only a full name is fit to greet with."""
    monkeypatch.setattr(module, "_own_name", [])
    monkeypatch.setattr(socket, "getfqdn", lambda: fqdn)
    assert await own_name() == name


@pytest.mark.parametrize(
    ("address", "literal"),
    [("192.0.2.1", "[192.0.2.1]"), ("::1", "[IPv6:::1]"), ("fe80::1%eth0", "[IPv6:fe80::1]")],
)
def test_own_literal(address: str, literal: str) -> None:
    """Address literals as RFC 5321 section 4.1.3 writes them."""
    assert own_literal(address) == literal
