"""The long output of a monitoring plugin: what stands below its first line for who asks for more.

Comes in: results. Goes out: lines that no server can add a `|` or a control character to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.publish import drawing, sections
from exporter.publish.status import safe, without_pipe

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exporter.model import Problem, Result


def long_output(results: Sequence[Result], verbosity: int) -> list[str]:
    """The lines below the first one; where there are several results, each has a heading.

    Args:
        results: what was found.
        verbosity: 0 nothing; 1 chain, cause and remedy; 2 also names, stores, connection and what
            clients say; 3 also the SMTP dialogue.
    """
    if verbosity < 1:
        return []
    lines: list[str] = []
    for result in results:
        if len(results) > 1:
            state = result.verdict.state.name
            lines.append(f"== {safe(result.target.name)} {result.observation.address}: {state}")
        lines += _lines(result, verbosity)
    return [without_pipe(line) for line in lines]


def _lines(result: Result, verbosity: int) -> list[str]:
    lines = [line for problem in result.verdict.problems for line in _explained(problem, verbosity)]
    lines += _part("Chain", drawing.draw(result, sections.plain))
    if verbosity >= 2:
        lines += _part("Names", sections.names(result, sections.plain))
        lines += _part("Verification", sections.stores(result, sections.plain))
        lines += _part("Revocation", sections.revocation(result, sections.plain))
        lines += _part("Connection", sections.connection(result, sections.plain))
    if verbosity >= 3:
        lines += _part("Transcript", sections.transcript(result.observation))
    return lines


def _part(title: str, lines: Iterable[str]) -> list[str]:
    content = [f"  {line}".rstrip() for line in lines]
    return [f"{title}:", *content] if content else []


def _explained(problem: Problem, verbosity: int) -> list[str]:
    lines = [sections.summary(problem)[1]]
    lines += [f"  {product}: {step}" if product else f"  {step}" for product, step in sections.steps(problem)]
    if verbosity >= 2:
        lines += [f"  {client} says: {words}" for client, words in sections.clients(problem)]
    return lines
