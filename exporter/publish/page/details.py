"""What the page of one target says, in words.

In: a target, its results and the time. Out: plain text in the order of the page. It must not make HTML.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from exporter.model import Problem, Result, RevocationStatus, RevocationVerdict, StoreVerdict, Target
from exporter.publish import sections
from exporter.publish.page.chain import Step, steps
from exporter.publish.page.rows import Row, moment, row, title
from exporter.publish.text import one_line

PROSE = 4000
"""Characters that are kept of a sentence, far more than any of ours has."""

_TONES = {RevocationStatus.GOOD: "ok", RevocationStatus.REVOKED: "critical"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One problem: what is wrong, what to do for which product (empty for all), and who says what."""

    kind: str
    title: str
    severity: str
    summary: str
    stores: tuple[str, ...]
    remedy: tuple[tuple[str, tuple[str, ...]], ...]
    clients: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A line of a table: a mark's tone (`ok`, `critical`, `warning`, `unknown`), its word, and the cells."""

    tone: str
    word: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """An earlier probe of one address. `found` are its problems; `changed` marks another certificate."""

    time: str
    address: str
    state: str
    found: str
    days: str
    thumbprint: str
    duration: str
    changed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """One address of the target. `address` is as it was seen, for the link to the chain as PEM."""

    row: Row
    address: str
    troubles: tuple[Trouble, ...]
    chain: tuple[Step, ...]
    notes: tuple[str, ...]
    connection: tuple[tuple[str, str], ...]
    names: tuple[Fact, ...]
    stores: tuple[Fact, ...]
    revocation: tuple[Fact, ...]
    transcript: tuple[str, ...]


def details(target: Target, result: Result, now: datetime) -> Details:
    """Everything that is known of one address."""
    verdict = result.verdict
    return Details(
        row=row(target, result, now),
        address=one_line(result.observation.address),
        troubles=tuple(map(_trouble, verdict.problems)),
        chain=tuple(steps(result)),
        notes=tuple(one_line(note) for note in verdict.notes),
        connection=tuple(_connection(result)),
        names=tuple(_names(result)),
        stores=tuple(map(_store, verdict.stores)),
        revocation=tuple(map(_revocation, verdict.revocation)),
        transcript=tuple(sections.transcript(result.observation)),
    )


def _trouble(problem: Problem) -> Trouble:
    remedy = itertools.groupby(sections.steps(problem), key=lambda step: step[0])
    return Trouble(
        kind=problem.kind,
        title=title(problem.kind),
        severity=problem.severity.name.lower(),
        summary=one_line(problem.summary[:1].upper() + problem.summary[1:], PROSE),
        stores=tuple(map(one_line, problem.stores)),
        remedy=tuple((product, tuple(text for _, text in group)) for product, group in remedy),
        clients=tuple(sections.clients(problem)),
    )


def _connection(result: Result) -> Iterator[tuple[str, str]]:
    """Facts of the connection, those of the last one that gave a certificate where there was one."""
    seen, last = result.seen or result.observation, result.observation
    yield "Probed", f"{moment(result.time)}, took {result.duration:.2f} s"
    if last.failure is not None:
        detail = f": {one_line(last.failure.detail)}" if last.failure.detail else ""
        reason = last.failure.reason.replace("_", " ")
        yield "Failed", f"at stage {last.failure.stage}, {reason}{detail}"
    if result.seen_at is not None and not result.success:
        yield "Certificate seen", moment(result.seen_at)
    yield "Address", one_line(last.address) or "none was found"
    if (greeting := last.smtp.greeting) is not None:
        yield "Greeting", one_line(f"{greeting.code} {greeting.text}")
    if last.smtp.capabilities:
        yield "EHLO", one_line(", ".join(last.smtp.capabilities), 1000)
    if (tls := seen.tls) is not None:
        yield "Protocol", one_line(tls.version)
        bits = f" ({tls.bits} bits)" if tls.bits else ""
        yield from (("Cipher", one_line(tls.cipher + bits)),) if tls.cipher else ()
        yield from (("Key exchange", one_line(tls.group)),) if tls.group else ()
        yield from (("Signed with", one_line(tls.signature)),) if tls.signature else ()
        yield from (("Then ended by", one_line(tls.aborted)),) if tls.aborted else ()
    if (tried := last.transaction) is not None:
        codes = ", ".join(f"{command.upper()} {code}" for command, code in tried.codes.items())
        said = "accepted" if tried.success else f"refused: {one_line(tried.detail)}"
        yield "Mail", one_line(f"{said} ({codes})", 1000)
    if result.phases:
        yield "Time", ", ".join(f"{phase} {1000 * spent:.0f} ms" for phase, spent in result.phases.items())


def _names(result: Result) -> Iterator[Fact]:
    for verdict in result.verdict.names:
        detail = one_line(verdict.matched or "")
        name = one_line(verdict.name)
        if verdict.match is None:
            yield Fact(tone="unknown", word="unknown", cells=(name, detail or "cannot be told"))
        elif verdict.match:
            yield Fact(tone="ok", word="matches", cells=(name, f"by {detail}" if detail else ""))
        else:
            yield Fact(tone="critical", word="no", cells=(name, detail or "is not in the certificate"))


def _store(verdict: StoreVerdict) -> Fact:
    label = one_line(verdict.store)
    if verdict.valid:
        until = f"until {verdict.valid_until:%Y-%m-%d}" if verdict.valid_until else ""
        return Fact(tone="ok", word="valid", cells=(label, "0", "ok", until))
    where = "" if verdict.depth is None else f", at depth {verdict.depth}"
    note = "trusted, were it not for the date" if verdict.trusted else ""
    tone, word = ("warning", "dates") if verdict.trusted else ("critical", "refused")
    return Fact(
        tone=tone, word=word, cells=(label, str(verdict.code), f"{one_line(verdict.reason)}{where}", note)
    )


def _revocation(verdict: RevocationVerdict) -> Fact:
    facts = [verdict.detail]
    if verdict.revoked_at:
        facts.insert(0, f"on {verdict.revoked_at:%Y-%m-%d}, {verdict.reason or 'no reason given'}")
    if verdict.this_update:
        facts.append(f"as of {verdict.this_update:%Y-%m-%d %H:%M} UTC")
    if verdict.next_update:
        facts.append(f"next due {verdict.next_update:%Y-%m-%d %H:%M} UTC")
    told = one_line("; ".join(filter(None, facts)), PROSE)
    cells = (str(verdict.position), verdict.method.value, told, one_line(verdict.url, 1000))
    return Fact(tone=_TONES.get(verdict.status, "unknown"), word=verdict.status.value, cells=cells)


def worst(several: Sequence[Details]) -> str:
    """The worst state of several addresses; `waiting` before the first probe."""
    order = ("critical", "unknown", "warning", "ok")
    found = {one.row.state for one in several}
    return next((state for state in order if state in found), "waiting")
