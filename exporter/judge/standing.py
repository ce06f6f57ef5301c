"""A verdict that still stands: nothing was found wrong, and nothing that could make a difference has changed.

Most servers show today what they showed an hour ago. Instead of judging that again, the grounds of a verdict say
what it rests on and until when: the next date, threshold or end of evidence that would be looked at
differently. A verdict with problems has no grounds, since its texts count days.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from exporter.judge.chain import dates
from exporter.judge.revocation import MAX_AGE, SKEW
from exporter.model import (
    CertificateFacts,
    Grounds,
    Observation,
    RevocationAnswer,
    RevocationVerdict,
    Target,
    TrustStore,
    Verdict,
)

_MARGIN = timedelta(seconds=1)
"""Around each date, so that it does not matter on which side of it the very moment counts."""
_LATEST = datetime.max.replace(tzinfo=UTC)


def remaining(chain: Sequence[CertificateFacts], now: datetime) -> tuple[float | None, float | None]:
    """Of the leaf: days until notAfter, negative after it, and the part of the lifetime that is left, 0 to 1."""
    if not chain:
        return None, None
    days = (chain[0].not_after - now).total_seconds() / 86400
    return days, min(1.0, max(0.0, days / max(chain[0].lifetime_days, 1 / 86400)))


def stands(
    grounds: Grounds,
    observation: Observation,
    target: Target,
    stores: Mapping[str, TrustStore],
    now: datetime,
) -> bool:
    """Whether judging this observation would lead to the verdict with these grounds, but for revocation.

    Args:
        grounds: those of the verdict.
        observation: what was seen now.
        target: what was asked for now.
        stores: the trust stores of now by label.
        now: aware UTC.
    """
    tls = observation.tls
    return (
        grounds.since <= now < grounds.until
        and observation.failure is None
        and observation.chain == grounds.chain
        and observation.smtp.starttls_offered is grounds.offered
        and observation.staple == grounds.staple
        and tls is not None
        and tls.version == grounds.version
        and (target is grounds.target or target == grounds.target)
        and tuple(stores[label] for label in target.policy.stores) == grounds.stores
    )


def grounds(
    verdict: Verdict,
    observation: Observation,
    target: Target,
    stores: Mapping[str, TrustStore],
    now: datetime,
    revocation: Sequence[RevocationAnswer] = (),
) -> Grounds | None:
    """What a verdict rests on; None where it rests on more than can be compared, or a date is too near.

    Args:
        verdict: reached at `now`, without issuers that had to be fetched.
        observation: what it is about.
        target: what was asked for.
        stores: trust stores by label.
        now: aware UTC.
        revocation: the answers that it counts on.
    """
    if verdict.problems or observation.failure or observation.tls is None or not verdict.chain:
        return None
    held = tuple(stores[label] for label in target.policy.stores)
    until = _until(_moments(verdict, target, held), now)
    if until is None:
        return None
    return Grounds(
        target=target,
        stores=held,
        chain=tuple(certificate.der for certificate in verdict.chain),
        staple=observation.staple,
        version=observation.tls.version,
        offered=observation.smtp.starttls_offered,
        revocation=tuple(revocation),
        since=now,
        until=until,
    )


def _until(moments: Iterable[datetime | None], now: datetime) -> datetime | None:
    """A little before the first of the moments to come; None when there is nothing between it and now."""
    earliest = now - _MARGIN
    until = min([moment for moment in moments if moment and moment >= earliest], default=_LATEST) - _MARGIN
    return until if until > now else None


def _moments(verdict: Verdict, target: Target, stores: tuple[TrustStore, ...]) -> Iterator[datetime | None]:
    """Every moment at which something about the verdict may change."""
    chain = verdict.chain
    yield from dates(chain, stores)
    certificates = {*chain, *(one for store in verdict.stores for one in store.path)}
    for span in _spans(target, chain[0]):
        for certificate in certificates:
            yield _shifted(certificate.not_after, -span)
    for said in verdict.revocation:
        yield from _ends_of_evidence(said)


def _spans(target: Target, leaf: CertificateFacts) -> Iterator[timedelta]:
    """How long before an end a threshold is crossed."""
    for threshold in (target.policy.warning, target.policy.critical):
        unit = leaf.lifetime_days if threshold.ratio else 1.0
        for bound in (threshold.low, threshold.high):
            if abs(bound * unit) < timedelta.max.days:
                yield timedelta(days=bound * unit)


def _ends_of_evidence(said: RevocationVerdict) -> Iterator[datetime | None]:
    """When an answer ceases to count, or begins to."""
    yield said.next_update
    if said.this_update:
        yield _shifted(said.this_update, -SKEW)
        yield _shifted(said.this_update, MAX_AGE)


def _shifted(moment: datetime, span: timedelta) -> datetime | None:
    """The moment some time later; None when that is beyond the years that there are."""
    try:
        return moment + span
    except OverflowError:
        return None
