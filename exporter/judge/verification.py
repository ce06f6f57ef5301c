"""OpenSSL's word on a chain: one run of its verification against some anchors, at a moment or without dates.

In: certificates. Out: the first error, or the path when there is none. What an error means is judged in `chain`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from OpenSSL import crypto

from exporter.judge.anchors import Chain
from exporter.judge.certificates import read_certificate
from exporter.model import CertificateFacts
from exporter.parsed import read

# Verification flags (X509_V_FLAG_*) that pyOpenSSL does not name.
_NO_CHECK_TIME = 0x200000
_PARTIAL_CHAIN = 0x80000


class Outcome(NamedTuple):
    """The first error and where it is, or the path, leaf first, when there was none."""

    code: int
    depth: int | None = None
    path: Chain = ()


class Verifier:
    """Asks, and remembers what was said: twenty stores have few different answers for one chain."""

    def __init__(self) -> None:
        self._said: dict[tuple[Chain, Chain, datetime | None], Outcome] = {}

    def verify(self, chain: Chain, anchors: Chain, moment: datetime | None) -> Outcome:
        """Verify at a moment, or with dates ignored when there is none.

        Args:
            chain: leaf first, then whatever may help.
            anchors: what is trusted, and intermediates that a store holds.
            moment: aware UTC.
        """
        question = chain, anchors, moment
        if (said := self._said.get(question)) is None:
            said = self._said[question] = _run(chain, _trusting_at(anchors, moment))
        return said


@functools.lru_cache(maxsize=1024)
def supposing_trust(path: Chain) -> Outcome:
    """What would be wrong with a path, dates aside, if its last certificate were trusted."""
    return _run(path, _trusting(path[-1:], _NO_CHECK_TIME | _PARTIAL_CHAIN))


class _Trust(NamedTuple):
    """A store of OpenSSL, and what is in it by its place there."""

    store: crypto.X509Store
    members: Mapping[object, CertificateFacts]


@functools.lru_cache(maxsize=256)
def _trusting_at(anchors: Chain, moment: datetime | None) -> _Trust:
    """For verifying at a moment, or with dates ignored. Verifying changes nothing in it."""
    if moment is None:
        return _trusting(anchors, _NO_CHECK_TIME)
    trust = _trusting(anchors)
    trust.store.set_time(moment)
    return trust


def _trusting(anchors: Chain, flags: int = 0) -> _Trust:
    store, read_anchors = crypto.X509Store(), [read(anchor.der) for anchor in anchors]
    for anchor in read_anchors:
        store.add_cert(anchor)
    if flags:
        store.set_flags(flags)
    return _Trust(store, dict(zip(map(_place, read_anchors), anchors, strict=True)))


def _run(chain: Chain, trust: _Trust) -> Outcome:
    given = [read(certificate.der) for certificate in chain]
    context = crypto.X509StoreContext(trust.store, given[0], given[1:])
    try:
        path = context.get_verified_chain()
    except crypto.X509StoreContextError as error:
        code, depth, _text = error.errors
        return Outcome(code, depth)
    known = {**trust.members, **dict(zip(map(_place, given), chain, strict=True))}
    return Outcome(0, None, tuple([known.get(_place(c)) or read_certificate(_dump(c)) for c in path]))


def _place(certificate: crypto.X509) -> object:
    """Where OpenSSL has a certificate: it gives back the very ones that it was given.

    pyOpenSSL does not tell it publicly. Should it cease to, what comes back is told by its bytes.
    """
    return getattr(certificate, "_x509", certificate)


def _dump(certificate: crypto.X509) -> bytes:
    return crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)
