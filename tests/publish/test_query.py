"""Finding, sorting and paging on the overview."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model import ProblemKind, State, Target
from exporter.publish.page.lines import LENGTH, Line, choose, lines
from exporter.publish.page.query import COLUMNS, STATES, Query, read
from tests import results


def target(name: str, **labels: str) -> Target:
    """A target of that name."""
    return dataclasses.replace(results.TARGET, name=name, host=name, labels=tuple(labels.items()))


def made() -> list[Line]:
    """Four lines: expired, about to expire, fine, and not probed yet."""
    soon = results.problem(ProblemKind.EXPIRES_SOON, severity=State.WARNING)
    leaves = {
        name: results.certificate(f"CN={name}", f"CN={issuer}", not_after=results.NOW + timedelta(days=days))
        for name, issuer, days in (("gone", "Old CA", -3), ("soon", "R11", 9), ("fine", "R11", 80))
    }
    gone, near, fine = (
        target(name, site=site) for name, site in (("gone", "fra"), ("soon", "ber"), ("fine", "fra"))
    )
    return [
        *lines(fine, [results.result(target=fine, chain=(leaves["fine"],))]),
        *lines(near, [results.result(soon, target=near, chain=(leaves["soon"],), days_left=9.0)]),
        *lines(
            gone, [results.result(results.problem(ProblemKind.EXPIRED), target=gone, chain=(leaves["gone"],))]
        ),
        *lines(target("new"), []),
    ]


def names(query: str) -> list[str]:
    """The names that a query of a request shows."""
    pairs = [tuple(part.split("=", 1)) for part in query.split("&") if part]
    return [line.target.name for line in choose(made(), read(pairs)).lines]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["gone", "soon", "fine", "new"]),
        ("state=ok", ["fine"]),
        ("state=ok&state=critical", ["gone", "fine"]),
        ("state=nonsense", ["gone", "soon", "fine", "new"]),
        ("text=r11", ["soon", "fine"]),
        ("text=R11 soon", ["soon"]),
        ("text=expires soon", ["soon"]),
        ("text=192.0.2.7 gone", ["gone"]),
        ("text=nothing", []),
        ("label=site=fra", ["gone", "fine"]),
        ("label=site", ["gone", "soon", "fine"]),
        ("label=site=fra&state=ok", ["fine"]),
        ("label=site=fra&label=site=ber", []),
        ("sort=server", ["fine", "gone", "new", "soon"]),
        ("sort=server&order=desc", ["soon", "new", "gone", "fine"]),
        ("sort=expires", ["gone", "soon", "fine", "new"]),
        ("sort=expires&order=desc", ["fine", "soon", "gone", "new"]),
        ("sort=problem", ["gone", "soon", "fine", "new"]),
        ("sort=state&order=desc", ["new", "fine", "soon", "gone"]),
        ("sort=nonsense&page=x", ["gone", "soon", "fine", "new"]),
    ],
)
def test_what_is_shown(query: str, expected: list[str]) -> None:
    """By state, text and label, in the order of any column; what makes no sense is left out."""
    assert names(query) == expected


def test_counts_are_of_all_states() -> None:
    """Whoever looks at one state still sees how many are in the others."""
    assert choose(made(), Query(states=("ok",))).counts == {
        "critical": 1, "unknown": 0, "warning": 1, "ok": 1, "waiting": 1,
    }  # fmt: skip


def test_pages() -> None:
    """Every line is on exactly one page."""
    many = [line for number in range(2 * LENGTH + 5) for line in lines(target(f"t{number:04}"), [])]
    shown = [line.target.name for page in (1, 2, 3) for line in choose(many, Query(page=page)).lines]
    assert sorted(shown) == [line.target.name for line in many]
    assert choose(many, Query(page=4)).page == 3
    assert choose([], Query(page=4)).page == 1


QUERIES = st.builds(
    Query,
    states=st.lists(st.sampled_from(STATES), unique=True).map(
        lambda some: tuple(s for s in STATES if s in some)
    ),
    text=st.text(max_size=20).map(str.strip),
    labels=st.lists(st.text(min_size=1, max_size=9).map(str.strip).filter(bool), unique=True, max_size=3).map(
        tuple
    ),
    sort=st.sampled_from(list(COLUMNS)),
    descending=st.booleans(),
    page=st.integers(1, 999),
)


@given(QUERIES)
def test_links_say_what_the_query_says(query: Query) -> None:
    """A link on the page leads back to the same query, whatever was typed."""
    link = urlsplit(query.link(page=query.page))
    assert link.path == "/"
    text = query.text.encode("utf-8", "replace").decode()
    labels = tuple(dict.fromkeys(label.encode("utf-8", "replace").decode() for label in query.labels))
    assert read(parse_qsl(link.query)) == dataclasses.replace(query, text=text, labels=labels)
