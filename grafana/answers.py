"""What a Prometheus answers to the queries of panels, and how a panel wants it written and coloured.

In: panels of the classic JSON model, with one query each. Out: series, words and colours.
"""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]
VARIABLES = {"$job": ".+", "$instance": ".+", "$__rate_interval": "1m"}
COLORS = {
    "green": "#56a64b", "yellow": "#e0b400", "red": "#e02f44", "blue": "#3274d9", "gray": "#9aa0a6", "text": "#202226",
}  # fmt: skip
SPAN = 300.0
"""Seconds that curves go back."""


class Prometheus:
    """Asks a server."""

    def __init__(self, url: str, target: str = ".+") -> None:
        self._url = url
        self._variables = {**VARIABLES, "$target": target}

    def ask(self, path: str, expression: str, **more: str) -> list[Json]:
        """The series of an answer."""
        for name, value in self._variables.items():
            expression = expression.replace(name, value)
        query = urllib.parse.urlencode({"query": expression, **more})
        with urllib.request.urlopen(f"{self._url}/api/v1/{path}?{query}", timeout=30) as answer:  # noqa: S310 - the caller's URL
            found: list[Json] = json.load(answer)["data"]["result"]
        return found

    def now(self, panel: Json) -> list[Json]:
        """The series of a panel's query at this moment."""
        return self.ask("query", panel["targets"][0]["expr"])

    def history(self, panel: Json) -> list[Json]:
        """The series of a panel's query over the last minutes."""
        end = time.time()
        span = {"start": str(end - SPAN), "end": str(end), "step": "5"}
        return self.ask("query_range", panel["targets"][0]["expr"], **span)


def legend(panel: Json, labels: Mapping[str, str]) -> str:
    """The name of a series as the panel wants it."""
    text: str = panel["targets"][0]["legendFormat"]
    for name, value in labels.items():
        text = text.replace(f"{{{{{name}}}}}", value)
    return text.strip()[:30]


def shown(panel: Json, value: float) -> str:
    """A number as words, or in its unit."""
    defaults = panel["fieldConfig"]["defaults"]
    for mapping in defaults.get("mappings", []):
        if found := mapping["options"].get(f"{value:g}"):
            return str(found["text"])
    if defaults["unit"] == "bytes":
        return f"{value / 2**20:.0f} MiB"
    unit = {"s": " s", "d": " d"}.get(defaults["unit"], "")
    return f"{value:.{defaults.get('decimals', 0 if value == int(value) else 1)}f}{unit}"


def color(panel: Json, value: float) -> str:
    """Of the last threshold that the value reaches, or of the word that it stands for."""
    defaults = panel["fieldConfig"]["defaults"]
    for mapping in defaults.get("mappings", []):
        if found := mapping["options"].get(f"{value:g}"):
            return COLORS[found["color"]]
    special = [one for field in panel["fieldConfig"]["overrides"] for one in field["properties"]]
    given = [one["value"] for one in special if one["id"] == "thresholds"] or [defaults.get("thresholds", {})]
    steps = given[0].get("steps", [])
    reached = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
    return COLORS[reached[-1]] if reached else COLORS["blue"]
