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
Stores = tuple[TrustStore, ...]
USUAL = 512
"""Characters of names that may be remembered; nobody should fill this memory with long ones."""


def climb(chain: Chain, stores: Stores) -> Chain:
    """What a path can lead to in any of the stores: the issuers of the chain's certificates, their issuers, and so on."""
    issuers = tuple([certificate.issuer for certificate in chain])
    return _usual_climb(issuers, stores) if sum(map(len, issuers)) <= USUAL else _climb(issuers, stores)


def _climb(issuers: tuple[str, ...], stores: Stores) -> Chain:
    index, found = _index(stores), dict[CertificateFacts, None]()
    names = [_comparable(issuer) for issuer in issuers]
    while names:
        for issuer in _read(index.get(names.pop(), ())):
            if issuer not in found:
                found[issuer] = None
                names.append(_comparable(issuer.issuer))
    return tuple(found)


_usual_climb = functools.lru_cache(maxsize=1024)(_climb)
"""Most certificates have one of a few issuers."""


def _read(ders: Iterable[bytes]) -> Iterator[CertificateFacts]:
    """Those that can be read; OpenSSL could use no other."""
    for der in ders:
        with contextlib.suppress(UnreadableCertificateError):
            yield read_certificate(der)


@functools.lru_cache(maxsize=64)
def _index(stores: Stores) -> Mapping[str, Sequence[bytes]]:
    """All members of the stores by their comparable subject, each once."""
    index: dict[str, dict[bytes, None]] = {}
    for store in stores:
        for subject, der in _names(store):
            index.setdefault(subject, {})[der] = None
    return {subject: tuple(ders) for subject, ders in index.items()}


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


def _comparable(name: str) -> str:
    """A name without what RFC 5280 section 7.1 ignores in comparisons: case and runs of spaces."""
    return _usual(name) if len(name) <= USUAL else _folded(name)


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())


_usual = functools.lru_cache(maxsize=1024)(_folded)
