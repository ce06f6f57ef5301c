"""Which addresses a URL from a certificate may lead to."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.evidence.addresses import is_public, refusal, spelled_address
from tests.evidence.conftest import PRIVATE, PUBLIC

NOWHERE = (
    ("127.0.0.1", "a loopback address"),
    ("127.255.255.254", "a loopback address"),
    ("::1", "a loopback address"),
    ("0.0.0.0", "an unspecified address"),
    ("0.1.2.3", "an unspecified address"),
    ("::", "an unspecified address"),
    ("169.254.1.1", "a link-local address"),
    ("fe80::1", "a link-local address"),
    ("fe80::1%eth0", "a link-local address"),
    ("169.254.169.254", "a cloud metadata address"),
    ("100.100.100.200", "a cloud metadata address"),
    ("168.63.129.16", "a cloud metadata address"),
    ("192.0.0.192", "a cloud metadata address"),
    ("fd00:ec2::254", "a cloud metadata address"),
    ("fd20:ce::254", "a cloud metadata address"),
    ("224.0.0.251", "a multicast address"),
    ("ff02::1", "a multicast address"),
    ("240.0.0.1", "a reserved address"),
    ("255.255.255.255", "a reserved address"),
    ("192.0.2.1", "a reserved address"),
    ("198.18.0.1", "a reserved address"),
    ("2001:db8::1", "a reserved address"),
    ("100::1", "a reserved address"),
    ("64:ff9b:1::1", "a reserved address"),
    ("fec0::1", "a reserved address"),
    ("4000::1", "a reserved address"),
)
"""Addresses that are refused to every asker."""

CARRIERS = (
    "::ffff:{0}",  # mapped
    "::{0}",  # compatible
    "::ffff:0:{0}",  # translated
    "64:ff9b::{0}",  # NAT64
)


@pytest.mark.parametrize("asker", [PUBLIC, PRIVATE], ids=["public-asker", "private-asker"])
@pytest.mark.parametrize(("address", "kind"), NOWHERE, ids=[address for address, _ in NOWHERE])
def test_refused_to_all(address: str, kind: str, asker: str) -> None:
    """What only this machine or its link can reach is refused, with the kind of address as the reason."""
    why = refusal(ipaddress.ip_address(address), (), public_asker=is_public(asker))
    assert why == f"{address} is {kind}"


@pytest.mark.parametrize("address", ["192.168.1.1", "10.255.0.1", "172.31.0.1", "100.64.0.1", "fd12:3456::1"])
def test_private_addresses_are_for_private_servers(address: str) -> None:
    """A server in the private network may name an authority there; one on a public address may not."""
    parsed = ipaddress.ip_address(address)
    assert refusal(parsed, (), public_asker=False) is None
    why = refusal(parsed, (), public_asker=True)
    assert why is not None
    assert why.startswith(f"{address} is a private address")


@pytest.mark.parametrize("address", ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1", "2a00::1"])
def test_public_addresses_are_asked(address: str) -> None:
    """What anybody may reach may be asked for by anybody."""
    assert refusal(ipaddress.ip_address(address), (), public_asker=True) is None


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("inner", ["127.0.0.1", "169.254.169.254", "10.0.0.1", "1.1.1.1"])
def test_ipv4_inside_ipv6(carrier: str, inner: str) -> None:
    """An IPv6 address that carries an IPv4 address is as good or bad as that one."""
    outer = ipaddress.ip_address(carrier.format(inner))
    plain = refusal(ipaddress.ip_address(inner), (), public_asker=True)
    carried = refusal(outer, (), public_asker=True)
    assert carried == (plain and plain.replace(f"{inner} is ", f"{outer} stands for {inner}, "))


@pytest.mark.parametrize(
    ("address", "inner"),
    [
        ("2002:7f00:1::1", "127.0.0.1"),
        ("2002:a9fe:a9fe::", "169.254.169.254"),
        ("2001:0:a00:1::", "10.0.0.1"),  # the Teredo server
        ("2001:0:101:101::80ff:fffe", "127.0.0.1"),  # the Teredo client, inverted
    ],
)
def test_tunnels(address: str, inner: str) -> None:
    """6to4 and Teredo addresses are judged by the IPv4 addresses that they lead through."""
    why = refusal(ipaddress.ip_address(address), (), public_asker=True)
    assert why is not None
    assert f"stands for {inner}, " in why


@pytest.mark.parametrize("address", ["127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::127.0.0.1", "fd12::1", "::1"])
def test_allowed_networks(address: str) -> None:
    """What the configuration lists is allowed, in every form, and nothing beside it."""
    networks = [ipaddress.ip_network(text) for text in ("127.0.0.0/31", "fd12::/127", "::1/128")]
    parsed = ipaddress.ip_address(address)
    assert refusal(parsed, networks, public_asker=True) is None
    assert refusal(parsed + 2, networks, public_asker=True) is not None


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("127.0.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0X7F.1", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("0xa9fea9fe", "169.254.169.254"),
        ("2852039166", "169.254.169.254"),
        ("0", "0.0.0.0"),
        ("::ffff:169.254.169.254", "::ffff:169.254.169.254"),
        ("0:0:0:0:0:ffff:a9fe:a9fe", "::ffff:169.254.169.254"),
    ],
)
def test_odd_spellings(host: str, address: str) -> None:
    """Every spelling that a connection would accept is read as the address that it leads to."""
    assert spelled_address(host) == ipaddress.ip_address(address)


@pytest.mark.parametrize(
    "host", ["mail.example.org", "", "1.2.3.4.5", "256.0.0.1x", "127.0.0.1.example.org", "é"]
)
def test_names_spell_no_address(host: str) -> None:
    """A name is not taken for an address."""
    assert spelled_address(host) is None


@pytest.mark.parametrize(
    ("asker", "public"),
    [
        ("203.0.113.25", True),
        ("2606:4700::1", True),
        ("::ffff:203.0.113.25", True),
        ("", True),
        ("mail.example.org", True),
        ("10.1.2.3", False),
        ("100.64.0.1", False),
        ("127.0.0.1", False),
        ("::1", False),
        ("fd00::25", False),
        ("fe80::1%eth0", False),
        ("::ffff:192.168.0.1", False),
        ("172.15.0.1", True),
    ],
)
def test_who_is_public(asker: str, public: bool) -> None:
    """A mail server counts as public unless its address says that it is not."""
    assert is_public(asker) is public


@given(st.ip_addresses(v=4))
def test_nothing_private_slips_through(address: ipaddress.IPv4Address) -> None:
    """For a public asker, whatever the standard library knows as not global is refused."""
    if address.is_private or address.is_loopback or address.is_link_local or address.is_multicast:
        assert refusal(address, (), public_asker=True) is not None


@given(st.ip_addresses(v=6, network="::/3") | st.ip_addresses(v=6, network="4000::/2"))
def test_no_ipv6_outside_global_unicast(address: ipaddress.IPv6Address) -> None:
    """Outside 2000::/3 nothing is reachable but what carries a public IPv4 address."""
    why = refusal(address, (), public_asker=True)
    carried = int(address) >> 32 in {0, 0xFFFF, 0xFFFF0000, 0x64FF9B << 64}
    assert why is not None or carried
