"""Finds targets by what people and Prometheus call them: a display name, or a host and port in any spelling.

In: all targets. Out: the ids of those that a name means. Made once for each list of targets, so that a question
costs the same whether there are ten or fifty thousand.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence

from exporter.model import Target
from exporter.probe.resolve import is_ipv4

DEFAULT_PORT = 25
"""The port of a `target` without one."""

Place = tuple[str, int]


class Directory:
    """Which targets there are under which names and places, each in the order of the list."""

    def __init__(self, targets: Iterable[Target]) -> None:
        self._names: dict[str, list[str]] = {}
        self._places: dict[Place, list[str]] = {}
        for target in targets:
            self._names.setdefault(target.name, []).append(target.id)
            self._places.setdefault((_host(target.host), target.port), []).append(target.id)

    def find(self, name: str) -> Sequence[str]:
        """The ids of the targets with that display name, else of those at that host and port."""
        return self._names.get(name) or self._places.get(_place(name)) or ()


def _place(name: str) -> Place:
    """Host and port of `host`, `host:port`, `address`, `[address]` or `[address]:port`."""
    bracketed = re.fullmatch(r"\[([^\]]*)\](?::([0-9]{1,5}))?", name)
    plain = re.fullmatch(r"([^:\[\]]*)(?::([0-9]{1,5}))?", name)
    match = bracketed or plain
    host, port = match.groups() if match else (name, None)
    return _host(host), int(port or DEFAULT_PORT)


def _host(host: str) -> str:
    """One spelling for each host: addresses in their shortest form, names in lower case."""
    if ":" not in host and not host[-1:].isdigit():
        return host.lower().removesuffix(".")
    if is_ipv4(host):
        return host
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return host.lower().removesuffix(".")
