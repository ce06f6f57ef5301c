"""The presented chain against one trust store: OpenSSL's word, and the cause behind it.

How it works. OpenSSL builds the path and checks it, and stops at its first error; so it is asked more
than once, because no error may hide another. First as things are now. Then without dates. Then, when
the path does not end in the store, with the intermediates that the configured stores hold or that AIA
gave, to see whether one was missing; and supposing that the last certificate were trusted, to see whether anything
else is wrong below it.

The purpose, server authentication, is judged from the facts, since pyOpenSSL's public interface cannot
set it; it is put into OpenSSL's own order of errors, so that code and depth are those of
`openssl s_client`. Usage and dates are problems of their own (`problems`), whatever the code.

Of a store only those anchors are handed to OpenSSL that a path of this chain can lead to, by name. That
is what OpenSSL would pick from all of them, costs little enough to be done anew for each moment (a
pyOpenSSL store keeps the first time it was given), and lets stores that agree on them share a verdict, and
chains of the same authorities a store.

The verdict on one server never depends on what other servers sent: the only help that a chain gets
are the intermediates that the configured stores hold and those that its own AIA URLs gave.

Results are kept until the next date at which any certificate concerned begins or ceases to be valid, or
for the day: the clock is rounded down to the last such date or midnight, so being pure costs nothing.
"""

from __future__ import annotations

import bisect
import functools
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from OpenSSL import crypto

from exporter.judge.anchors import Chain, climb
from exporter.judge.certificates import read_certificate
from exporter.judge.presented import EMPTY, known_issuers, presented_path
from exporter.judge.verify_codes import reason
from exporter.model import IssuerAnswer, ProblemKind, StoreVerdict, TrustStore
from exporter.parsed import read

MAX_CHAIN = 50
"""Certificates of a presented chain that are looked at; OpenSSL's own limit is 100 KB."""

# Verification flags (X509_V_FLAG_*) that pyOpenSSL does not name.
_NO_CHECK_TIME = 0x200000
_PARTIAL_CHAIN = 0x80000

_INVALID_PURPOSE = 26
# OpenSSL finds these while it builds the path, before it looks at dates or extensions …
_BUILDING = frozenset({2, 18, 19, 20, 21, 22})
# … and these in one walk up the path that also checks the purpose (check_extensions in x509_vfy.c).
_EXTENSIONS = frozenset({24, 25, 32, 34, 37, 40, 41, 79, *range(80, 95)})
_PATH_LENGTH = 25


class _Outcome(NamedTuple):
    """One run of OpenSSL's verification: the first error, or the path when there was none."""

    code: int
    depth: int | None = None
    path: Chain = ()


def judge_stores(
    chain: Chain,
    stores: Mapping[str, TrustStore],
    now: datetime,
    answers: Mapping[str, IssuerAnswer] = EMPTY,
) -> tuple[StoreVerdict, ...]:
    """One verdict for each store, in their order; none without a chain.

    Args:
        chain: as presented, leaf first.
        stores: the target's trust stores by label.
        now: the moment to judge at, aware UTC.
        answers: what the AIA URLs of the chain gave, by URL.
    """
    if not chain:
        return ()
    chain, held, given = chain[:MAX_CHAIN], tuple(stores.values()), tuple(answers.values())
    return _judge_stores(chain, tuple(stores), held, given, _rounded(now, dates(chain, held)))


def _rounded(now: datetime, edges: Sequence[datetime]) -> datetime:
    """Down to the last of some dates that are in order, or to midnight, whichever is later."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    passed = bisect.bisect_right(edges, now)
    return max(midnight, edges[passed - 1]) if passed else midnight


@functools.lru_cache(maxsize=4096)
def _judge_stores(
    chain: Chain,
    labels: tuple[str, ...],
    stores: tuple[TrustStore, ...],
    answers: tuple[IssuerAnswer, ...],
    moment: datetime,
) -> tuple[StoreVerdict, ...]:
    known = known_issuers(chain, stores, answers)
    sent = presented_path(chain)
    asked = [_ask(chain, store, moment) for store in stores]
    # What one store verifies has no other fault that trust in the last certificate could bring to light.
    proven = any(one.now.path[: len(sent)] == sent for one in asked)
    pairs = zip(labels, asked, strict=True)
    return tuple(_judge_store(label, one, chain, known, proven=proven) for label, one in pairs)


class _Asked(NamedTuple):
    """A store, those of its anchors that can matter, and what OpenSSL says at the moment."""

    store: TrustStore
    anchors: Chain
    now: _Outcome


def _ask(chain: Chain, store: TrustStore, moment: datetime) -> _Asked:
    anchors = climb(chain, (store,))
    return _Asked(store, anchors, _verify(chain, anchors, moment))


@functools.lru_cache(maxsize=4096)
def dates(chain: Chain, stores: tuple[TrustStore, ...]) -> tuple[datetime, ...]:
    """The dates at which the validity of any certificate that matters to a chain changes, in order.

    notBefore is the first valid second, notAfter the last one (RFC 5280 section 4.1.2.5).
    """
    certificates = (*chain, *climb(chain, stores))
    ends = {certificate.not_after + timedelta(seconds=1) for certificate in certificates}
    return tuple(sorted(ends | {certificate.not_before for certificate in certificates}))


def _judge_store(label: str, asked: _Asked, chain: Chain, known: Chain, *, proven: bool) -> StoreVerdict:
    store, anchors, now_outcome = asked
    # Errors of building come before those of dates, so there the dates make no difference.
    same = now_outcome.code == 0 or now_outcome.code in _BUILDING
    undated = now_outcome if same else _verify(chain, anchors, None)
    distrust, rest = _Distrust(), undated
    if undated.code in _BUILDING:
        distrust = _why_distrusted(chain, known, store, undated)
        rest = _Outcome(0) if proven else _supposing_trust(presented_path(chain))
    invalid = (rest.code, rest.depth) if rest.code not in _BUILDING | {0} else None
    path = now_outcome.path or undated.path
    code = _with_purpose(now_outcome, path or presented_path(chain))
    return StoreVerdict(
        store=label,
        valid=code.code == 0,
        trusted=_with_purpose(undated, path or presented_path(chain)).code == 0,
        code=code.code,
        depth=code.depth,
        reason=reason(code.code),
        path=path,
        problems=distrust.causes | ({ProblemKind.CHAIN_INVALID} if invalid else frozenset()),
        undetermined=distrust.unclear,
        missing=distrust.missing,
        invalid=invalid,
    )


# --- from code to cause ---------------------------------------------------------------------------

_SELF_SIGNED = frozenset({ProblemKind.SELF_SIGNED})
_MISSING = frozenset({ProblemKind.MISSING_INTERMEDIATE})
_UNTRUSTED = frozenset({ProblemKind.UNTRUSTED_ROOT})


class _Distrust(NamedTuple):
    """Why a path does not end in a store: the causes that show, those left open, and what is missing."""

    causes: frozenset[ProblemKind] = frozenset()
    unclear: frozenset[ProblemKind] = frozenset()
    missing: Chain = ()


def _why_distrusted(chain: Chain, known: Chain, store: TrustStore, undated: _Outcome) -> _Distrust:
    """An unknown authority, a gap in the chain, or both.

    A leaf whose issuer nobody knows leaves open which of the two it is. When it names an issuer to fetch
    there is one to send; otherwise the authority is what is unknown.
    """
    if (undated.code, undated.depth) == (18, 0):
        return _Distrust(_SELF_SIGNED)
    missing = tuple(certificate for certificate in known if not certificate.self_issued)
    if missing:
        longer = (*chain, *missing)
        helped = _verify(longer, climb(longer, (store,)), None)
        if helped.code == 0:
            return _Distrust(_MISSING, missing=tuple(c for c in missing if c in helped.path))
        if (helped.depth or 0) > (undated.depth or 0):
            return _Distrust(_MISSING | _UNTRUSTED, missing=missing)
    if undated.depth or known:
        return _Distrust(_UNTRUSTED)
    if chain[0].aia_issuers:
        return _Distrust(_MISSING, unclear=_UNTRUSTED)
    return _Distrust(_UNTRUSTED, unclear=_MISSING)


@functools.lru_cache(maxsize=1024)
def _supposing_trust(path: Chain) -> _Outcome:
    """What else is wrong, if the last certificate that the server sent were trusted."""
    anchors = path[-1:]
    return _run(path, anchors, _store(anchors, flags=_NO_CHECK_TIME | _PARTIAL_CHAIN))


def _with_purpose(outcome: _Outcome, path: Chain) -> _Outcome:
    """Add the purpose check where OpenSSL makes it: after building, before signatures and dates."""
    unfit = next((depth for depth, c in enumerate(path) if not c.usage_allows_server), None)
    if unfit is None or outcome.code in _BUILDING:
        return outcome
    if outcome.code in _EXTENSIONS and outcome.depth is not None:
        before = (outcome.depth, outcome.code == _PATH_LENGTH) < (unfit, True)
        return outcome if before else _Outcome(_INVALID_PURPOSE, unfit)
    return _Outcome(_INVALID_PURPOSE, unfit)


# --- asking OpenSSL -------------------------------------------------------------------------------


@functools.lru_cache(maxsize=4096)
def _verify(chain: Chain, anchors: Chain, moment: datetime | None) -> _Outcome:
    """Verify at a moment, or with dates ignored when there is none."""
    return _run(chain, anchors, _store_at(anchors, moment))


@functools.lru_cache(maxsize=256)
def _store_at(anchors: Chain, moment: datetime | None) -> crypto.X509Store:
    """One that verifies at a moment, or with dates ignored. Verifying changes nothing in it."""
    if moment is None:
        return _store(anchors, flags=_NO_CHECK_TIME)
    store = _store(anchors)
    store.set_time(moment)
    return store


def _store(anchors: Chain, *, flags: int = 0) -> crypto.X509Store:
    store = crypto.X509Store()
    for anchor in anchors:
        store.add_cert(read(anchor.der))
    if flags:
        store.set_flags(flags)
    return store


def _run(chain: Chain, anchors: Chain, store: crypto.X509Store) -> _Outcome:
    leaf, *others = (read(certificate.der) for certificate in chain)
    context = crypto.X509StoreContext(store, leaf, others)
    try:
        path = context.get_verified_chain()
    except crypto.X509StoreContextError as error:
        code, depth, _text = error.errors
        return _Outcome(code, depth)
    given = {_place(read(one.der)): one for one in (*anchors, *chain)}
    return _Outcome(0, None, tuple([given.get(_place(c)) or read_certificate(_dump(c)) for c in path]))


def _place(certificate: crypto.X509) -> object:
    """Where OpenSSL has a certificate: it gives back the very ones that it was given.

    pyOpenSSL does not tell it publicly. Should it cease to, what comes back is told by its bytes.
    """
    return getattr(certificate, "_x509", certificate)


def _dump(certificate: crypto.X509) -> bytes:
    return crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)
