"""What `/probe` may be asked for beside the configured targets: `probe.allow` and `probe.ports`.

In: the rules of the configuration. Out: whether a host may be asked for, and whether an address may be connected
to. The address counts, not the name: it is checked after the name was resolved, on the very address that is
then connected to, so that a name that leads to this machine or to a metadata service is refused.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from exporter.config import Probe
from exporter.evidence.addresses import refusal


@dataclass(frozen=True, slots=True)
class Permission:
    """The rules for a host that was asked for; `named` is whether its name is allowed."""

    rules: Probe
    named: bool

    def refusal(self, addresses: Sequence[str]) -> str | None:
        """Why these addresses of the host must not be connected to, None when they may all be."""
        return next((reason for address in addresses if (reason := self._refusal(address))), None)

    def _refusal(self, address: str) -> str | None:
        literal = ipaddress.ip_address(address.partition("%")[0])
        if literal.version == 6 and literal.ipv4_mapped:
            literal = literal.ipv4_mapped
        if any(literal in network for network in self.rules.networks):
            return None
        if not self.named:
            return f"{address} is in no network of probe.allow"
        return refusal(literal, (), public_asker=False)


def permission(rules: Probe, host: str, port: int) -> Permission | None:
    """The rules for a host, None when they refuse it whatever its addresses are."""
    if port not in rules.ports:
        return None
    named = any(fnmatchcase(host.lower().removesuffix("."), pattern) for pattern in rules.names)
    return Permission(rules, named) if named or rules.networks else None
