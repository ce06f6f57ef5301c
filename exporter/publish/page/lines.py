"""The lines of the overview: found, sorted, and cut into pages.

In: the targets' latest results. Out: the lines of one page. What finding and sorting look at is worked out once
per result, so that a page of ten thousand targets costs a few milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from exporter.model import Result, Target
from exporter.publish.page.query import STATES, Query
from exporter.publish.text import common_name, one_line, well_formed

LENGTH = 100
"""Lines of one page."""

_RANK = {state: number for number, state in enumerate(STATES)}
_FOREVER = float("inf")


class Said(NamedTuple):
    """What a line says that is the same from probe to probe, as long as nothing has changed.

    `name` is for sorting. `expires` is Unix time. `problem` is the worst one's name and `refused` the number of
    trust stores that do not find the chain valid. Each is None where there is none. `words` is everything that a
    text is looked for in, in lower case.
    """

    state: str
    name: str
    words: str
    expires: float | None = None
    problem: str | None = None
    refused: int | None = None


class Line(NamedTuple):
    """One address of a target, or a target that waits for its first probe."""

    target: Target
    result: Result | None
    said: Said

    @property
    def checked(self) -> float | None:
        """When the probe began, as Unix time."""
        return self.result.time.timestamp() if self.result else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The lines of one page.

    `matched` is the number of lines on all pages, and `counts` that of the lines in each state whichever states
    are asked for. `first` counts from 1 and is 0 when there are none.
    """

    lines: Sequence[Line]
    matched: int
    counts: Mapping[str, int]
    page: int
    pages: int
    first: int


def state(result: Result | None) -> str:
    """The state of a line in a word; `waiting` before the first probe."""
    return result.verdict.state.name.lower() if result else "waiting"


def lines(target: Target, results: Sequence[Result], before: Sequence[Line] = ()) -> tuple[Line, ...]:
    """One line for each result of a target, or one when it has none yet.

    Args:
        target: as it is configured.
        results: the latest ones.
        before: the lines of earlier results of the same target.
    """
    known = {line.result.observation.address: line for line in before if line.result}
    made = (_again(known.get(one.observation.address), target, one) or _line(target, one) for one in results)
    return tuple(made) or (_line(target, None),)


def _again(line: Line | None, target: Target, result: Result) -> Line | None:
    """The line of an earlier result, or of a target with other settings, if it says what a new one would."""
    if line is None or line.result is None or not _says_the_same(line.target, target):
        return None
    same = result.grounds is not None and line.result.grounds is result.grounds
    return Line(target, result, line.said) if same or result is line.result else None


def _says_the_same(one: Target, other: Target) -> bool:
    """Whether what a line tells of the two is the same."""
    return one is other or (one.name, one.host, one.port, one.labels) == (
        other.name, other.host, other.port, other.labels,
    )  # fmt: skip


def _line(target: Target, result: Result | None) -> Line:
    name, words = target.name.lower(), _words(target, result)
    if result is None:
        return Line(target, None, Said(state=state(None), name=name, words=words))
    verdict = result.verdict
    said = Said(
        state=state(result),
        name=name,
        words=words,
        expires=verdict.chain[0].not_after.timestamp() if verdict.chain else None,
        problem=verdict.problems[0].kind if verdict.problems else None,
        refused=sum(not store.valid for store in verdict.stores) if verdict.stores else None,
    )
    return Line(target, result, said)


def _words(target: Target, result: Result | None) -> str:
    """One text after the other, parted by line breaks, so that nothing is found across two of them."""
    texts = [target.name, f"{target.host}:{target.port}"]
    texts += [f"{name}={value}" for name, value in target.labels]
    if result is not None:
        texts.append(result.observation.address)
        texts += [problem.kind for problem in result.verdict.problems]
        texts += [problem.kind.replace("_", " ") for problem in result.verdict.problems]
        if result.observation.failure:
            texts.append(result.observation.failure.reason)
        if result.verdict.chain:
            leaf = result.verdict.chain[0]
            texts += [one_line(common_name(name)) for name in (leaf.subject, leaf.issuer)]
            texts += [leaf.sha1, leaf.sha256, leaf.serial]
    return well_formed("\n".join(texts)).lower()


def choose(all_lines: Iterable[Line], query: Query) -> Chosen:
    """The lines that are asked for; a page beyond the last one is the last one."""
    found = [line for line in all_lines if _found(line, query)]
    counts = dict.fromkeys(STATES, 0)
    for line in found:
        counts[line.said.state] += 1
    if query.states:
        found = [line for line in found if line.said.state in query.states]
    pages = max(-(-len(found) // LENGTH), 1)
    page = min(query.page, pages)
    start = (page - 1) * LENGTH
    shown = _sorted(found, query)[start : start + LENGTH]
    return Chosen(
        lines=shown, matched=len(found), counts=counts, page=page, pages=pages, first=start + bool(shown)
    )


def _found(line: Line, query: Query) -> bool:
    """Every word of the text must be there, in any order, and every label."""
    if query.text and not all(word in line.said.words for word in query.text.lower().split()):
        return False
    return all(_carries(line.target, label) for label in query.labels)


def _carries(target: Target, label: str) -> bool:
    name, equals, value = label.partition("=")
    return any(name == one and (not equals or value == well_formed(own)) for one, own in target.labels)


def _sorted(found: list[Line], query: Query) -> list[Line]:
    """Lines that have nothing in the column come last in either order; equal ones in the usual order."""
    usual = sorted(found, key=_usual)
    if query.sort == "state":
        return usual[::-1] if query.descending else usual
    key = _KEYS[query.sort]
    filled = [line for line in usual if key(line) is not None]
    empty = [line for line in usual if key(line) is None]
    return sorted(filled, key=key, reverse=query.descending) + empty


def _usual(line: Line) -> tuple[int, float, str]:
    """The worst first, then what expires first, then by name."""
    said = line.said
    return (_RANK[said.state], _FOREVER if said.expires is None else said.expires, said.name)


_KEYS: Mapping[str, Callable[[Line], Any]] = {
    "server": lambda line: line.said.name,
    "expires": lambda line: line.said.expires,
    "problem": lambda line: line.said.problem,
    "stores": lambda line: line.said.refused,
    "checked": lambda line: line.checked,
}
