"""Networks of addresses as people write them; text in, a network or ValueError with the reason out.

It must import neither pydantic nor yaml, like the other units of this package.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network

_CIDR = re.compile(r"(?P<address>[0-9A-Fa-f:.]+)(?P<prefix>/[0-9]{1,3})?")
CIDR_PATTERN = r"^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$"
"""What `parse_network` takes at most, for a JSON Schema."""


def parse_network(text: str) -> IPv4Network | IPv6Network:
    """The network of `10.1.0.0/16` or `fd00::/8`; an address alone is the network of that address.

    Raises:
        ValueError: it is neither; the message says how to write what was probably meant.
    """
    network = _lenient(text)
    spelled = _CIDR.fullmatch(text)
    if network is None or "%" in text:
        raise ValueError(f"must be a network such as 10.1.0.0/16, or an address, not {_short(text)}")
    if spelled is None:
        raise ValueError(f"must give the length of the prefix: write {str(network)!r}, not {text!r}")
    address = spelled["address"]
    if ip_network(address).network_address != network.network_address:
        raise ValueError(
            f"{text!r} is an address in a network: write {str(network)!r}, or {address!r} for it alone"
        )
    return network


def _lenient(text: str) -> IPv4Network | IPv6Network | None:
    """What the text means, also with a mask or with bits beyond the prefix."""
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _short(text: str, limit: int = 80) -> str:
    return repr(text if len(text) <= limit else f"{text[:limit]}…")
