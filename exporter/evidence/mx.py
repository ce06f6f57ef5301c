"""The mail exchanges of a domain, asked for by DNS (RFC 5321 section 5.1).

In: a domain. Out: its exchanges, or why they cannot be told. The answer comes from the network: whatever
is not a host name is refused, and there is a limit on how many exchanges one domain may have.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

import dns.asyncresolver
import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver

from exporter.idn import ascii_name
from exporter.model import Reason

MAX_EXCHANGES = 50
"""More than this many are refused: one domain must not make this machine probe half the internet."""

_HOST_NAME = re.compile(r"(?:(?!-)[A-Za-z0-9_-]{1,63}(?<!-)\.)*(?!-|[0-9]+\Z)[A-Za-z0-9_-]{1,63}(?<!-)")


@dataclass(frozen=True, slots=True, order=True)
class Exchange:
    """A host that takes a domain's mail; the lowest preference is tried first."""

    preference: int
    host: str


class MxError(Exception):
    """The exchanges of a domain are not known; `detail` is for people."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


async def exchanges(
    domain: str, *, timeout: float, resolver: dns.asyncresolver.Resolver | None = None
) -> tuple[Exchange, ...]:
    """The exchanges of a domain by preference, then by name.

    A domain without MX records is its own exchange with preference 0 (RFC 5321 section 5.1).

    Args:
        domain: in A-label or U-label form.
        timeout: seconds for everything.
        resolver: whom to ask; None for this machine's name servers.

    Raises:
        MxError: the domain does not exist or takes no mail, nobody answered, or the answer cannot be used.
    """
    name = _name(domain)
    try:
        async with asyncio.timeout(timeout):
            asked = resolver or dns.asyncresolver.Resolver()
            answer = await asked.resolve(name, dns.rdatatype.MX, search=False, lifetime=timeout)
    except dns.resolver.NXDOMAIN as error:
        raise MxError(Reason.NAME_NOT_FOUND, f"the domain {domain} does not exist") from error
    except dns.resolver.NoAnswer:
        return (Exchange(0, _text(name)),)
    except (TimeoutError, dns.exception.Timeout) as error:
        raise MxError(Reason.TIMEOUT, f"no answer about the MX of {domain} in {timeout:.3g} s") from error
    except (dns.exception.DNSException, OSError) as error:
        raise MxError(Reason.DNS_FAILURE, f"no name server could tell the MX of {domain}") from error
    return _usable(domain, [(record.preference, record.exchange) for record in answer])


def _name(domain: str) -> dns.name.Name:
    try:
        return dns.name.from_text(ascii_name(domain))
    except (UnicodeError, dns.exception.DNSException) as error:
        raise MxError(Reason.NAME_NOT_FOUND, f"not a domain name: {error}") from error


def _usable(domain: str, records: list[tuple[int, dns.name.Name]]) -> tuple[Exchange, ...]:
    """What the records say, with every host once, at its best preference."""
    if [exchange for _, exchange in records] == [dns.name.root]:
        raise MxError(Reason.NULL_MX, f"{domain} says that it takes no mail (null MX, RFC 7505)")
    if len(records) > MAX_EXCHANGES:
        raise MxError(Reason.LIMIT_EXCEEDED, f"{domain} has {len(records)} MX, more than {MAX_EXCHANGES}")
    best: dict[str, int] = {}
    for preference, exchange in records:
        host = _text(exchange)
        if not _HOST_NAME.fullmatch(host):
            raise MxError(Reason.PROTOCOL_ERROR, f"an MX of {domain} is not a host name: {host!r}")
        best[host] = min(preference, best.get(host, preference))
    return tuple(sorted(Exchange(preference, host) for host, preference in best.items()))


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()
