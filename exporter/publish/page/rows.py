"""What a line of the overview says, in words.

In: a target, one of its results and the time. Out: a row of plain text. It must not make HTML.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from exporter.model import Mode, Problem, ProblemKind, Result, StoreVerdict, Target, Verdict
from exporter.publish.page.lines import state
from exporter.publish.text import one_line, plural

SUMMARY_LIMIT = 400
"""Characters that are kept of a problem's summary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One problem: its name in words, its severity and its sentence."""

    title: str
    severity: str
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """One trust store: `verdict` is `ok`, `bad`, or `dates` when only the dates are wrong."""

    label: str
    verdict: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One address of a target, or a target that waits for its first probe.

    `days` is whole days to expiry in words and `expires` the date, both empty without a certificate;
    `expiry_tone` is the severity of a near end.
    `left` is the part of its lifetime that the certificate has left, in percent, None without one.
    `stale` says since when nothing newer could be seen, empty when the last probe succeeded.
    """

    id: str
    state: str
    name: str
    where: str
    labels: tuple[tuple[str, str], ...] = ()
    days: str = ""
    expires: str = ""
    expiry_tone: str = ""
    left: int | None = None
    problems: tuple[Finding, ...] = ()
    stores: tuple[Store, ...] = ()
    checked: str = ""
    checked_at: str = ""
    stale: str = ""


def row(target: Target, result: Result | None, now: datetime) -> Row:
    """The row of one result, or of a target that waits for its first."""
    labels = tuple((name, one_line(value)) for name, value in target.labels)
    if result is None:
        return Row(
            id=target.id,
            state=state(None),
            name=one_line(target.name),
            where=where(target, ""),
            labels=labels,
        )
    verdict = result.verdict
    leaf = verdict.chain[0] if verdict.chain else None
    return Row(
        id=target.id,
        state=state(result),
        name=one_line(target.name),
        where=where(target, result.observation.address),
        labels=labels,
        days=_days(result.days_left),
        expires=f"{leaf.not_after:%Y-%m-%d}" if leaf else "",
        expiry_tone=_expiry_tone(verdict),
        left=_percent(result.lifetime_left),
        problems=tuple(_finding(problem) for problem in verdict.problems),
        stores=tuple(_store(store) for store in verdict.stores),
        checked=age(now, result.time),
        checked_at=moment(result.time),
        stale=age(now, result.seen_at) if result.seen_at and not result.success else "",
    )


def where(target: Target, address: str) -> str:
    """What the name does not already say about the place."""
    host = f"[{target.host}]" if ":" in target.host else target.host
    place = f"{host}:{target.port}"
    how = "TLS from the first byte" if target.mode is Mode.TLS else "STARTTLS"
    parts = ("" if place == target.name else place, "" if address == target.host else address, how)
    return " · ".join(one_line(part) for part in parts if part)


def _days(left: float | None) -> str:
    if left is None:
        return ""
    days = math.floor(abs(left))
    if not days:
        return "today"
    return f"{plural(days, 'day')} ago" if left < 0 else f"in {plural(days, 'day')}"


def _percent(fraction: float | None) -> int | None:
    return None if fraction is None else round(100 * min(max(fraction, 0.0), 1.0))


def _expiry_tone(verdict: Verdict) -> str:
    """The severity of an end that has come or is near, empty when nothing is."""
    dates = {ProblemKind.EXPIRED, ProblemKind.EXPIRES_SOON}
    return next((p.severity.name.lower() for p in verdict.problems if p.kind in dates), "")


def _finding(problem: Problem) -> Finding:
    return Finding(
        title=title(problem.kind),
        severity=problem.severity.name.lower(),
        summary=_sentence(one_line(problem.summary, limit=SUMMARY_LIMIT)),
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def title(kind: ProblemKind) -> str:
    """A problem's name as a title; protocols keep their capitals."""
    words = kind.replace("_", " ")
    return words.capitalize().replace("Starttls", "STARTTLS").replace("tls", "TLS")


def _store(verdict: StoreVerdict) -> Store:
    label = one_line(verdict.store)
    if verdict.valid:
        return Store(label=label, verdict="ok", words="valid")
    where = "" if verdict.depth is None else f" at depth {verdict.depth}"
    words = f"{one_line(verdict.reason)} ({verdict.code}{where})"
    return Store(label=label, verdict="dates" if verdict.trusted else "bad", words=words)


def age(now: datetime, then: datetime) -> str:
    """How long ago in its largest unit: `12 s`, `5 min`, `3 h`, `2 d`."""
    seconds = max(int((now - then).total_seconds()), 0)
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def moment(time: datetime) -> str:
    """A time to the second."""
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"
