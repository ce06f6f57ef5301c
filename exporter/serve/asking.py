"""What a request to `/probe` asks for.

In: the query and the headers of blackbox_exporter's protocol, and what is configured. Out: the target as it
is to be probed, or the HTTP error that says what is wrong with the request. Only configured targets and
what `probe.allow` covers may be asked for, so that nobody can make this program connect anywhere else.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import math
import re

from aiohttp import web

from exporter import hosts
from exporter.config import Module
from exporter.config.sources import Template
from exporter.model import Target
from exporter.publish.text import one_line
from exporter.serve.directory import DEFAULT_PORT
from exporter.serve.permission import Permission, permission
from exporter.serve.service import Service

TIMEOUT_HEADER = "X-Prometheus-Scrape-Timeout-Seconds"

_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9_.-]{1,253}")


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """A probe that was asked for; `timeout` is seconds for all of it."""

    target: Target
    timeout: float
    debug: bool
    permission: Permission | None = None
    """Which addresses it may have; None for a configured target."""


def read(request: web.Request, service: Service) -> Question:
    """Understand a request.

    Raises:
        web.HTTPBadRequest: a parameter or header is missing, repeated or cannot be used.
        web.HTTPForbidden: the target is neither configured nor allowed.
    """
    name = parameter(request, "target")
    if not name:
        raise web.HTTPBadRequest(text="Parameter target is missing: /probe?target=HOST:PORT\n")
    asked = (name, parameter(request, "module"), parameter(request, "hostname"))
    if asked not in service.meant:
        service.mean(asked, _meant(asked, service))
    target, granted = service.meant[asked]
    debug = parameter(request, "debug").lower() in {"true", "1"}
    return Question(target, _timeout(request, target, service.timeout_offset), debug, granted)


def _meant(asked: tuple[str, str, str], service: Service) -> tuple[Target, Permission | None]:
    """The target as it is to be probed, and which addresses it may have."""
    name, module, hostname = asked
    target, granted = _configured(name, service), None
    if target is None:
        target, granted = _allowed(name, service)
    target = _with_module(target, module, service)
    return (_with_name(target, hostname) if hostname else target), granted


def parameter(request: web.Request, name: str) -> str:
    """The value of a query parameter without white space around it, empty when it is missing.

    Raises:
        web.HTTPBadRequest: it is given more than once.
    """
    values = request.query.getall(name, [])
    if len(values) > 1:
        raise web.HTTPBadRequest(text=f"Parameter {name} is given more than once\n")
    return values[0].strip() if values else ""


def _configured(name: str, service: Service) -> Target | None:
    """The first target that is meant by a name; a domain whose exchanges are not known has no host to probe."""
    return next((entry.target for entry in service.board.find(name) if entry.target.host), None)


def _allowed(name: str, service: Service) -> tuple[Target, Permission]:
    """A target that is not configured, with the settings of the defaults."""
    rules = service.config.probe
    if not (rules.names or rules.networks):
        raise web.HTTPForbidden(text=f"Target {one_line(name)} is not configured\n")
    try:
        host, port = hosts.host_and_port(name)
    except ValueError as error:
        raise web.HTTPBadRequest(text=f"Target {one_line(name)}: {one_line(str(error))}\n") from error
    granted = permission(rules, host, port or DEFAULT_PORT)
    if granted is None:
        raise web.HTTPForbidden(
            text=f"Target {one_line(name)} is not configured, nor allowed by probe.allow\n"
        )
    template = Template(own=Module(), defaults=service.config.defaults)
    (target,) = template.targets(host, port=port)
    return target, granted


def _with_module(target: Target, module: str, service: Service) -> Target:
    if not module:
        return target
    if module not in service.modules:
        raise web.HTTPBadRequest(text=f"Module {one_line(module)} is not configured\n")
    return service.modules[module](target)


def _with_name(target: Target, hostname: str) -> Target:
    """The target with another expected name, which is also sent as SNI unless it is an address."""
    try:
        name, sni = str(ipaddress.ip_address(hostname)), ""
    except ValueError:
        if not _HOST_NAME.fullmatch(hostname):
            raise web.HTTPBadRequest(
                text="Parameter hostname is not a host name; write international names in their xn-- form\n"
            ) from None
        name = sni = hostname
    return dataclasses.replace(target, names=(name,), sni=sni)


def _timeout(request: web.Request, target: Target, offset: float) -> float:
    """Seconds for the whole probe: the scrape timeout less the offset, else the target's own.

    Where the offset would leave less than half of the scrape timeout, half of it is used.
    """
    header = request.headers.get(TIMEOUT_HEADER)
    if header is None:
        return target.timeout
    try:
        seconds = float(header)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise web.HTTPBadRequest(text=f"Header {TIMEOUT_HEADER} is not a number of seconds\n")
    return max(seconds - offset, seconds / 2)
