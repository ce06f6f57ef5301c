"""Does the leaf carry a name? Judged on its subject alternative names alone (RFC 9525).

The Common Name is looked at only to explain: old clients (OpenSSL, .NET) still accept it where a
certificate has no DNS names, and an administrator should be told why some of them do not complain.
"""

from __future__ import annotations

import functools
import re

from exporter.model import CertificateFacts, NameVerdict

_PLAIN = re.compile(r"([a-z0-9_-]+\.)+[a-z][a-z0-9-]*")
"""A name that nobody can take for an address or a pattern."""


@functools.lru_cache(maxsize=4096)
def match_name(leaf: CertificateFacts, name: str) -> NameVerdict:
    """Compare one expected name, a host name or an IP address, with a certificate.

    `match` is None when the name is not one that could be compared. `matched` is the entry of the
    certificate that carries it; with `match` False it names the Common Name that would have matched.
    """
    if listed := _listed(leaf, name):
        return NameVerdict(name, True, listed)
    from exporter.judge.identity import match  # noqa: PLC0415 - its library takes 20 ms of a check that may not need it

    return match(leaf, name)


def _listed(leaf: CertificateFacts, name: str) -> str | None:
    """The first entry that could be the name, if it is so letter by letter: RFC 9525 section 6.3 asks no more."""
    plain = name.removesuffix(".").lower()
    if not (name.isascii() and _PLAIN.fullmatch(plain)):
        return None
    for san in leaf.sans:
        kind, _, value = san.partition(":")
        if kind == "DNS" and could_carry(value, plain):
            return san if value.isascii() and value.lower() == plain else None
    return None


def could_carry(pattern: str, hostname: str) -> bool:
    """Whether a pattern is the name, or has a wildcard in place of its first label, by its text alone."""
    return pattern.strip().lower() in {hostname, f"*.{hostname.partition('.')[2]}"}
