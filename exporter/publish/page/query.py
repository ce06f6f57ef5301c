"""Which lines of the overview are asked for, in which order.

In: the parameters of a request, as wrong as anybody can type them. Out: a `Query`, and the links that change
one thing about it. What makes no sense is left out, since a page is for people: they see what was understood.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

STATES = ("critical", "unknown", "warning", "ok", "waiting")
"""The states of a line, the worst first; `waiting` before the first probe."""

COLUMNS = {
    "state": "State",
    "server": "Server",
    "expires": "Expires",
    "problem": "What is wrong",
    "stores": "Trusted by",
    "checked": "Last probe",
}
"""The columns that can be sorted by, and their headings."""

MOST_CHARACTERS = 200
"""Characters that are kept of a text to look for."""

MOST_LABELS = 8
"""Labels that are looked for at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is asked for; the defaults ask for everything, the worst first.

    `states` empty stands for all. `labels` are `name=value`, or `name` for any value; a line must carry all of
    them. `page` counts from 1.
    """

    states: tuple[str, ...] = ()
    text: str = ""
    labels: tuple[str, ...] = ()
    sort: str = "state"
    descending: bool = False
    page: int = 1

    @property
    def filtered(self) -> bool:
        """Whether lines may be left out."""
        return bool(self.states or self.text or self.labels)

    def link(self, **changes: Any) -> str:  # noqa: ANN401 - the fields of this class
        """The address of the overview with other values; whatever changes leads to the first page."""
        return _address(replace(self, **{"page": 1, **changes}))

    def sorted_by(self, column: str) -> str:
        """The link of a column's heading: a second click turns the order round."""
        return self.link(sort=column, descending=self.sort == column and not self.descending)


def read(parameters: Iterable[tuple[str, str]]) -> Query:
    """The query of a request; the last one of several equal parameters counts, but for states and labels."""
    states: list[str] = []
    labels: list[str] = []
    single: dict[str, str] = {}
    for name, value in parameters:
        text = value.strip()[:MOST_CHARACTERS]
        if name == "state" and text in STATES:
            states.append(text)
        elif name == "label" and text:
            labels.append(text)
        else:
            single[name] = text
    column = single.get("sort", "")
    return Query(
        states=tuple(state for state in STATES if state in states),
        text=single.get("text", ""),
        labels=tuple(dict.fromkeys(labels))[:MOST_LABELS],
        sort=column if column in COLUMNS else "state",
        descending=single.get("order") == "desc",
        page=_page(single.get("page", "")),
    )


def _page(text: str) -> int:
    """A page that is beyond the last one is cut later, when it is known which that is."""
    return max(int(text), 1) if text.isascii() and text.isdecimal() and len(text) <= len("999999") else 1


def _address(query: Query) -> str:
    pairs = [("state", state) for state in query.states]
    pairs += [("text", query.text)] if query.text else []
    pairs += [("label", label) for label in query.labels]
    pairs += [("sort", query.sort)] if query.sort != "state" else []
    pairs += [("order", "desc")] if query.descending else []
    pairs += [("page", str(query.page))] if query.page > 1 else []
    return f"/?{urlencode(pairs, errors='replace')}" if pairs else "/"
