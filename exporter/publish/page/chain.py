"""The chain of a target's page: one step for each certificate, from the leaf upwards.

In: a result. Out: steps of plain text. What is not there, an intermediate that is not sent or a root that no
store holds, is a step too. It must not make HTML.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from exporter.model import CertificateFacts, ProblemKind, Result
from exporter.publish import drawing
from exporter.publish.text import common_name, one_line

_NAME_LIMIT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One certificate. `role` says what it is to the chain, and `kind` is `sent`, `held`, `missing` or `apart`.

    `marks` are what is wrong or right with it here, each a style (`ok`, `warning`, `critical`) and the words.
    """

    name: str
    role: str
    kind: str
    facts: tuple[tuple[str, str], ...] = ()
    marks: tuple[tuple[str, str], ...] = ()


def steps(result: Result) -> list[Step]:
    """The chain as a person climbs it; empty without a certificate."""
    presented = result.verdict.chain
    if not presented:
        return []
    path, apart = drawing.linked(presented)
    return [
        *(_sent(result, position, top=position == path[-1]) for position in path),
        *_above(result, presented[path[-1]]),
        *(_apart(result, position) for position in apart),
    ]


def _sent(result: Result, position: int, *, top: bool) -> Step:
    certificate = result.verdict.chain[position]
    marks = list(drawing.marks(result, position))
    if top and certificate.self_signed:
        marks += drawing.store_marks(result, certificate)
    role = "leaf" if position == 0 else "root" if certificate.self_signed else "intermediate"
    return Step(
        name=_name(certificate.subject),
        role=f"{role}, sent",
        kind="sent",
        facts=tuple(drawing.facts(certificate, result.time, leaf=position == 0)),
        marks=tuple(marks),
    )


def _above(result: Result, last: CertificateFacts) -> Iterator[Step]:
    """What stands, or should stand, above the last certificate that was sent; the marks are on its top."""
    if last.self_signed:
        return
    marks = tuple(drawing.store_marks(result, last))
    known = drawing.held_above(result)
    if not known:
        yield Step(name=_name(last.issuer), role="not sent", kind=_absent(result), marks=marks)
    for number, certificate in enumerate(known, 1):
        here = marks if number == len(known) else ()
        kind = "held" if certificate.self_signed else _absent(result)
        usual = "root, not sent, as is usual" if certificate.self_signed else "intermediate, not sent"
        facts = tuple(drawing.facts(certificate, result.time, leaf=False))
        yield Step(name=_name(certificate.subject), role=usual, kind=kind, facts=facts, marks=here)


def _absent(result: Result) -> str:
    """Whether what is not sent is missed."""
    missed = {ProblemKind.MISSING_INTERMEDIATE, ProblemKind.UNTRUSTED_ROOT, ProblemKind.SELF_SIGNED}
    return "missing" if any(store.problems & missed for store in result.verdict.stores) else "held"


def _apart(result: Result, position: int) -> Step:
    certificate = result.verdict.chain[position]
    return Step(
        name=_name(certificate.subject),
        role="also sent, but not part of this chain",
        kind="apart",
        facts=tuple(drawing.facts(certificate, result.time, leaf=False)),
        marks=tuple(drawing.marks(result, position)),
    )


def _name(subject: str) -> str:
    return one_line(common_name(subject), _NAME_LIMIT) or "(no name)"
