"""The mail exchanges of a domain, told by a name server on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import dns.asyncresolver
import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from exporter.evidence.mx import MAX_EXCHANGES, Exchange, MxError, exchanges
from exporter.model import Reason

ZONE = {
    "two.test.": ["20 b.two.test.", "10 A.two.test.", "30 a.two.test."],
    "null.test.": ["0 ."],
    "direct.test.": [],
    "xn--bcher-kva.test.": ["10 mx.xn--bcher-kva.test."],
    "hostile.test.": [r"10 a\010b.test."],
    "number.test.": ["10 192.0.2.1."],
    "many.test.": [f"10 mx{n}.many.test." for n in range(MAX_EXCHANGES + 1)],
}


class NameServer(asyncio.DatagramProtocol):
    """Answers from ZONE; `broken.test` is SERVFAIL, `silent.test` is never answered."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast("asyncio.DatagramTransport", transport)  # by name only before Python 3.12

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one question."""
        query = dns.message.from_wire(data)
        name = query.question[0].name.to_text()
        if name == "silent.test.":
            return
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        if name == "broken.test.":
            reply.set_rcode(dns.rcode.SERVFAIL)
        elif name not in ZONE:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        elif ZONE[name]:
            reply.answer.append(dns.rrset.from_text(name, 60, "IN", "MX", *ZONE[name]))
        self._transport.sendto(reply.to_wire(max_size=65535), addr)


@pytest.fixture
async def resolver() -> AsyncIterator[dns.asyncresolver.Resolver]:
    """Asks the name server of this test and no other."""
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        NameServer, local_addr=("127.0.0.1", 0)
    )
    asking = dns.asyncresolver.Resolver(configure=False)
    asking.port = transport.get_extra_info("sockname")[1]  # first: it counts for the servers set afterwards
    asking.nameservers = ["127.0.0.1"]
    yield asking
    transport.close()


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        pytest.param("two.test", (Exchange(10, "a.two.test"), Exchange(20, "b.two.test")), id="sorted-once"),
        pytest.param("direct.test", (Exchange(0, "direct.test"),), id="implicit"),
        pytest.param("bücher.test", (Exchange(10, "mx.xn--bcher-kva.test"),), id="international"),
    ],
)
async def test_exchanges(
    resolver: dns.asyncresolver.Resolver, domain: str, expected: tuple[Exchange, ...]
) -> None:
    """Each host once at its best preference, the domain itself without any MX."""
    assert await exchanges(domain, timeout=30, resolver=resolver) == expected


@pytest.mark.parametrize(
    ("domain", "timeout", "reason"),
    [
        pytest.param("absent.test", 30, Reason.NAME_NOT_FOUND, id="nxdomain"),
        pytest.param("null.test", 30, Reason.NULL_MX, id="null-mx"),
        pytest.param("a..test", 30, Reason.NAME_NOT_FOUND, id="no-domain"),
        pytest.param("broken.test", 30, Reason.DNS_FAILURE, id="servfail"),
        pytest.param("silent.test", 0.3, Reason.TIMEOUT, id="silence"),
        pytest.param("hostile.test", 30, Reason.PROTOCOL_ERROR, id="newline"),
        pytest.param("number.test", 30, Reason.PROTOCOL_ERROR, id="address"),
        pytest.param("many.test", 30, Reason.LIMIT_EXCEEDED, id="too-many"),
    ],
)
async def test_failures_are_told_apart(
    resolver: dns.asyncresolver.Resolver, domain: str, timeout: float, reason: Reason
) -> None:
    """Why the exchanges are not known is one of the documented reasons."""
    with pytest.raises(MxError) as caught:
        await exchanges(domain, timeout=timeout, resolver=resolver)
    assert caught.value.reason is reason
