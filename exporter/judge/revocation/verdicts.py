"""From evidence to verdicts: what each method says of each certificate at one moment.

What a method cannot tell is said as such and never counted as good.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from exporter.model import (
    Reading,
    RevocationAnswer,
    RevocationMethod,
    RevocationQuestion,
    RevocationStatus,
    RevocationVerdict,
    Statement,
)

SKEW = timedelta(minutes=5)
"""How far clocks may differ before evidence is from the future."""
MAX_AGE = timedelta(days=7)
"""How long evidence counts that does not say when newer is due: else an old staple could be shown for ever."""

_ANSWERS = {RevocationStatus.GOOD, RevocationStatus.REVOKED}
_HOLD = "certificateHold"


def judge_revocation(
    questions: Sequence[RevocationQuestion],
    answers: Sequence[RevocationAnswer],
    staple: bytes,
    methods: Collection[RevocationMethod],
    now: datetime,
) -> tuple[RevocationVerdict, ...]:
    """One verdict for each certificate and method that was asked, in this order.

    Args:
        questions: the certificates.
        answers: what asking OCSP responders and for lists gave.
        staple: the stapled answer, which is about the leaf; empty when there was none.
        methods: those that count.
        now: the moment to judge at, aware UTC.
    """
    found: list[RevocationVerdict] = []
    for question in questions:
        if RevocationMethod.STAPLE in methods and question.position == 0:
            found += _stapled(question, staple, now)
        for method in (RevocationMethod.OCSP, RevocationMethod.CRL):
            given = [one for one in answers if (one.position, one.method) == (question.position, method)]
            if method in methods and given:
                found.append(_of_method(question, given, now))
    return tuple(found)


def is_revoked(questions: Sequence[RevocationQuestion], verdicts: Sequence[RevocationVerdict]) -> bool | None:
    """Whether any certificate is; None when nobody asked, or not for each of them there was an answer."""
    if any(verdict.status is RevocationStatus.REVOKED for verdict in verdicts):
        return True
    good = {verdict.position for verdict in verdicts if verdict.status is RevocationStatus.GOOD}
    return False if questions and all(question.position in good for question in questions) else None


def lacks_staple(question: RevocationQuestion, verdicts: Sequence[RevocationVerdict]) -> bool:
    """Whether the certificate demands a stapled answer (RFC 7633 section 4.2.2), and none came that counts."""
    return question.certificate.must_staple and any(
        (verdict.position, verdict.method) == (question.position, RevocationMethod.STAPLE)
        and verdict.status not in _ANSWERS
        for verdict in verdicts
    )


def _stapled(question: RevocationQuestion, staple: bytes, now: datetime) -> Sequence[RevocationVerdict]:
    if staple:
        return [_verdict(question.position, RevocationMethod.STAPLE, _read_staple(staple, question), now)]
    if question.certificate.must_staple:
        said = Statement(
            status=RevocationStatus.UNKNOWN, detail="the certificate demands one, and there is none"
        )
        return [_verdict(question.position, RevocationMethod.STAPLE, said, now)]
    return []


@functools.lru_cache(maxsize=1024)
def _read_staple(staple: bytes, question: RevocationQuestion) -> Statement:
    """A server staples the same answer for days."""
    from exporter.judge.revocation.ocsp import read_ocsp  # noqa: PLC0415 - most checks do not ask

    return read_ocsp(staple, question).about(question.certificate)


def _of_method(
    question: RevocationQuestion, given: Sequence[RevocationAnswer], now: datetime
) -> RevocationVerdict:
    """The first answer that tells, else the first of those that do not; the others are named in its detail."""
    verdicts = [_of_answer(question, answer, now) for answer in given]
    chosen = next((one for one in verdicts if one.status in _ANSWERS), verdicts[0])
    others = [f"{one.url}: {one.status}, {one.detail}".rstrip(", ") for one in verdicts if one is not chosen]
    return replace(chosen, detail="; ".join(filter(None, [chosen.detail, *others])))


def _of_answer(question: RevocationQuestion, answer: RevocationAnswer, now: datetime) -> RevocationVerdict:
    reading: Reading | None = answer.reading
    if reading is None:
        return RevocationVerdict(question.position, answer.method, answer.status, answer.detail, answer.url)
    return _verdict(question.position, answer.method, reading.about(question.certificate), now, answer.url)


def _verdict(
    position: int, method: RevocationMethod, said: Statement, now: datetime, url: str = ""
) -> RevocationVerdict:
    status, detail = said.status, said.detail
    if status in _ANSWERS and (fault := _out_of_date(said, now)):
        # What was revoked stays so, however old the news; only a hold may have been lifted.
        if status is RevocationStatus.GOOD or said.reason == _HOLD:
            status = RevocationStatus.STALE
        detail = "; ".join(filter(None, [detail, fault]))
    return RevocationVerdict(
        position, method, status, detail, url,
        said.this_update, said.next_update, said.revoked_at, said.reason,
    )  # fmt: skip


def _out_of_date(said: Statement, now: datetime) -> str | None:
    """RFC 6960 section 4.2.2.1 and RFC 5280 section 5.1.2.5."""
    if said.this_update and said.this_update > now + SKEW:
        return f"it is from the future: {said.this_update:%Y-%m-%d %H:%M} UTC"
    if said.next_update and said.next_update < now:
        return f"newer news was due on {said.next_update:%Y-%m-%d %H:%M} UTC"
    if said.this_update and not said.next_update and said.this_update < now - MAX_AGE:
        return f"it is from {said.this_update:%Y-%m-%d %H:%M} UTC and does not say when newer news is due"
    return None
