"""Draw the dashboards: `python grafana/render.py http://127.0.0.1:9090 DIRECTORY` makes a PNG of each from Prometheus' answers.

In: the JSON files beside this one and a Prometheus. Out: what their panels would show, roughly as Grafana lays them out. For looking at the
layout and for the documentation; needs matplotlib, which nothing else here does.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt

Json = dict[str, Any]
VARIABLES = {"$job": ".+", "$instance": ".+", "$target": ".+", "$__rate_interval": "1m"}
COLORS = {
    "green": "#56a64b", "yellow": "#e0b400", "red": "#e02f44", "blue": "#3274d9", "gray": "#9aa0a6", "text": "#202226",
}  # fmt: skip
SPAN = 300.0
"""Seconds that curves go back."""
MARGINS = {"bargauge": 0.11, "timeseries": 0.035}
"""Room for what stands left of an axis, as a share of the width."""
ROWS = 9
"""Of a table; Grafana scrolls."""


class Prometheus:
    """Asks a server."""

    def __init__(self, url: str) -> None:
        self._url = url

    def ask(self, path: str, expression: str, **more: str) -> list[Json]:
        """The series of an answer."""
        for name, value in VARIABLES.items():
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
    steps = defaults.get("thresholds", {}).get("steps", [])
    reached = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
    return COLORS[reached[-1]] if reached else COLORS["blue"]


def draw_stat(axes: Any, panel: Json, asking: Prometheus) -> None:  # noqa: ANN401 - matplotlib
    """One big number on its colour."""
    for one in asking.now(panel)[:1]:
        value = float(one["value"][1])
        axes.set_facecolor(color(panel, value))
        axes.text(
            0.5,
            0.42,
            shown(panel, value),
            ha="center",
            va="center",
            fontsize=17,
            color="white",
            weight="bold",
        )
    axes.set_xticks([])
    axes.set_yticks([])


def draw_bars(axes: Any, panel: Json, asking: Prometheus) -> None:  # noqa: ANN401 - matplotlib
    """One bar for each series."""
    found = asking.now(panel)[::-1]
    names = [legend(panel, one["metric"]) for one in found]
    values = [float(one["value"][1]) for one in found]
    axes.barh(names, values, color=[color(panel, value) for value in values])
    for at, value in enumerate(values):
        axes.text(value, at, f" {shown(panel, value)}", va="center", fontsize=6)
    axes.tick_params(labelsize=6)
    axes.spines[["top", "right"]].set_visible(False)


def draw_lines(axes: Any, panel: Json, asking: Prometheus) -> None:  # noqa: ANN401 - matplotlib
    """Curves over time."""
    for one in asking.history(panel):
        times, values = zip(
            *((moment - time.time(), float(value)) for moment, value in one["values"]), strict=True
        )
        axes.plot([moment / 60 for moment in times], values, label=legend(panel, one["metric"]), linewidth=1)
    axes.tick_params(labelsize=6)
    axes.legend(fontsize=5, loc="upper left", ncols=2)
    axes.set_xlabel("minutes", fontsize=6)


def draw_states(axes: Any, panel: Json, asking: Prometheus) -> None:  # noqa: ANN401 - matplotlib
    """A coloured bar for each series."""
    for at, one in enumerate(asking.history(panel)):
        for moment, value in one["values"]:
            axes.barh(
                at, 5 / 60, left=(moment - time.time()) / 60, color=color(panel, float(value)), height=0.8
            )
        axes.text(-SPAN / 60, at, " " + legend(panel, one["metric"]), va="center", fontsize=5, color="white")
    axes.set_yticks([])
    axes.tick_params(labelsize=6)


def draw_table(axes: Any, panel: Json, asking: Prometheus) -> None:  # noqa: ANN401 - matplotlib
    """The first rows under the names of the columns."""
    columns: Mapping[str, str] = panel["transformations"][0]["options"]["renameByName"]
    found = asking.now(panel)
    if "Value" in columns:
        found.sort(key=lambda one: float(one["value"][1]))
    rows = [[_cell(panel, name, one)[: 150 // len(columns)] for name in columns] for one in found[:ROWS]]
    axes.axis("off")
    if rows:
        made = axes.table(rows, colLabels=list(columns.values()), loc="upper center", cellLoc="left")
        made.auto_set_font_size(False)
        made.set_fontsize(6)
        made.auto_set_column_width(range(len(columns)))


def _cell(panel: Json, name: str, one: Json) -> str:
    if name != "Value":
        return str(one["metric"].get(name, ""))
    value = float(one["value"][1])
    dates = "dateTimeAsIso" in json.dumps(panel["fieldConfig"]["overrides"])
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(value / 1000)) if dates else shown(panel, value)


DRAWN: Mapping[str, Callable[[Any, Json, Prometheus], None]] = {
    "stat": draw_stat,
    "bargauge": draw_bars,
    "timeseries": draw_lines,
    "state-timeline": draw_states,
    "table": draw_table,
}


def draw(dashboard: Json, asking: Prometheus, into: Path) -> None:
    """One dashboard as a picture, a grid unit being half an inch wide and two fifths high."""
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in dashboard["panels"])
    figure = plt.figure(figsize=(12, height * 0.3), facecolor="#f4f5f5")
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        left, top = place["x"] / 24, 1 - place["y"] / height
        margin = MARGINS.get(panel["type"], 0.01)
        width, tall = place["w"] / 24 - margin - 0.008, (place["h"] - 1.7) / height
        axes = figure.add_axes((left + margin, top - place["h"] / height + 0.6 / height, width, tall))
        axes.set_title(panel["title"], fontsize=8, loc="left")
        DRAWN[panel["type"]](axes, panel, asking)
    name = dashboard["uid"].replace("smtp-tls", "grafana")
    figure.savefig(into / f"{name}.png", dpi=85)
    plt.close(figure)


def main(url: str, into: Path) -> None:
    """Draw every dashboard beside this file."""
    for path in sorted(Path(__file__).parent.glob("*.json")):
        draw(json.loads(path.read_text(encoding="utf-8")), Prometheus(url), into)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
