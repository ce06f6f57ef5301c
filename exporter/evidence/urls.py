"""Which URLs are asked.

In: text from a certificate or a `Location` header. Out: a URL that may be asked, or a `FetchError`. It
resolves no names; those are judged by their addresses when a connection is made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from yarl import URL

from exporter.evidence.addresses import Address, spelled_address
from exporter.evidence.failures import FetchError, FetchReason

MAX_LENGTH = 2048
"""Characters. Longer URLs are not asked."""

_WEB_PORTS = (80, 443)
_FIRST_FREE_PORT = 1024
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,254}")

Rule = Callable[[Address], str | None]
"""Says why an address must not be connected to, or None."""


def checked_url(text: str, schemes: Sequence[str], rule: Rule, base: URL | None = None) -> URL:
    """A URL that may be asked; its host is an address in the usual form, or a name.

    Ports are 80, 443 and those from 1024 on: the others belong to services that are not the Web, and they
    shall not get a request in our name.

    Args:
        text: the URL, or with a base also a reference (RFC 3986 section 4.1).
        schemes: those that are asked, of `http` and `https`.
        rule: judges the address that a host spells.
        base: the URL that redirected here.

    Raises:
        FetchError: it may not be asked.
    """
    if len(text) > MAX_LENGTH:
        raise FetchError(FetchReason.BAD_URL, f"a URL of more than {MAX_LENGTH} characters is not asked")
    try:
        url = base.join(URL(text)) if base else URL(text)
    except ValueError as error:
        raise FetchError(FetchReason.BAD_URL, f"not a URL: {error}") from error
    if fault := _fault(url, schemes):
        raise FetchError(FetchReason.BAD_URL, fault)
    return _checked_host(url, rule)


def _fault(url: URL, schemes: Sequence[str]) -> str | None:
    if url.scheme not in schemes:
        return f"{url.scheme} URLs are not asked here" if url.scheme else "a URL without a scheme"
    if url.raw_user is not None or url.raw_password is not None:
        return "URLs with a user name are not asked"
    port = url.port or 0
    if port not in _WEB_PORTS and port < _FIRST_FREE_PORT:
        return f"port {port} is not asked"
    return None


def _checked_host(url: URL, rule: Rule) -> URL:
    host = url.raw_host or ""
    is_name = _NAME.fullmatch(host) is not None
    # A zone index (`%`) is about a link of ours, of which nobody else knows anything.
    address = spelled_address(host) if is_name or (":" in host and "%" not in host) else None
    if address is None:
        # Other clients of the C library may still take digits and dots for an address.
        if not is_name or host.replace(".", "").isdigit():
            raise FetchError(FetchReason.BAD_URL, "no usable host in the URL")
        return url
    if why := rule(address):
        raise FetchError(FetchReason.FORBIDDEN_ADDRESS, why)
    return url.with_host(str(address))
