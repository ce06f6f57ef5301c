"""Revocation lists in a directory, as Active Directory Certificate Services write them.

In: an `ldap:` URL (RFC 4516) from a certificate. Out: the attribute's bytes, or why there are none. A URL
without a host means the directory of whoever asks, which is the configured one. ldap3 is synchronous, so it
runs in threads; connections go to the very address that the rules let pass, and no referral is followed.
"""

from __future__ import annotations

import asyncio
import functools
import ipaddress
import math
import socket
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from exporter.evidence.addresses import Network, is_public, refusal, spelled_address
from exporter.evidence.dns import LookUp, system_look_up
from exporter.evidence.failures import FetchError, FetchFailure, FetchReason, short
from exporter.threads import DaemonThreads

# ldap3 has not followed pyasn1's renaming; both names work.
warnings.filterwarnings("ignore", message="(tag|type)Map is deprecated", category=DeprecationWarning)

_PORTS = {"ldap": 389, "ldaps": 636}
_ALLOWED_PORTS = {389, 636, 3268, 3269}
_FIRST_FREE_PORT = 1024
_ATTRIBUTE = "certificateRevocationList"
_PORTION = 256 * 1024
"""Bytes read at once: ldap3 copies all that it has for each portion, and asks for 4 KB."""
_ROOM = 64 * 1024
"""Bytes that a directory may send beside the list: the answer to the bind, names, other values."""
_SCOPES = {"": "BASE", "base": "BASE", "one": "LEVEL", "sub": "SUBTREE"}


@dataclass(frozen=True, slots=True)
class LdapServer:
    """The configured directory; `bind_dn` is empty for an anonymous bind."""

    host: str
    port: int = 389
    bind_dn: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class _Search:
    """One URL, taken apart."""

    host: str
    port: int
    tls: bool
    base: str
    scope: str
    filter: str


class Directory:
    """Asks directories for lists.

    Args:
        server: the one for URLs without a host; None where none is configured.
        timeout: seconds for one URL in all.
        allow_networks: addresses that may be asked whatever the rules say.
        look_up: how names are resolved.
        clock: seconds from some fixed moment, never stepping back.
    """

    def __init__(
        self,
        server: LdapServer | None,
        timeout: float = 10.0,
        allow_networks: Sequence[Network] = (),
        *,
        look_up: LookUp = system_look_up,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = server
        self._timeout = timeout
        self._allow_networks = tuple(allow_networks)
        self._look_up = look_up
        self._clock = clock

    async def fetch(self, url: str, *, asked_by: str, limit: int) -> bytes | FetchFailure:
        """The list that a URL leads to.

        Raises nothing but CancelledError.

        Args:
            url: as it stands in the certificate.
            asked_by: address of the mail server that presented it.
            limit: most bytes of a list.
        """
        try:
            search = _parse(url)
            if not search.host and self._server is None:
                detail = "an LDAP URL without a server, and evidence.ldap names none"
                return FetchFailure(FetchReason.UNSUPPORTED, detail)
            async with asyncio.timeout(self._timeout):
                return await _threads.run(functools.partial(self._ask, search, is_public(asked_by), limit))
        except TimeoutError:
            return FetchFailure(FetchReason.TIMEOUT, f"no answer within {self._timeout:g} s")
        except FetchError as error:
            return FetchFailure(error.reason, short(str(error)))
        except socket.gaierror as error:
            return FetchFailure(FetchReason.NAME_NOT_RESOLVED, short(str(error)))
        except Exception as error:  # noqa: BLE001 - hostile input must not end a probe, whatever it finds
            return FetchFailure(FetchReason.CONNECTION_FAILED, short(f"{type(error).__name__}: {error}"))

    def _ask(self, search: _Search, public: bool, limit: int) -> bytes:
        try:
            import ldap3  # type: ignore[import-untyped]  # noqa: PLC0415 - an extra that few need
        except ImportError:
            raise FetchError(
                FetchReason.UNSUPPORTED, "lists by LDAP need the extra [ldap], which is not installed"
            ) from None
        own = self._server if not search.host else None
        address = own.host if own else self._allowed(search.host, public)
        server = ldap3.Server(
            address,
            own.port if own else search.port,
            use_ssl=search.tls,
            get_info=ldap3.NONE,
            connect_timeout=self._timeout,
        )
        connection = ldap3.Connection(
            server,
            own.bind_dn or None if own else None,
            own.password or None if own else None,
            read_only=True,
            auto_referrals=False,
            receive_timeout=math.ceil(self._timeout),  # it takes whole seconds
            raise_exceptions=True,
        )
        try:
            connection.open(read_server_info=False)
            connection.socket = _Bounded(connection.socket, limit + _ROOM, self._timeout, self._clock)
            connection.bind()
            connection.search(
                search.base,
                search.filter,
                search_scope=search.scope,
                # Directories differ in whether the transfer option must be asked for (RFC 4522 section 4).
                attributes=[_ATTRIBUTE, f"{_ATTRIBUTE};binary"],
                size_limit=1,
                time_limit=math.ceil(self._timeout),
            )
            return _value(connection.response or [], limit)
        finally:
            connection.unbind()

    def _allowed(self, host: str, public: bool) -> str:
        """The first address of a host that may be connected to."""
        spelled = spelled_address(host)
        found = [str(spelled)] if spelled else self._look_up(host)
        refusals = []
        for text in found:
            address = ipaddress.ip_address(text)
            why = refusal(address, allow_networks=self._allow_networks, public_asker=public)
            if why is None:
                return text
            refusals.append(why)
        raise FetchError(FetchReason.FORBIDDEN_ADDRESS, "; ".join(refusals) or f"{host} has no address")


class _Bounded:
    """A socket that reads so much and so long: ldap3 believes any length that a directory announces.

    Its own time limit is for each portion, so that a directory which drips would keep a thread for ever.
    """

    def __init__(self, inner: socket.socket, most: int, timeout: float, clock: Callable[[], float]) -> None:
        self._inner = inner
        self._left = most
        self._clock = clock
        self._until = clock() + timeout

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def recv(self, _size: int) -> bytes:
        """The next portion.

        Raises:
            FetchError: that was too much, or took too long.
        """
        seconds = self._until - self._clock()
        if seconds <= 0:
            raise FetchError(FetchReason.TIMEOUT, "the directory took too long")
        self._inner.settimeout(seconds)
        portion = self._inner.recv(_PORTION)
        self._left -= len(portion)
        if self._left < 0:
            raise FetchError(FetchReason.TOO_LARGE, "an answer that is longer than any list may be")
        return portion


def _parse(url: str) -> _Search:
    """RFC 4516 section 2: `ldap://host:port/dn?attribute?scope?filter`.

    Raises:
        FetchError: it is not a URL that is asked.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise FetchError(FetchReason.BAD_URL, "not an LDAP URL") from None
    if parts.username or parts.password or len(url) > 2048:
        raise FetchError(FetchReason.BAD_URL, "an LDAP URL that is not asked")
    if port not in _ALLOWED_PORTS and port < _FIRST_FREE_PORT:
        raise FetchError(FetchReason.BAD_URL, f"port {port} is not asked")
    attributes, scope, query, *_ = (*parts.query.split("?"), "", "", "")
    attribute = unquote(attributes).split(",")[0] or f"{_ATTRIBUTE};binary"
    if not attribute.lower().startswith(_ATTRIBUTE.lower()):
        raise FetchError(FetchReason.BAD_URL, f"the attribute {attribute[:60]} is not asked for")
    return _Search(
        host=parts.hostname or "",
        port=port,
        tls=parts.scheme == "ldaps",
        base=unquote(parts.path.removeprefix("/")),
        scope=_SCOPES.get(scope.lower(), "BASE"),
        filter=_in_parentheses(unquote(query)) or "(objectClass=*)",
    )


def _in_parentheses(text: str) -> str:
    """AD CS leaves out the parentheses that RFC 4515 section 3 demands."""
    return f"({text})" if text and not text.startswith("(") else text


def _value(response: Sequence[dict[str, object]], limit: int) -> bytes:
    for entry in response:
        raw = entry.get("raw_attributes")
        for values in raw.values() if isinstance(raw, Mapping) else ():
            for value in values:
                if len(value) > limit:
                    raise FetchError(FetchReason.TOO_LARGE, f"a list of more than {limit} bytes")
                return bytes(value)
    raise FetchError(FetchReason.PROTOCOL_ERROR, "the directory has no list there")


_threads = DaemonThreads(4)
