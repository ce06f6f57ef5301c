"""Which addresses a URL from a certificate may lead to.

Whoever runs a mail server writes the URLs in its certificate, so they must not reach what only this
machine can reach. In: an address that a connection is about to be made to, the networks that the
configuration allows, and whether the mail server is on a public address. Out: None, or why the connection
must not be made. It resolves no names and connects to nothing.

The tables follow IANA's registries of special-purpose addresses (RFC 6890). They are written out because
those in the standard library differ between its versions.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_REFUSED: Sequence[tuple[str, str]] = (
    # Metadata services hand out credentials to whoever asks from the machine. Azure, Alibaba, Oracle, AWS,
    # Google, Oracle and Scaleway; those on link-local addresses are named for the sake of the message.
    (
        "a cloud metadata address",
        "169.254.169.254 168.63.129.16 100.100.100.200 192.0.0.192 "
        "fd00:ec2::/32 fd20:ce::254 fd00:c1::a9fe:a9fe fd00:42::42",
    ),
    ("an unspecified address", "0.0.0.0/8 ::"),
    ("a loopback address", "127.0.0.0/8 ::1"),
    ("a link-local address", "169.254.0.0/16 fe80::/10"),
    ("a multicast address", "224.0.0.0/4 ff00::/8"),
    (
        "a reserved address",
        # Protocol assignments, documentation, 6to4 relays, benchmarks, class E and broadcast.
        "192.0.0.0/24 192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 192.88.99.0/24 198.18.0.0/15 240.0.0.0/4 "
        # All outside 2000::/3 that has no meaning of its own; in it, protocol assignments, documentation.
        "::/3 4000::/2 8000::/2 c000::/3 e000::/4 f000::/5 f800::/6 fe00::/9 fec0::/10 "
        "2001::/23 2001:db8::/32 3fff::/20",
    ),
)
_PRIVATE = "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 100.64.0.0/10 fc00::/7"
"""RFC 1918, RFC 6598, RFC 4193."""
_LOCAL = f"{_PRIVATE} 127.0.0.0/8 ::1 169.254.0.0/16 fe80::/10"
_CARRIERS = "::/96 ::ffff:0:0/96 ::ffff:0:0:0/96 64:ff9b::/96"
"""IPv6 forms whose last 32 bits are an IPv4 address: compatible, mapped (RFC 4291), translated (RFC 2765)
and NAT64 (RFC 6052)."""


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(map(ipaddress.ip_network, text.split()))


_REFUSED_NETWORKS = tuple((network, kind) for kind, text in _REFUSED for network in _networks(text))
_PRIVATE_NETWORKS = _networks(_PRIVATE)
_LOCAL_NETWORKS = _networks(_LOCAL)
_CARRIER_NETWORKS = _networks(_CARRIERS)


def spelled_address(host: str) -> Address | None:
    """The address that a URL's host spells, or None when it is a name.

    Besides the usual forms it reads those that the C library reads, and would connect to: `127.1`,
    `2130706433`, `0x7f000001`, `0177.0.0.1`.
    """
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):
        return None


def is_public(asker: str) -> bool:
    """Whether a mail server's address is one that anybody may have.

    What cannot be read as an address counts as public, since the rules for those are the stricter ones.
    """
    try:
        address = ipaddress.ip_address(asker)
    except ValueError:
        return True
    return not all(_within(inner, _LOCAL_NETWORKS) for inner in _judged(address))


def refusal(address: Address, allow_networks: Sequence[Network], *, public_asker: bool) -> str | None:
    """Why no connection may be made to an address, None when it may.

    An IPv6 address that carries an IPv4 address is judged by that one, and allowed by it.

    Args:
        address: the very address that would be connected to.
        allow_networks: where connections may go whatever the tables say.
        public_asker: whether the mail server that names the URL is on a public address; then it may not
            send us to a private one.
    """
    if _within(address, allow_networks):
        return None
    for inner in _judged(address):
        kind = None if _within(inner, allow_networks) else _kind(inner, public_asker=public_asker)
        if kind:
            return f"{address} is {kind}" if inner == address else f"{address} stands for {inner}, {kind}"
    return None


def _kind(address: Address, *, public_asker: bool) -> str | None:
    for network, kind in _REFUSED_NETWORKS:
        if address in network:
            return kind
    if public_asker and _within(address, _PRIVATE_NETWORKS):
        return "a private address, where a mail server on a public one may not send us"
    return None


def _judged(address: Address) -> tuple[Address, ...]:
    """The IPv4 addresses that an IPv6 address carries, or else the address itself."""
    if address.version == 4 or int(address) <= 1:  # `::` and `::1` carry nothing
        return (address,)
    if address.teredo:
        return address.teredo
    if address.sixtofour:
        return (address.sixtofour,)
    if _within(address, _CARRIER_NETWORKS):
        return (ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF),)
    return (address,)


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)
