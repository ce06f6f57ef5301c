"""The overview page: every target on one screen, the worst first.

In: targets with their latest results, and the time. Out: HTML in pieces, since there may be ten thousand
targets. Everything from outside passes through `one_line` and the templates' autoescape. The page needs no
JavaScript; its style sheet is a resource of its own, so that the security policy can forbid inline styles.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined

from exporter import __version__
from exporter.model import Result, Target
from exporter.publish.page.rows import order, row, state

PIECE = 32_768
"""Characters of HTML that are collected before they are sent."""


def overview(
    targets: Sequence[tuple[Target, Sequence[Result]]], now: datetime, *, telemetry_path: str = "/metrics"
) -> Iterator[str]:
    """The page in pieces.

    Args:
        targets: each with its results, none before its first probe.
        now: aware; ages are counted up to it.
        telemetry_path: where the metrics are.
    """
    looks = [(target, result) for target, results in targets for result in results or (None,)]
    looks.sort(key=order)
    template = _environment().get_template("overview.html")
    parts = template.generate(
        version=__version__,
        rows=(row(target, result, now) for target, result in looks),  # made while they are sent
        counts=_counts([state(result) for _, result in looks]),
        target_count=len(targets),
        now=now,
        telemetry_path=telemetry_path,
    )
    yield from _pieces(parts)


@cache
def style_sheet() -> str:
    """The CSS that the page links to as `/style.css`."""
    return resources.files(__name__).joinpath("templates", "style.css").read_text("utf-8")


def _counts(states: Sequence[str]) -> list[tuple[str, int]]:
    shown = ["critical", "warning", "unknown", "ok", "waiting"]
    return [(each, states.count(each)) for each in shown if each in {"critical", "ok"} or each in states]


def _pieces(parts: Iterator[str]) -> Iterator[str]:
    """Parts of about PIECE characters; the template makes many very short ones."""
    collected: list[str] = []
    size = 0
    for part in parts:
        collected.append(part)
        size += len(part)
        if size >= PIECE:
            yield "".join(collected)
            collected, size = [], 0
    yield "".join(collected)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader(__name__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
