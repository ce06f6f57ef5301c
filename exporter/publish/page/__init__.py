"""The pages for people: every target on one screen, the worst first, and everything about one of them.

In: targets with their latest results, and the time. Out: HTML in pieces, since it may be long. Everything from outside passes through `one_line` and the templates' autoescape. The page needs no
JavaScript; its style sheet is a resource of its own, so that the security policy can forbid inline styles.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from exporter import __version__
from exporter.model import Result, Target
from exporter.publish.page.details import Visit, details, worst
from exporter.publish.page.lines import Line, choose
from exporter.publish.page.query import COLUMNS, Query
from exporter.publish.page.rows import row, where
from exporter.publish.text import one_line

PIECE = 32_768
"""Characters of HTML that are collected before they are sent."""


def overview(
    lines: Sequence[Line],
    query: Query,
    now: datetime,
    *,
    target_count: int,
    telemetry_path: str = "/metrics",
) -> Iterator[str]:
    """The overview in pieces.

    Args:
        lines: those of all targets.
        query: which of them are asked for.
        now: aware; ages are counted up to it.
        target_count: how many targets there are.
        telemetry_path: where the metrics are.
    """
    chosen = choose(lines, query)
    parts = (
        _environment()
        .get_template("overview.html")
        .generate(
            version=__version__,
            now=now,
            rows=(row(line.target, line.result, now) for line in chosen.lines),  # made while they are sent
            counts=chosen.counts,
            columns=COLUMNS,
            matched=chosen.matched,
            total=len(lines),
            page=chosen.page,
            pages=chosen.pages,
            query=query,
            target_count=target_count,
            telemetry_path=telemetry_path,
        )
    )
    yield from _pieces(parts)


def target_page(
    target: Target,
    results: Sequence[Result],
    visits: Sequence[Visit],
    now: datetime,
    *,
    certificates: Sequence[Sequence[str]] = (),
    can_probe: bool = True,
) -> Iterator[str]:
    """The page of one target in pieces.

    Args:
        target: the target.
        results: its results, none before its first probe.
        visits: what earlier probes found, the latest first.
        now: aware; ages are counted up to it.
        certificates: address, thumbprint, first and last sight of each leaf that it had.
        can_probe: whether it can be asked for to be probed at once.
    """
    several = [details(target, result, now) for result in results]
    parts = (
        _environment()
        .get_template("target.html")
        .generate(
            version=__version__,
            now=now,
            id=target.id,
            name=one_line(target.name),
            where=where(target, ""),
            labels=[(name, one_line(value)) for name, value in target.labels],
            label_link=lambda name, value: Query(labels=(f"{name}={value}",)).link(),
            interval=format_interval(target.interval),
            state=worst(several),
            several=several,
            visits=visits,
            certificates=certificates,
            can_probe=can_probe,
        )
    )
    yield from _pieces(parts)


def format_interval(seconds: float) -> str:
    """A length of time in its largest whole units: `1 h 30 min`."""
    left, words = round(seconds), []
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        words += [f"{count} {unit}"] if count else []
    return " ".join(words)


@cache
def style_sheet() -> str:
    """The CSS that the page links to as `/style.css`."""
    return resources.files(__name__).joinpath("templates", "style.css").read_text("utf-8")


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


def _commands(text: str) -> Markup:
    """Text whose parts between backticks are commands to copy."""
    parts = (escape(part) for part in text.split("`"))
    return Markup().join(
        Markup("<code>{}</code>").format(part) if number % 2 else part for number, part in enumerate(parts)
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__name__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["commands"] = _commands
    return environment
