"""Opinions, pure: an observation, the trust stores and a moment in, a verdict out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from exporter.judge.case import Case, Finding
from exporter.judge.certificates import UnreadableCertificateError, read_certificate
from exporter.judge.chain import judge_chain
from exporter.judge.names import match_name
from exporter.judge.presented import EMPTY, next_issuer_url
from exporter.judge.problems import CHECKS
from exporter.judge.revocation import is_revoked, judge_revocation, questions_about
from exporter.judge.standing import grounds, remaining, stands
from exporter.model import (
    CertificateFacts,
    IssuerAnswer,
    Observation,
    Problem,
    ProblemKind,
    RevocationAnswer,
    RevocationQuestion,
    State,
    Target,
    TrustStore,
    Verdict,
)

__all__ = [
    "grounds",
    "issuer_to_fetch",
    "judge",
    "questions_about",
    "remaining",
    "revocation_questions",
    "stands",
]


def judge(  # noqa: PLR0913 - one look, what to judge it by, and all evidence about it
    observation: Observation,
    seen: Observation | None,
    target: Target,
    stores: Mapping[str, TrustStore],
    now: datetime,
    answers: Mapping[str, IssuerAnswer] = EMPTY,
    *,
    revocation: Sequence[RevocationAnswer] = (),
) -> Verdict:
    """Everything that follows from one look.

    Args:
        observation: the look itself, which may have failed.
        seen: the latest look that obtained a certificate, possibly the same, possibly none.
        target: what was asked for, and the policy to judge by.
        stores: trust stores by label; those that the policy names are used.
        now: the moment to judge at, aware UTC.
        answers: what the AIA URLs that `issuer_to_fetch` named gave, by URL.
        revocation: what asking the `revocation_questions` gave.
    """
    chain, unreadable = _read_chain(seen.chain if seen else ())
    against = judge_chain(chain, _stores_of(target, stores), now, answers)
    methods = target.policy.revocation
    asked = questions_about(chain, against.stores, now) if methods else ()
    case = Case(
        target=target,
        observation=observation,
        chain=chain,
        stores=against.stores,
        names=tuple(match_name(chain[0], name) for name in target.names) if chain else (),
        now=now,
        tls=seen.tls if seen else None,
        answers=answers,
        asked=asked,
        revocation=judge_revocation(asked, revocation, seen.staple if seen else b"", methods, now),
        unreadable=unreadable,
    )
    problems, evaluated = _look_for_problems(case)
    return Verdict(
        state=max((p.severity for p in problems), key=lambda state: state.rank, default=State.OK),
        problems=problems,
        evaluated=evaluated,
        chain=chain,
        stores=case.stores,
        names=case.names,
        revocation=case.revocation,
        revoked=is_revoked(case.asked, case.revocation),
        chain_complete=against.complete,
        notes=against.notes,
    )


def issuer_to_fetch(
    observation: Observation,
    target: Target,
    stores: Mapping[str, TrustStore],
    now: datetime,
    answers: Mapping[str, IssuerAnswer],
) -> str | None:
    """The AIA URL that should be asked before judging, one at a time until there is none.

    Only a chain that some store does not trust, for want of an issuer, has anything to ask.
    """
    chain, _ = _read_chain(observation.chain)
    wanted = _stores_of(target, stores)
    verdicts = judge_chain(chain, wanted, now, answers).stores
    if all(verdict.trusted or verdict.code != _NO_ISSUER for verdict in verdicts):
        return None
    return next_issuer_url(chain, tuple(wanted.values()), answers)


def revocation_questions(
    observation: Observation,
    target: Target,
    stores: Mapping[str, TrustStore],
    now: datetime,
    answers: Mapping[str, IssuerAnswer] = EMPTY,
) -> tuple[RevocationQuestion, ...]:
    """The certificates whose revocation should be asked about before judging; none if nobody wants to know."""
    if not target.policy.revocation:
        return ()
    chain, _ = _read_chain(observation.chain)
    return questions_about(chain, judge_chain(chain, _stores_of(target, stores), now, answers).stores, now)


_NO_ISSUER = 20  # X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY


def _stores_of(target: Target, stores: Mapping[str, TrustStore]) -> dict[str, TrustStore]:
    return {label: stores[label] for label in target.policy.stores}


def _read_chain(ders: tuple[bytes, ...]) -> tuple[tuple[CertificateFacts, ...], str]:
    """The certificates up to the first that cannot be read, and which that is and why (or nothing)."""
    facts: list[CertificateFacts] = []
    for der in ders:
        try:
            facts.append(read_certificate(der))
        except UnreadableCertificateError as error:
            return tuple(facts), f"certificate {len(facts)} cannot be read ({error})"
    return tuple(facts), ""


def _look_for_problems(case: Case) -> tuple[tuple[Problem, ...], frozenset[ProblemKind]]:
    found: list[tuple[ProblemKind, Finding]] = []
    evaluated: set[ProblemKind] = set()
    severities = case.target.policy.severities
    for kind, check in CHECKS.items():
        answer = check(case)
        if answer is None or severities.get(kind) is State.OK:
            continue
        evaluated.add(kind)
        if isinstance(answer, Finding):
            found.append((kind, answer))
    return _described(found, case), frozenset(evaluated)


def _described(found: Sequence[tuple[ProblemKind, Finding]], case: Case) -> tuple[Problem, ...]:
    """The findings as problems, worst first."""
    if not found:
        return ()
    from exporter.judge import advice  # noqa: PLC0415 - a check of a healthy server does without all those texts

    problems = (advice.problem(kind, finding, case) for kind, finding in found)
    return tuple(sorted(problems, key=lambda problem: -problem.severity.rank))
