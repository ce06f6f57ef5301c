"""What can be right or wrong with a server's chain: made once, given to every kind of server.

good                  Offline Root CA (trusted) - Subordinate CA (sent) - leaf
untrusted_root        another root (unknown)    - its sub CA (sent)     - leaf
missing_intermediate  Offline Root CA (trusted) - Subordinate CA (kept) - leaf
self_signed           leaf
expired               Offline Root CA (trusted) - Subordinate CA (sent) - leaf, expired yesterday
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from exporter.demo.authority import DAY, Intermediate, Issued, Leaf, Root, self_signed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOST = "mail.example.org"
_LEAF = Leaf(f"CN={HOST}", dns=(HOST,))


class Expected(NamedTuple):
    """How many certificates are sent, and OpenSSL's first error, whose depth None stands for none."""

    presented: int
    code: int
    depth: int | None


SITUATIONS = {
    "good": Expected(2, 0, None),
    "untrusted_root": Expected(2, 20, 1),
    "missing_intermediate": Expected(1, 20, 0),
    "self_signed": Expected(1, 18, 0),
    "expired": Expected(2, 10, 0),
}


def write_chains(directory: Path, intermediate: Issued, leaf: Issued) -> dict[str, Path]:
    """Write a PEM file with key and chain, leaf first, for each situation; return the files by name."""
    files = {}
    for name, key, chain in _chains(intermediate, leaf):
        files[name] = directory / f"{name}.pem"
        files[name].write_text(key.key_pem + chain, encoding="ascii")
    return files


def _chains(intermediate: Issued, leaf: Issued) -> Iterator[tuple[str, Issued, str]]:
    stranger = self_signed(Root("CN=Fabrikam Root CA,O=Fabrikam"), leaf.now)
    strange_sub = stranger.issue(Intermediate("CN=Fabrikam Issuing CA,O=Fabrikam"))
    strange_leaf = strange_sub.issue(_LEAF)
    alone = self_signed(_LEAF, leaf.now)
    expired = intermediate.issue(Leaf(_LEAF.subject, dns=_LEAF.dns, ends=-DAY))
    yield "good", leaf, leaf.chain_pem(intermediate)
    yield "untrusted_root", strange_leaf, strange_leaf.chain_pem(strange_sub)
    yield "missing_intermediate", leaf, leaf.chain_pem()
    yield "self_signed", alone, alone.chain_pem()
    yield "expired", expired, expired.chain_pem(intermediate)
