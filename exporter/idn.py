"""Internationalised host names, in the one form that everything else compares and sends."""

from __future__ import annotations


def ascii_name(host: str) -> str:
    """The A-label form of a name (RFC 5891, mapped as UTS #46 says), unchanged when it is ASCII already.

    Raises:
        UnicodeError: the name cannot be a domain name.
    """
    if host.isascii():
        return host
    import idna  # noqa: PLC0415 - 10 ms that only internationalised names pay

    return idna.encode(host, uts46=True).decode("ascii")
