"""Which certificates of a trust store can matter to a chain, told by their names alone.

A store may hold hundreds of anchors; a path of one chain leads to very few. Names are compared as
generously as RFC 5280 section 7.1 allows: what is handed to OpenSSL in vain costs a little, what is
withheld would change its verdict.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from exporter.judge import naming
from exporter.judge.certificates import UnreadableCertificateError, read_certificate
from exporter.model import CertificateFacts, TrustStore

Chain = tuple[CertificateFacts, ...]
USUAL = 512
"""Characters of a name that may be remembered; nobody should fill this memory with long ones."""
Index = Mapping[str, Sequence[bytes]]
"""DER certificates by their comparable subject."""


def climb(chain: Chain, index: Index) -> Chain:
    """What a path can lead to: the issuers of the chain's certificates, their issuers, and so on."""
    found: dict[CertificateFacts, None] = {}
    names = [_comparable(certificate.issuer) for certificate in chain]
    while names:
        for issuer in _read(index.get(names.pop(), ())):
            if issuer not in found:
                found[issuer] = None
                names.append(_comparable(issuer.issuer))
    return tuple(found)


def _read(ders: Iterable[bytes]) -> Iterator[CertificateFacts]:
    """Those that can be read; OpenSSL could use no other."""
    for der in ders:
        with contextlib.suppress(UnreadableCertificateError):
            yield read_certificate(der)


@functools.lru_cache(maxsize=64)
def by_subject(store: TrustStore) -> Index:
    """All members of a store."""
    return _index(_names(store))


@functools.lru_cache(maxsize=64)
def all_members(stores: tuple[TrustStore, ...]) -> Index:
    """All members of several stores, each once."""
    anchors = dict.fromkeys((subject, der) for store in stores for subject, der in _names(store))
    return _index(anchors)


@functools.lru_cache(maxsize=64)
def _names(store: TrustStore) -> Sequence[tuple[str, bytes]]:
    """Subject and DER of each anchor that can be read.

    Only the name is read here: most anchors are never needed, and reading all of each takes long.
    """
    found = []
    for der in store.anchors:
        with contextlib.suppress(ValueError, UnsupportedAlgorithm):
            subject = naming.subject(x509.load_der_x509_certificate(der))
            found.append((_comparable(subject), der))
    return found


def _index(named: Iterable[tuple[str, bytes]]) -> Index:
    index: dict[str, list[bytes]] = {}
    for subject, der in named:
        index.setdefault(subject, []).append(der)
    return index


def _comparable(name: str) -> str:
    """A name without what RFC 5280 section 7.1 ignores in comparisons: case and runs of spaces."""
    return _usual(name) if len(name) <= USUAL else _folded(name)


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())


_usual = functools.lru_cache(maxsize=1024)(_folded)
