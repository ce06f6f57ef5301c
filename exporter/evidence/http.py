"""Asking for URLs that somebody else wrote.

The only HTTP client of the project. In: a URL from a certificate and the address of the mail server that
presented it. Out: the bytes that it gives, or why there are none. Nothing that a URL, a name server or a web
server says can make it connect where it must not, wait beyond its deadline, or hold more than the
caller's limit.

How a connection stays where it was allowed to go: a host that spells an address, however oddly, is
replaced by that address before the rules of `exporter.evidence.addresses` look at it; a name is looked up
once for each connection, by `_CheckedResolver`, and the connector sees only those of its addresses that the
rules let pass. Connections are used again, so each kind of asker has a pool of its own. Redirects are
followed here, one by one, each judged as if it were the first URL.
"""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import logging
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from exporter import __version__
from exporter.evidence.addresses import Address, Network, is_public, refusal
from exporter.evidence.dns import LookUp, system_look_up
from exporter.evidence.failures import FetchError, FetchFailure, FetchReason, short
from exporter.evidence.urls import Rule, checked_url
from exporter.threads import DaemonThreads

MAX_REDIRECTS = 3

_CONNECTIONS = 10
"""At the same time, for each of the two kinds of asker: 20 in all."""
_CONNECTIONS_PER_HOST = 2
_PORTION = 16 * 1024
"""Bytes that are read and parsed in one turn of the loop."""
_REDIRECTS = {301, 302, 303, 307, 308}
_HEADERS = {
    "User-Agent": f"smtp-tls-exporter/{__version__}",
    "Accept": "*/*",
    "Accept-Encoding": "identity",  # what is small on the wire shall be small in memory
}

_log = logging.getLogger(__name__)
_threads = DaemonThreads(8)


@dataclass(frozen=True, slots=True)
class Posted:
    """The body of a request and its media type."""

    body: bytes
    type: str


@dataclass(frozen=True, slots=True)
class _Order:
    """One call of `HttpClient.get`."""

    url: str
    public: bool
    limit: int
    schemes: Sequence[str]
    post: Posted | None


class HttpClient:
    """Asks for URLs, for as long as its context is entered.

    Args:
        timeout: seconds for one URL in all: waiting for a free connection, names, redirects, body.
        allow_networks: addresses that may be connected to whatever the rules say.
        look_up: how names are resolved.
    """

    def __init__(
        self,
        timeout: float = 10.0,
        allow_networks: Sequence[Network] = (),
        *,
        look_up: LookUp = system_look_up,
    ) -> None:
        self._timeout = timeout
        self._allow_networks = tuple(allow_networks)
        self._look_up = look_up
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def __aenter__(self) -> HttpClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        for session in self._sessions.values():
            await session.close()

    async def get(
        self,
        url: str,
        *,
        asked_by: str,
        limit: int,
        schemes: Sequence[str] = ("http",),
        post: Posted | None = None,
    ) -> bytes | FetchFailure:
        """What a URL gives with status 200.

        Raises nothing but CancelledError.

        Args:
            url: as it stands in the certificate.
            asked_by: address of the mail server that presented it.
            limit: most bytes of a body; a longer one is a failure.
            schemes: of `http` and `https`, those that are asked, redirects included.
            post: what to send by the method POST; None for GET.
        """
        try:
            async with asyncio.timeout(self._timeout):
                return await self._follow(_Order(url, is_public(asked_by), limit, schemes, post))
        except TimeoutError:
            return FetchFailure(FetchReason.TIMEOUT, f"no answer within {self._timeout:g} s")
        except Exception as error:  # noqa: BLE001 - hostile input must not end a probe, whatever it finds
            return _failure(error)

    async def _follow(self, order: _Order) -> bytes:
        rule = self._rule(order.public)
        url = checked_url(order.url, order.schemes, rule)
        session, post = self._session(order.public), order.post
        for _ in range(MAX_REDIRECTS + 1):
            asking = (
                session.post(url, data=post.body, headers={"Content-Type": post.type}, allow_redirects=False)
                if post
                else session.get(url, allow_redirects=False)
            )
            async with asking as response:
                if response.status not in _REDIRECTS:
                    return await _body(response, order.limit)
                location = response.headers.get("Location")
            if not location:
                raise FetchError(FetchReason.PROTOCOL_ERROR, "a redirect without Location")
            url = checked_url(location, order.schemes, rule, base=url)
        raise FetchError(FetchReason.TOO_MANY_REDIRECTS, f"more than {MAX_REDIRECTS} redirects")

    def _rule(self, public: bool) -> Rule:
        return functools.partial(refusal, allow_networks=self._allow_networks, public_asker=public)

    def _session(self, public: bool) -> aiohttp.ClientSession:
        if public not in self._sessions:
            resolver = _CheckedResolver(self._look_up, self._rule(public))
            self._sessions[public] = _new_session(resolver)
        return self._sessions[public]


class _CheckedResolver(AbstractResolver):
    """Gives the connector the addresses that it may connect to, and no others."""

    def __init__(self, look_up: LookUp, rule: Rule) -> None:
        self._look_up = look_up
        self._rule = rule

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 - the connector asks for all
    ) -> list[ResolveResult]:
        """The allowed addresses of a name.

        Raises:
            OSError: there are none; a `_RefusedError` if none is allowed.
        """
        found = await _threads.run(functools.partial(self._look_up, host))
        addresses = [ipaddress.ip_address(text) for text in found]
        refusals = {address: self._rule(address) for address in addresses}
        allowed = [address for address, why in refusals.items() if why is None]
        if not allowed:
            raise _RefusedError(f"{host}: {'; '.join(filter(None, refusals.values())) or 'no address'}")
        return [_resolved(host, port, address) for address in allowed]

    async def close(self) -> None:
        """Nothing to close."""


class _RefusedError(OSError):
    """A name without any address that may be connected to."""


def _resolved(host: str, port: int, address: Address) -> ResolveResult:
    return ResolveResult(
        hostname=host,
        host=str(address),
        port=port,
        family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )


class _Socket(socket.socket):
    """Reads small portions.

    A server that sends nothing but tiny interim responses (status 100) keeps the parser busy for 70 ms with
    the 256 KB that asyncio would read at once.
    """

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """At most a portion."""
        return super().recv(min(size, _PORTION), flags)


def _new_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, *_ = address
    return _Socket(family, kind, protocol)


def _new_session(resolver: AbstractResolver) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(
        limit=_CONNECTIONS,
        limit_per_host=_CONNECTIONS_PER_HOST,
        resolver=resolver,
        use_dns_cache=False,  # each connection goes by an answer that was checked for it
        socket_factory=_new_socket,
    )
    return aiohttp.ClientSession(
        connector=connector,
        headers=_HEADERS,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        read_bufsize=_PORTION,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),  # HttpClient.get has the deadline
    )


async def _body(response: aiohttp.ClientResponse, limit: int) -> bytes:
    if response.status != 200:
        raise FetchError(FetchReason.HTTP_STATUS, f"the web server answered {response.status}")
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        raise FetchError(FetchReason.PROTOCOL_ERROR, f"an answer in Content-Encoding {encoding}")
    too_large = FetchError(FetchReason.TOO_LARGE, f"an answer of more than {limit} bytes")
    if (response.content_length or 0) > limit:
        raise too_large
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            raise too_large
    return bytes(body)


_REASONS: Sequence[tuple[type[Exception], FetchReason]] = (
    (_RefusedError, FetchReason.FORBIDDEN_ADDRESS),
    (socket.gaierror, FetchReason.NAME_NOT_RESOLVED),
    (ssl.SSLError, FetchReason.TLS_FAILED),
    (ssl.CertificateError, FetchReason.TLS_FAILED),
    (aiohttp.ClientResponseError, FetchReason.PROTOCOL_ERROR),
    (aiohttp.ClientPayloadError, FetchReason.PROTOCOL_ERROR),
    (aiohttp.ClientConnectionError, FetchReason.CONNECTION_FAILED),
    (OSError, FetchReason.CONNECTION_FAILED),
    (ValueError, FetchReason.BAD_URL),  # names that no resolver takes
)
"""Which of the library's errors mean what; the first that fits."""


def _failure(error: Exception) -> FetchFailure:
    cause = getattr(error, "os_error", None) or getattr(error, "certificate_error", None) or error
    if isinstance(error, FetchError):
        return FetchFailure(error.reason, short(str(error)))
    reason = next((reason for kind, reason in _REASONS if isinstance(cause, kind)), None)
    if reason is None:
        _log.error("fetching a URL failed", exc_info=error)
    text = str(cause) or type(cause).__name__
    return FetchFailure(reason or FetchReason.INTERNAL_ERROR, short(text))
