"""Which certificates of a trust store can matter to a chain, told by their names alone.

A store may hold hundreds of anchors; a path of one chain leads to very few. Names are compared as
generously as RFC 5280 section 7.1 allows: what is handed to OpenSSL in vain costs a little, what is
withheld would change its verdict.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence

from exporter.judge.certificates import UnreadableCertificateError, read_certificate
from exporter.model import CertificateFacts, TrustStore

Chain = tuple[CertificateFacts, ...]
Index = Mapping[str, Sequence[CertificateFacts]]
"""Certificates by their comparable subject."""


def climb(chain: Chain, index: Index) -> Chain:
    """What a path can lead to: the issuers of the chain's certificates, their issuers, and so on."""
    found: dict[CertificateFacts, None] = {}
    names = [_comparable(certificate.issuer) for certificate in chain]
    while names:
        for issuer in index.get(names.pop(), ()):
            if issuer not in found:
                found[issuer] = None
                names.append(_comparable(issuer.issuer))
    return tuple(found)


@functools.lru_cache(maxsize=64)
def by_subject(store: TrustStore) -> Index:
    """All members of a store."""
    return _index(_read(store.anchors))


@functools.lru_cache(maxsize=64)
def intermediates(stores: tuple[TrustStore, ...]) -> Index:
    """Members of the stores that are not roots: they may fill a gap, but never end a chain."""
    anchors = dict.fromkeys(anchor for store in stores for anchor in store.anchors)
    return _index(facts for facts in _read(anchors) if not facts.self_issued)


def _read(anchors: Iterable[bytes]) -> Iterator[CertificateFacts]:
    """Anchors that can be read; OpenSSL could use no other."""
    for anchor in anchors:
        with contextlib.suppress(UnreadableCertificateError):
            yield read_certificate(anchor)


def _index(certificates: Iterable[CertificateFacts]) -> Index:
    index: dict[str, list[CertificateFacts]] = {}
    for certificate in certificates:
        index.setdefault(_comparable(certificate.subject), []).append(certificate)
    return index


def _comparable(name: str) -> str:
    """A name without what RFC 5280 section 7.1 ignores in comparisons: case and runs of spaces."""
    return " ".join(name.casefold().split())
