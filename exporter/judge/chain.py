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

Verdicts are kept until the next date at which any certificate concerned begins or ceases to be valid, or
for the day: the clock is rounded down to the last such date or midnight, so being pure costs nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from exporter.judge.anchors import Chain, climb
from exporter.judge.presented import EMPTY, is_complete, known_issuers, notes, presented_path
from exporter.judge.verification import Outcome, Verifier, supposing_trust
from exporter.judge.verify_codes import reason
from exporter.model import IssuerAnswer, ProblemKind, StoreVerdict, TrustStore

MAX_CHAIN = 50
"""Certificates of a presented chain that are looked at; OpenSSL's own limit is 100 KB."""

_INVALID_PURPOSE = 26
# OpenSSL finds these while it builds the path, before it looks at dates or extensions …
_BUILDING = frozenset({2, 18, 19, 20, 21, 22})
# … and these in one walk up the path that also checks the purpose (check_extensions in x509_vfy.c).
_EXTENSIONS = frozenset({24, 25, 32, 34, 37, 40, 41, 79, *range(80, 95)})
_PATH_LENGTH = 25


class ChainVerdict(NamedTuple):
    """What follows from the presented chain and the trust stores: one verdict for each of these, in their order.

    `complete` tells whether the server sends every intermediate, None when it cannot be told. `notes` are what is untidy.
    """

    stores: tuple[StoreVerdict, ...] = ()
    complete: bool | None = None
    notes: tuple[str, ...] = ()


def judge_chain(
    chain: Chain,
    stores: Mapping[str, TrustStore],
    now: datetime,
    answers: Mapping[str, IssuerAnswer] = EMPTY,
) -> ChainVerdict:
    """Without a chain nothing follows.

    Args:
        chain: as presented, leaf first.
        stores: the target's trust stores by label.
        now: the moment to judge at, aware UTC.
        answers: what the AIA URLs of the chain gave, by URL.
    """
    if not chain:
        return ChainVerdict()
    held, given = tuple(stores.values()), tuple(answers.values())
    moment = _rounded(now, dates(chain[:MAX_CHAIN], held))
    return _judge_chain(chain, tuple(stores), held, given, moment)


def _rounded(now: datetime, edges: Iterable[datetime]) -> datetime:
    """Down to the last of some dates, or to midnight, whichever is later."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return max([midnight, *[edge for edge in edges if edge <= now]])


@functools.lru_cache(maxsize=4096)
def _judge_chain(
    chain: Chain,
    labels: tuple[str, ...],
    stores: tuple[TrustStore, ...],
    answers: tuple[IssuerAnswer, ...],
    moment: datetime,
) -> ChainVerdict:
    presented = _presented(chain[:MAX_CHAIN], stores, answers)
    verdicts = tuple(_judge_stores(presented, labels, stores, moment))
    gap = any(ProblemKind.MISSING_INTERMEDIATE in verdict.problems for verdict in verdicts)
    return ChainVerdict(
        stores=verdicts,
        complete=False if gap else is_complete(presented.path, presented.known),
        notes=notes(chain, presented.path, {verdict.path for verdict in verdicts}),
    )


class _Presented(NamedTuple):
    """The presented chain, its path, and what is known to continue it."""

    chain: Chain
    path: Chain
    known: Chain


def _presented(chain: Chain, stores: tuple[TrustStore, ...], answers: tuple[IssuerAnswer, ...]) -> _Presented:
    path = presented_path(chain)
    return _Presented(chain, path, known_issuers(chain, path, stores, answers))


def _judge_stores(
    presented: _Presented, labels: tuple[str, ...], stores: tuple[TrustStore, ...], moment: datetime
) -> Iterator[StoreVerdict]:
    verifier = Verifier()
    asked = [_ask(presented.chain, store, moment, verifier) for store in stores]
    # What one store verifies has no other fault that trust in the last certificate could bring to light.
    path = presented.path
    proven = any(one.now.path[: len(path)] == path for one in asked)
    for label, one in zip(labels, asked, strict=True):
        yield _judge_store(label, one, presented, proven=proven)


class _Asked(NamedTuple):
    """A store, those of its anchors that can matter, what OpenSSL says at the moment, and a way to ask it more."""

    store: TrustStore
    anchors: Chain
    now: Outcome
    verifier: Verifier


def _ask(chain: Chain, store: TrustStore, moment: datetime, verifier: Verifier) -> _Asked:
    anchors = climb(chain, (store,))
    return _Asked(store, anchors, verifier.verify(chain, anchors, moment), verifier)


def dates(chain: Chain, stores: tuple[TrustStore, ...]) -> frozenset[datetime]:
    """The dates at which the validity of any certificate that matters to a chain changes.

    notBefore is the first valid second, notAfter the last one (RFC 5280 section 4.1.2.5).
    """
    return _edges(chain[:1]) | _usual_edges((*chain[1:], *climb(chain, stores)))


def _edges(certificates: Chain) -> frozenset[datetime]:
    begin = {certificate.not_before for certificate in certificates}
    ends = {certificate.not_after for certificate in certificates} - {_NO_END}
    return frozenset(begin | {end + timedelta(seconds=1) for end in ends})


_NO_END = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""The notAfter of a certificate without a well-defined expiration date (RFC 5280 section 4.1.2.5)."""
_usual_edges = functools.lru_cache(maxsize=256)(_edges)
"""Those of authorities, which many chains have in common."""


def _judge_store(label: str, asked: _Asked, presented: _Presented, *, proven: bool) -> StoreVerdict:
    now, distrust = asked.now, _Distrust()
    # Errors of building come before those of dates, so there the dates make no difference.
    same = now.code == 0 or now.code in _BUILDING
    undated = now if same else asked.verifier.verify(presented.chain, asked.anchors, None)
    rest = undated
    if undated.code in _BUILDING:
        distrust = _why_distrusted(presented, asked, undated)
        rest = Outcome(0) if proven else supposing_trust(presented.path)
    invalid = (rest.code, rest.depth) if rest.code not in _BUILDING | {0} else None
    path = now.path or undated.path
    code = _with_purpose(now, path or presented.path)
    return StoreVerdict(
        store=label,
        valid=code.code == 0,
        trusted=_with_purpose(undated, path or presented.path).code == 0,
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


def _why_distrusted(presented: _Presented, asked: _Asked, undated: Outcome) -> _Distrust:
    """An unknown authority, a gap in the chain, or both.

    A leaf whose issuer nobody knows leaves open which of the two it is. When it names an issuer to fetch
    there is one to send; otherwise the authority is what is unknown.
    """
    chain, _, known = presented
    if (undated.code, undated.depth) == (18, 0):
        return _Distrust(_SELF_SIGNED)
    missing = tuple(certificate for certificate in known if not certificate.self_issued)
    if missing:
        longer = (*chain, *missing)
        helped = asked.verifier.verify(longer, climb(longer, (asked.store,)), None)
        if helped.code == 0:
            return _Distrust(_MISSING, missing=tuple(c for c in missing if c in helped.path))
        if (helped.depth or 0) > (undated.depth or 0):
            return _Distrust(_MISSING | _UNTRUSTED, missing=missing)
    if undated.depth or known:
        return _Distrust(_UNTRUSTED)
    if chain[0].aia_issuers:
        return _Distrust(_MISSING, unclear=_UNTRUSTED)
    return _Distrust(_UNTRUSTED, unclear=_MISSING)


def _with_purpose(outcome: Outcome, path: Chain) -> Outcome:
    """Add the purpose check where OpenSSL makes it: after building, before signatures and dates."""
    unfit = next((depth for depth, c in enumerate(path) if not c.usage_allows_server), None)
    if unfit is None or outcome.code in _BUILDING:
        return outcome
    if outcome.code in _EXTENSIONS and outcome.depth is not None:
        before = (outcome.depth, outcome.code == _PATH_LENGTH) < (unfit, True)
        return outcome if before else Outcome(_INVALID_PURPOSE, unfit)
    return Outcome(_INVALID_PURPOSE, unfit)
