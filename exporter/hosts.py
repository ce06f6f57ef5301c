"""What may stand where a host is wanted; text in, the same text or ValueError with the reason out.

Nothing is looked up. The command line may use it: it must import neither pydantic nor yaml.
"""

from __future__ import annotations

import ipaddress
import re

from exporter.idn import ascii_name

_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_WITH_PORT = re.compile(r"\[?(?P<host>.*?)\]?:(?P<port>[0-9]+)", re.DOTALL)
_NUMERIC = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_MAX_NAME = 253


def is_address(text: str) -> bool:
    """Whether the text is an IPv4 or IPv6 address; IPv6 may carry a zone (`fe80::1%eth0`)."""
    if ":" not in text and not text[-1:].isdigit():
        return False  # the common case, without the cost of an exception
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def check_host(text: str) -> str:
    """A host to connect to: an IP address, or a host name.

    Raises:
        ValueError: it is neither; the message says how to write what was probably meant.
    """
    if is_address(text):
        return text
    if "://" in text:
        raise ValueError(f"must be a host name or an IP address, not the URL {text!r}")
    if found := _WITH_PORT.fullmatch(text):
        raise ValueError(
            f"must be the host alone: write {found['host']!r}, and `port: {found['port']}` beside it"
        )
    if text.startswith("[") and is_address(text.strip("[]")):
        raise ValueError(f"must be the address without brackets: {text.strip('[]')!r}")
    if ":" in text:
        raise ValueError(f"must be a host name or an IP address, not {text!r}")
    return check_name(text)


def bare_host(text: str) -> str:
    """A host without a port; an IPv6 address may stand in brackets.

    Raises:
        ValueError: it is neither a name nor an address.
    """
    if text.startswith("[") and text.endswith("]") and ":" in text:
        text = text[1:-1]
    return check_host(text)


def host_and_port(text: str) -> tuple[str, int | None]:
    """`HOST[:PORT]`; an IPv6 address with a port stands in brackets, without one it need not.

    Raises:
        ValueError: the host or the port is none.
    """
    host, colon, number = text.rpartition(":")
    if not colon or is_address(text) or text.endswith("]"):
        return bare_host(text), None
    return bare_host(host), port(number)


def port(text: str) -> int:
    """A TCP port.

    Raises:
        ValueError: it is not 1 to 65535.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65535):
        raise ValueError(f"must be a port, 1 to 65535, not {text!r}")
    return int(text)


def check_name(text: str) -> str:
    """A host name: letters, digits, `-` and `_`, or its internationalised form; it may end in a dot.

    Lengths are those of RFC 1035 section 2.3.4. A name whose last label is a number is refused, since
    resolvers take it for an IPv4 address in an old notation.

    Raises:
        ValueError: it is no host name.
    """
    if not text:
        raise ValueError("must not be empty")
    labels = _ascii(text).removesuffix(".").split(".")
    if sum(len(label) + 1 for label in labels) - 1 > _MAX_NAME:
        raise ValueError(f"must not be longer than {_MAX_NAME} characters: {_short(text)}")
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError(f"must be a host name, not {_short(text)}")
    if _NUMERIC.fullmatch(labels[-1]):
        raise ValueError(f"must be a host name or a whole IP address, not {_short(text)}")
    return text


def check_ehlo_name(text: str) -> str:
    """A name to greet with: an ASCII host name or an address literal (RFC 5321 section 4.1.3).

    Raises:
        ValueError: it is neither.
    """
    literal = text[1:-1].removeprefix("IPv6:")
    if text.startswith("[") and text.endswith("]") and is_address(literal) and "%" not in literal:
        return text
    if not text.isascii():
        raise ValueError(f"must be in its ASCII form (xn--…), not {_short(text)}")
    return check_name(text)


def default_name(host: str) -> str:
    """The name that a certificate of this host must carry when none is configured."""
    return host.partition("%")[0] if is_address(host) else host.removesuffix(".")


def default_sni(host: str, names: tuple[str, ...]) -> str:
    """The server name to send: the first expected name, or the host; never an address (RFC 6066 section 3)."""
    for candidate in (*names[:1], host):
        if not is_address(candidate):
            return candidate.removesuffix(".")
    return ""


def display_name(host: str, port: int) -> str:
    """`host:port`, with an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _ascii(text: str) -> str:
    try:
        return ascii_name(text)
    except UnicodeError:
        raise ValueError(f"must be a host name, not {_short(text)}") from None


def _short(text: str, limit: int = 80) -> str:
    return repr(text if len(text) <= limit else f"{text[:limit]}…")
