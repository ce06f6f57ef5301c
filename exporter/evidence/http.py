"""Asking for URLs that somebody else wrote.

The only HTTP client of the project. In: a URL from a certificate and the address of the mail server that
presented it. Out: the bytes that it gives, or why there are none. Nothing that a URL, a name server or a web
server says can make it connect where it must not, wait beyond its deadline, or hold more than the
caller's limit.

How a connection stays where it was allowed to go: a host that spells an address, however oddly, is
replaced by that address before the rules of `exporter.evidence.addresses` look at it; a name is looked up
once for each connection, by `_CheckedResolver`, and the connector sees only those of its addresses that the
rules let pass. Connections are reused, so each kind of asker has a pool of its own. Redirects are followed
here, one by one, as if each were a new URL.
"""

from __future__ import annotations

import asyncio
import enum
import functools
import ipaddress
import logging
import re
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from exporter import __version__
from exporter.evidence.addresses import Address, Network, is_public, refusal, spelled_address

MAX_REDIRECTS = 3
MAX_URL = 2048
"""Characters. Longer URLs are not asked."""

_CONNECTIONS = 10
"""At the same time, for each kind of asker: 20 in all."""
_CONNECTIONS_PER_HOST = 2
_LOOKUP_THREADS = 8
_READ_BUFFER = 16 * 1024
_MAX_DETAIL = 200
_WEB_PORTS = (80, 443)
_HOST_NAME = re.compile(r"[A-Za-z0-9_.-]{1,254}")
_HEADERS = {
    "User-Agent": f"smtp-tls-exporter/{__version__}",
    "Accept": "*/*",
    "Accept-Encoding": "identity",  # what is small on the wire shall be small in memory
}

_log = logging.getLogger(__name__)

LookUp = Callable[[str], Sequence[str]]
"""Gives the addresses of a name. Runs in a thread; raises OSError when there is no answer."""
Rule = Callable[[Address], str | None]
"""Says why an address must not be connected to, or None."""


class HttpReason(enum.StrEnum):
    """Why a URL gave nothing."""

    BAD_URL = "bad_url"
    """Not a URL that is asked: scheme, user name, port or form."""
    FORBIDDEN_ADDRESS = "forbidden_address"
    NAME_NOT_RESOLVED = "name_not_resolved"
    CONNECTION_FAILED = "connection_failed"
    TLS_FAILED = "tls_failed"
    TIMEOUT = "timeout"
    HTTP_STATUS = "http_status"
    TOO_MANY_REDIRECTS = "too_many_redirects"
    TOO_LARGE = "too_large"
    PROTOCOL_ERROR = "protocol_error"
    """What came is not HTTP, or not what was asked for."""
    INTERNAL_ERROR = "internal_error"
    """A fault of this program."""


@dataclass(frozen=True, slots=True)
class HttpFailure:
    """Why a URL gave nothing; `detail` is for people, short, printable ASCII."""

    reason: HttpReason
    detail: str


def system_look_up(name: str) -> Sequence[str]:
    """The addresses of a name by the system's resolver."""
    answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in answers))


class HttpClient:
    """Asks for URLs, for as long as its context is entered.

    Args:
        timeout: seconds for one URL in all: waiting for a free connection, names, redirects, body.
        allow_networks: addresses that may be connected to although they are not public.
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
        self._threads = ThreadPoolExecutor(_LOOKUP_THREADS, thread_name_prefix="evidence-dns")
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def __aenter__(self) -> HttpClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        for session in self._sessions.values():
            await session.close()

    async def get(
        self, url: str, *, asked_by: str, limit: int, schemes: Sequence[str] = ("http",)
    ) -> bytes | HttpFailure:
        """What a URL gives with status 200, by the method GET.

        Raises nothing but CancelledError.

        Args:
            url: as it stands in the certificate.
            asked_by: address of the mail server that presented it.
            limit: most bytes that are read; a longer body is a failure.
            schemes: of `http` and `https`, those that are asked, redirects included.
        """
        try:
            async with asyncio.timeout(self._timeout):
                return await self._follow(url, is_public(asked_by), limit, schemes)
        except TimeoutError:
            return HttpFailure(HttpReason.TIMEOUT, f"no answer within {self._timeout:g} s")
        except Exception as error:  # noqa: BLE001 - hostile input must not end a probe, whatever it finds
            return _failure(error)

    async def _follow(self, url: str, public_asker: bool, limit: int, schemes: Sequence[str]) -> bytes:
        rule = self._rule(public_asker=public_asker)
        session = self._session(public_asker=public_asker)
        target = checked_url(url, schemes, rule)
        for _ in range(MAX_REDIRECTS + 1):
            async with session.get(target, allow_redirects=False) as response:
                if response.status not in {301, 302, 303, 307, 308}:
                    return await _body(response, limit)
                location = response.headers.get("Location")
            if not location:
                raise _FailedError(HttpReason.PROTOCOL_ERROR, "a redirect without Location")
            target = checked_url(location, schemes, rule, base=target)
        raise _FailedError(HttpReason.TOO_MANY_REDIRECTS, f"more than {MAX_REDIRECTS} redirects")

    def _rule(self, *, public_asker: bool) -> Rule:
        return functools.partial(refusal, allow_networks=self._allow_networks, public_asker=public_asker)

    def _session(self, *, public_asker: bool) -> aiohttp.ClientSession:
        if public_asker not in self._sessions:
            resolver = _CheckedResolver(self._look_up, self._threads, self._rule(public_asker=public_asker))
            self._sessions[public_asker] = _new_session(resolver)
        return self._sessions[public_asker]


def checked_url(text: str, schemes: Sequence[str], rule: Rule, base: URL | None = None) -> URL:
    """A URL that may be asked, its host an address in the usual form, or a name.

    Ports are 80, 443 and those from 1024 on: below are services that are not the Web, to which a request
    should not be sent in our name.

    Raises:
        Exception: it may not be asked; `HttpClient.get` turns all of them into answers.
    """
    if len(text) > MAX_URL:
        raise _FailedError(HttpReason.BAD_URL, f"longer than {MAX_URL} characters")
    url = base.join(URL(text)) if base else URL(text)
    if url.scheme not in schemes:
        raise _FailedError(HttpReason.BAD_URL, f"{url.scheme or 'no'} URLs are not asked")
    if url.raw_user is not None or url.raw_password is not None:
        raise _FailedError(HttpReason.BAD_URL, "URLs with a user name are not asked")
    port = url.port or 0
    if port not in _WEB_PORTS and port < 1024:
        raise _FailedError(HttpReason.BAD_URL, f"port {port} is not asked")
    return _checked_host(url, rule)


def _checked_host(url: URL, rule: Rule) -> URL:
    host = url.raw_host or ""
    if not _HOST_NAME.fullmatch(host) and (":" not in host or "%" in host):
        raise _FailedError(HttpReason.BAD_URL, "no usable host in the URL")
    address = spelled_address(host)
    if address is None:
        if ":" in host or host.replace(".", "").isdigit():
            raise _FailedError(HttpReason.BAD_URL, "the host is neither an address nor a name")
        return url
    if why := rule(address):
        raise _FailedError(HttpReason.FORBIDDEN_ADDRESS, why)
    return url.with_host(str(address))


async def _body(response: aiohttp.ClientResponse, limit: int) -> bytes:
    if response.status != 200:
        raise _FailedError(HttpReason.HTTP_STATUS, f"the web server answered {response.status}")
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        raise _FailedError(HttpReason.PROTOCOL_ERROR, f"an answer in Content-Encoding {encoding}")
    too_large = _FailedError(HttpReason.TOO_LARGE, f"an answer of more than {limit} bytes")
    if (response.content_length or 0) > limit:
        raise too_large
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            raise too_large
    return bytes(body)


def _new_session(resolver: AbstractResolver) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(
        limit=_CONNECTIONS,
        limit_per_host=_CONNECTIONS_PER_HOST,
        resolver=resolver,
        use_dns_cache=False,  # each connection goes by an answer that was checked for it
    )
    return aiohttp.ClientSession(
        connector=connector,
        headers=_HEADERS,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        read_bufsize=_READ_BUFFER,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),  # HttpClient.get has the deadline
    )


class _CheckedResolver(AbstractResolver):
    """Gives the connector the addresses that it may connect to, and no others."""

    def __init__(self, look_up: LookUp, threads: ThreadPoolExecutor, rule: Rule) -> None:
        self._look_up = look_up
        self._threads = threads
        self._rule = rule

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The allowed addresses of a name; the connector asks for every family.

        Raises:
            OSError: there are none, or, as `_RefusedError`, none that is allowed.
        """
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, self._look_up, host)
        addresses = [ipaddress.ip_address(text) for text in found]
        refusals = [self._rule(address) for address in addresses]
        allowed = [address for address, why in zip(addresses, refusals, strict=True) if why is None]
        if not allowed:
            raise _RefusedError(f"{host}: {'; '.join(filter(None, refusals)) or 'no address'}")
        return [_resolved(host, port, address) for address in allowed]

    async def close(self) -> None:
        """Nothing to close: the threads are the client's."""


def _resolved(host: str, port: int, address: Address) -> ResolveResult:
    return ResolveResult(
        hostname=host,
        host=str(address),
        port=port,
        family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )


class _FailedError(Exception):
    """A URL that gives nothing, and why."""

    def __init__(self, reason: HttpReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class _RefusedError(OSError):
    """A name without any address that may be connected to."""


def _failure(error: Exception) -> HttpFailure:
    reason = _reason(error)
    if reason is HttpReason.INTERNAL_ERROR:
        _log.error("fetching evidence failed", exc_info=error)
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    text = ascii(str(cause) or type(cause).__name__)[1:-1]
    return HttpFailure(reason, text if len(text) <= _MAX_DETAIL else text[: _MAX_DETAIL - 3] + "...")


def _reason(error: Exception) -> HttpReason:
    match error:
        case _FailedError():
            return error.reason
        case aiohttp.ClientSSLError():
            return HttpReason.TLS_FAILED
        case aiohttp.ClientConnectorError(os_error=_RefusedError()):
            return HttpReason.FORBIDDEN_ADDRESS
        case aiohttp.ClientConnectorError(os_error=socket.gaierror()):
            return HttpReason.NAME_NOT_RESOLVED
        case aiohttp.ClientConnectionError():
            return HttpReason.CONNECTION_FAILED
        case aiohttp.ClientResponseError() | aiohttp.ClientPayloadError():
            return HttpReason.PROTOCOL_ERROR
        case aiohttp.InvalidURL() | ValueError():
            return HttpReason.BAD_URL
        case _:
            return HttpReason.INTERNAL_ERROR
