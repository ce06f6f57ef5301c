"""Networks of addresses as people write them."""

from __future__ import annotations

import re
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import networks

NETWORKS = {
    "10.1.0.0/16": "10.1.0.0/16",
    "0.0.0.0/0": "0.0.0.0/0",
    "192.0.2.7": "192.0.2.7/32",
    "fd00::/8": "fd00::/8",
    "FD00:0::/8": "fd00::/8",
    "::1": "::1/128",
    "::ffff:192.0.2.0/120": "::ffff:192.0.2.0/120",
}
CORRECTED = {
    "10.1.2.3/16": ["10.1.0.0/16", "10.1.2.3"],
    "fd00::1/8": ["fd00::/8", "fd00::1"],
    "10.1.0.0/255.255.0.0": ["10.1.0.0/16"],
    "10.1.0.0/0.0.255.255": ["10.1.0.0/16"],
    "10.1.2.3/255.255.0.0": ["10.1.0.0/16"],
}
NO_NETWORKS = [
    "", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "::/129", "10.1/16", "fe80::1%eth0", "fe80::%eth0/10",
    "010.0.0.0/8", "[::1]", " ::1", "10.0.0.0/8\n", "192.0.2.7:80", "mail.example.org", "١٠.0.0.0/8", "9" * 200,
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), NETWORKS.items(), ids=NETWORKS)
def test_networks_and_addresses_are_networks(text: str, expected: str) -> None:
    """A network keeps its prefix, and an address is the network of itself."""
    assert networks.parse_network(text) == ip_network(expected)


@pytest.mark.parametrize(("text", "expected"), CORRECTED.items(), ids=CORRECTED)
def test_network_written_otherwise_is_corrected(text: str, expected: list[str]) -> None:
    """What is nearly right is refused with what to write instead, and that is accepted."""
    with pytest.raises(ValueError, match="write") as caught:
        networks.parse_network(text)
    advised = re.findall("'(.*?)'", str(caught.value).partition("write ")[2].replace(f", not {text!r}", ""))
    assert advised == expected
    assert [networks.parse_network(other) for other in advised] == [ip_network(other) for other in expected]


@pytest.mark.parametrize("text", NO_NETWORKS)
def test_what_is_no_network_is_refused(text: str) -> None:
    """Names, zones, ports, shortened addresses and prefixes out of range are errors, with a short message."""
    with pytest.raises(ValueError, match="must be a network such as 10") as caught:
        networks.parse_network(text)
    assert len(str(caught.value)) < 200


@given(st.text(alphabet="0123456789abcdef:./% ", max_size=20) | st.ip_addresses().map(str))
def test_the_schemas_pattern_refuses_nothing_that_is_accepted(text: str) -> None:
    """An editor marks no network as wrong that the exporter takes, and any text is a network or ValueError."""
    try:
        networks.parse_network(text)
    except ValueError:
        return
    assert re.search(networks.CIDR_PATTERN, text)
