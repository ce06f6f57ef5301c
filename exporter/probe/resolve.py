"""Names to addresses, by the system's resolver: /etc/hosts and nsswitch count, as for mail clients.

Look-ups run in threads of their own, enough of them that one slow name does not hold up the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import ipaddress
import socket

from exporter.idn import ascii_name
from exporter.model import IpFamily, Reason
from exporter.probe.errors import ProbeError
from exporter.threads import DaemonThreads

_OWN_NAME_TIMEOUT = 2.0
_FAMILIES = {
    IpFamily.ANY: socket.AF_UNSPEC,
    IpFamily.IPV4: socket.AF_INET,
    IpFamily.IPV6: socket.AF_INET6,
}
_NOT_FOUND = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME), socket.EAI_FAMILY}


async def resolve(host: str, family: IpFamily, *, timeout: float) -> tuple[str, ...]:
    """The addresses of a host in the resolver's order, without duplicates.

    Args:
        host: an IP address, or a name in A-label or U-label form.
        family: which addresses are wanted.
        timeout: seconds; the thread that is still asking afterwards is left to finish by itself.

    Raises:
        ProbeError: the name has no such address, or the resolver did not answer.
    """
    if is_ipv4(host) and family is not IpFamily.IPV6:
        return (host,)
    if (literal := address_literal(host)) is not None:
        return (_of_family(literal, family),)
    try:
        name = ascii_name(host)
        async with asyncio.timeout(timeout):
            return await _threads.run(functools.partial(_look_up, name, family))
    except UnicodeError as error:
        raise ProbeError(Reason.NAME_NOT_FOUND, f"not a host name: {error}") from error
    except TimeoutError as error:
        raise ProbeError(Reason.TIMEOUT, f"no answer from the resolver in {timeout:.3g} s") from error
    except socket.gaierror as error:
        reason = Reason.NAME_NOT_FOUND if error.errno in _NOT_FOUND else Reason.DNS_FAILURE
        raise ProbeError(reason, f"{host}: {error.strerror}") from error


def is_ipv4(host: str) -> bool:
    """Whether the host is an IPv4 address in its one form; tells most targets of large fleets in no time."""
    try:
        return bool(socket.inet_pton(socket.AF_INET, host))
    except OSError:
        return False


def address_literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The host as an IP address (a zone index allowed), or None when it is a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _of_family(address: ipaddress.IPv4Address | ipaddress.IPv6Address, family: IpFamily) -> str:
    version = {IpFamily.IPV4: 4, IpFamily.IPV6: 6}.get(family, address.version)
    if address.version != version:
        raise ProbeError(Reason.NAME_NOT_FOUND, f"{address} is not an IPv{version} address")
    return str(address)


def _look_up(name: str, family: IpFamily) -> tuple[str, ...]:
    try:
        # Without an IPv6 address of our own, a server's AAAA record is not our problem.
        found = _getaddrinfo(name, family, socket.AI_ADDRCONFIG)
    except socket.gaierror:
        found = _getaddrinfo(name, family, 0)
    return tuple(dict.fromkeys(found))


def _getaddrinfo(name: str, family: IpFamily, flags: int) -> list[str]:
    answers = socket.getaddrinfo(name, None, family=_FAMILIES[family], type=socket.SOCK_STREAM, flags=flags)
    return [str(sockaddr[0]) for *_, sockaddr in answers]


_threads = DaemonThreads(32)
_own_name: list[str] = []


async def own_name() -> str:
    """This machine's fully qualified name, empty when it has none or nobody says it. Asked once."""
    if not _own_name:
        name = ""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_OWN_NAME_TIMEOUT):
                name = await _threads.run(socket.getfqdn)
        _own_name.append(name if name.isascii() and "." in name else "")
    return _own_name[0]


def own_literal(address: str) -> str:
    """An address in the form that stands for a missing name in EHLO (RFC 5321 section 4.1.3)."""
    literal = ipaddress.ip_address(address.partition("%")[0])
    return f"[IPv6:{literal}]" if literal.version == 6 else f"[{literal}]"
