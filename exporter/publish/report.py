"""One result as a report for a person.

Comes in: a `Result`. Goes out: lines for a terminal; the verdict stands first and the remedies last,
where the eye rests when they have scrolled by. No certificate is parsed here.
"""

from __future__ import annotations

import itertools
import re
import textwrap
from typing import TYPE_CHECKING

from exporter.publish import drawing, sections
from exporter.publish.text import mode_name, one_line, plural

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.model import Problem, Result

WIDTH = 100
"""Columns of prose. A command is never broken, however long it is."""

_SGR = {"ok": "32", "warning": "33", "critical": "31", "unknown": "35", "bold": "1", "dim": "2"}
_SIGNS = {"ok": "✓", "warning": "!", "critical": "✗", "unknown": "?"}
_COMMAND = re.compile(r"`[^`]*`")
_GLUE = "\0"  # stands for a space inside a command; harmless text cannot contain it


def report(result: Result, color: bool = False, transcript: bool = False) -> str:
    """The result for a person, ending in a newline.

    Args:
        result: what was found.
        color: use ANSI colours.
        transcript: add the SMTP dialogue.
    """
    paint = _colored if color else sections.plain
    parts = {
        "Connection": sections.connection(result, paint),
        "Chain as the server sends it, leaf first": drawing.draw(result, paint),
        "Untidy, though clients put up with it": sections.notes(result, paint),
        "Verification": sections.stores(result, paint),
        "Names": sections.names(result, paint),
        "Revocation": sections.revocation(result, paint),
        "Transcript": list(sections.transcript(result.observation)) if transcript else [],
        "What is wrong, and what to do": _problems(result, paint),
    }
    lines = [_verdict(result, paint)]
    for title, part in parts.items():
        if part:
            lines += ["", paint("bold", title), *(f"  {line}".rstrip() for line in part)]
    return "\n".join(lines) + "\n"


def _colored(style: str, text: str) -> str:
    return f"\x1b[{_SGR[style]}m{text}\x1b[0m"


def _verdict(result: Result, paint: drawing.Paint) -> str:
    state = result.verdict.state.name.lower()
    where = f"{one_line(result.target.name)} {mode_name(result.target.mode)}"
    return (
        paint(state, f"{_SIGNS[state]} {state.upper()}") + "  " + paint("bold", where) + f"  {_told(result)}"
    )


def _told(result: Result) -> str:
    verdict = result.verdict
    if verdict.problems:
        found = ", ".join(problem.kind for problem in verdict.problems)
        return f"{plural(len(verdict.problems), 'problem')}: {found}"
    if result.days_left is not None:
        return f"nothing wrong, valid for another {drawing.days(result.days_left * 86400)}"
    return "nothing wrong"


# --- problems -------------------------------------------------------------------------------------


def _problems(result: Result, paint: drawing.Paint) -> list[str]:
    lines: list[str] = []
    for number, problem in enumerate(result.verdict.problems, 1):
        lines += [""] if lines else []
        lines += _problem(f"{number}. ", problem, paint)
    return lines


def _problem(start: str, problem: Problem, paint: drawing.Paint) -> list[str]:
    name, words = sections.summary(problem)
    lines = _wrapped(words, start, "   ")
    lines[0] = lines[0].replace(name, paint(problem.severity.name.lower(), name), 1)
    if problem.remedy:
        lines += ["", paint("bold", "   What to do"), *_steps(problem)]
    if problem.clients:
        lines += ["", paint("bold", "   Who fails, and what they say"), *_clients(problem)]
    return lines


def _steps(problem: Problem) -> Iterator[str]:
    """The steps, those that follow each other for one product under its name."""
    for product, steps in itertools.groupby(sections.steps(problem), key=lambda step: step[0]):
        margin = "     "
        if product:
            yield f"{margin}{product}"
            margin += "  "
        for _, step in steps:
            yield from _wrapped(step, f"{margin}- ", f"{margin}  ")


def _clients(problem: Problem) -> Iterator[str]:
    spoken = sections.clients(problem)
    width = max(len(client) for client, _ in spoken)
    for client, words in spoken:
        yield from _wrapped(words, f"     {client:{width}}  ", " " * (width + 7))


def _wrapped(text: str, first: str, following: str) -> list[str]:
    """Prose in lines of `WIDTH` columns at most; commands stay whole, so that they can be copied."""
    whole = _COMMAND.sub(lambda command: command[0].replace(" ", _GLUE), text)
    lines = textwrap.wrap(
        whole,
        WIDTH,
        initial_indent=first,
        subsequent_indent=following,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_GLUE, " ") for line in lines] or [first.rstrip()]
