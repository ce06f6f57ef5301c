"""The files that users copy and the pages that they read, as the tests here take them apart."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

TOP = Path(__file__).parents[2]
DEPLOY, GRAFANA, DOCS = TOP / "deploy", TOP / "grafana", TOP / "docs"
RULES = DEPLOY / "prometheus" / "rules" / "smtp-tls.rules.yml"
DASHBOARDS = sorted(GRAFANA.glob("*.json"))
PAGES = sorted(DOCS.glob("*.md"))
TEXTS = [*PAGES, TOP / "README.md", TOP / "CHANGELOG.md"]

METRIC = re.compile(r"\b(?:job:|job_\w+:)?(?:smtp_tls|probe|process|python)[_:][\w:]+\b|\bup\b")
"""Every word that can be a metric of the exporter, a recorded one, or one of Prometheus itself."""
_SELECTOR = re.compile(r"\b([\w:]+)\{([^}]*)\}")
_MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z0-9._-]*[a-z0-9]|-[A-Za-z0-9])(?![\w-])")


def rules() -> list[dict[str, Any]]:
    """Every alert of the rules file."""
    return [rule for rule in _all_rules() if "alert" in rule]


def records() -> dict[str, str]:
    """The expression of every recorded metric, by its name."""
    return {rule["record"]: rule["expr"] for rule in _all_rules() if "record" in rule}


def _all_rules() -> list[dict[str, Any]]:
    content = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    return [rule for group in content["groups"] for rule in group["rules"]]


def dashboards() -> dict[str, dict[str, Any]]:
    """The dashboards as they are shipped, by the names of their files."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in DASHBOARDS}


def panels() -> dict[str, dict[str, Any]]:
    """Every panel by `FILE: TITLE`."""
    return {f"{name}: {one['title']}": one for name, made in dashboards().items() for one in made["panels"]}


def queries() -> dict[str, str]:
    """The query of each panel by `FILE: TITLE`; no panel has two."""
    return {name: target["expr"] for name, panel in panels().items() for target in panel["targets"]}


def metrics_of(expression: str) -> set[str]:
    """The metric names in a PromQL expression. Quoted strings and label names do not count."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\{[^}]*\}", "", _GROUPING.sub("", bare))
    return set(METRIC.findall(bare))


def matched_labels(expression: str) -> Iterator[tuple[str, str]]:
    """Each metric with a label that a selector of the expression names."""
    for metric, matchers in _SELECTOR.findall(expression):
        for label in _MATCHER.findall(re.sub(r'"[^"]*"', "", matchers)):
            yield metric, label


def grouping_labels(expression: str) -> set[str]:
    """The labels that the expression aggregates or joins by."""
    return {label.strip() for names in _GROUPING.findall(expression) for label in names.split(",") if label}


def rows(page: str, heading: str | None = None) -> Iterator[Sequence[str]]:
    """The cells of each table row of a page, of one section alone when its heading is given."""
    text = section(page, heading) if heading else (DOCS / page).read_text(encoding="utf-8")
    for line in text.splitlines():
        if line.startswith("|") and not line.startswith("| ---"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def section(page: str, heading: str) -> str:
    """The text below a heading, down to the next heading of any level."""
    text = (DOCS / page).read_text(encoding="utf-8")
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", text, re.DOTALL | re.MULTILINE)
    assert found, f"{page} has no section {heading}"
    return found[1]


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings get when it is rendered."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def code_words(text: str) -> set[str]:
    """What stands between backquotes, a whole code block included."""
    blocks = re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)
    return {*blocks, *re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))}


def sentences(text: str) -> Iterator[str]:
    """The sentences and table cells of a page, each on one line."""
    for part in re.split(r"\n\s*\n|\.\s|\|", text):
        yield " ".join(part.split())


def options(text: str) -> set[str]:
    """Every word of a text that is spelled like an option."""
    return set(_OPTION.findall(text))
