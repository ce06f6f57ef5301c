"""Draw the dashboards: `python grafana/render.py http://127.0.0.1:9090 DIRECTORY [TARGET]` makes a PNG of each from Prometheus' answers.

In: the JSON files beside this one, a Prometheus, and the target that the dashboard for one target shall be about (all of them without). Out: what their
panels would show, roughly as Grafana lays them out. For looking at the layout and for the documentation; needs matplotlib, which nothing else here does.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from answers import COLORS, SPAN, Json, Prometheus, color, legend, shown

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.patches import Rectangle

PAPER, LINES = "#f4f5f5", "#d8d9da"
INSIDE = {
    "stat": (0.2, 0.3, 0.2), "table": (0.2, 0.2, 0.2), "bargauge": (3.2, 0.4, 0.5), "timeseries": (1.2, 2.2, 0.3),
    "state-timeline": (3.2, 1.0, 0.3),
}  # fmt: skip
"""What a kind of panel leaves free at the left, below and at the right, in units of the grid."""
LETTERS = 10.5
"""Of a table's text that fit into a unit of the grid."""
ROW = 0.68
"""Height of a table's row, in units of the grid."""


def draw_stat(axes: Any, panel: Json, asking: Prometheus) -> None:  # noqa: ANN401 - matplotlib
    """One big number on its colour."""
    axes.set_axis_off()
    for one in asking.now(panel)[:1]:
        value = float(one["value"][1])
        axes.add_patch(Rectangle((0, 0), 1, 1, color=color(panel, value)))
        axes.text(
            0.5, 0.46, shown(panel, value), ha="center", va="center", size=17, color="white", weight="bold"
        )


def draw_bars(axes: Any, panel: Json, asking: Prometheus) -> None:  # noqa: ANN401 - matplotlib
    """One bar for each series."""
    found = asking.now(panel)[::-1]
    names = [legend(panel, one["metric"]) for one in found]
    values = [float(one["value"][1]) for one in found]
    axes.barh(names, values, color=[color(panel, value) for value in values], height=0.7)
    for at, value in enumerate(values):
        axes.text(value, at, f" {shown(panel, value)}", va="center", size=6)
    axes.set_ylim(min(len(names) - 4, 0) - 0.6, len(names) - 0.4)
    axes.set_xticks([])
    axes.spines[["top", "right", "bottom"]].set_visible(False)


def draw_lines(axes: Any, panel: Json, asking: Prometheus) -> None:  # noqa: ANN401 - matplotlib
    """Curves over time, one on the other where the panel wants it so."""
    now = time.time()
    found = {legend(panel, one["metric"]): dict(one["values"]) for one in asking.history(panel)}
    moments = sorted({moment for values in found.values() for moment in values})
    minutes = [(moment - now) / 60 for moment in moments]
    curves = [[float(values.get(moment, "nan")) for moment in moments] for values in found.values()]
    stacking = panel["fieldConfig"]["defaults"].get("custom", {}).get("stacking", {})
    if stacking.get("mode") == "normal":
        filled = [[0.0 if math.isnan(value) else value for value in curve] for curve in curves]
        axes.stackplot(minutes, filled, labels=list(found), alpha=0.75)
    else:
        for name, curve in zip(found, curves, strict=True):
            axes.plot(minutes, curve, label=name, linewidth=1)
    axes.set_xlim(-SPAN / 60, 0)
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, 0), max(high, 0))
    axes.grid(color=LINES, linewidth=0.4)
    axes.spines[["top", "right"]].set_visible(False)
    if found:
        axes.legend(
            fontsize=5.5, loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=4, frameon=False,
            columnspacing=1.2, handlelength=1.2,
        )  # fmt: skip


def draw_states(axes: Any, panel: Json, asking: Prometheus) -> None:  # noqa: ANN401 - matplotlib
    """A coloured bar for each series."""
    now = time.time()
    found = asking.history(panel)[::-1]
    for at, one in enumerate(found):
        for moment, value in one["values"]:
            left = (moment - now) / 60
            axes.barh(at, 5 / 60, left=left, color=color(panel, float(value)), height=0.8, align="center")
    axes.set_yticks(range(len(found)), [legend(panel, one["metric"]) for one in found])
    axes.set_xlim(-SPAN / 60, 0)
    axes.spines[["top", "right"]].set_visible(False)


def draw_table(axes: Any, panel: Json, asking: Prometheus) -> None:  # noqa: ANN401 - matplotlib
    """As many rows as there is room for, under the names of the columns."""
    columns: Mapping[str, str] = panel["transformations"][0]["options"]["renameByName"]
    found = asking.now(panel)
    if "Value" in columns:
        found.sort(key=lambda one: float(one["value"][1]))
    place = panel["gridPos"]
    fit = int((place["h"] - 1.9) / ROW)
    rows = [columns.values(), *([_cell(panel, name, one) for name in columns] for one in found[: fit - 1])]
    widths = fitted([max(map(len, column)) + 2 for column in zip(*rows, strict=True)], LETTERS * place["w"])
    axes.set(xlim=(0, sum(widths)), ylim=(fit, 0))
    axes.set_axis_off()
    for at, row in enumerate(rows):
        axes.axhline(at + 1, color=LINES, linewidth=0.5)
        for n, (name, cell) in enumerate(zip(columns, row, strict=True)):
            left = sum(widths[:n])
            look: Json = {"weight": "bold"} if at == 0 else {}
            if at and name == "Value":
                look = _look(axes, panel, float(found[at - 1]["value"][1]), (left, at, widths[n]))
            axes.text(left + 0.6, at + 0.5, cell[: int(widths[n]) - 1], va="center", size=6, **look)


def fitted(wanted: Sequence[float], room: float) -> list[float]:
    """Widths that fill the room: spread when there is more, the widest cut when there is less."""
    widths = list(wanted)
    while sum(widths) > room:
        widths[widths.index(max(widths))] -= 1
    return [width * room / sum(widths) for width in widths]


def _look(axes: Any, panel: Json, value: float, place: tuple[float, int, float]) -> Json:  # noqa: ANN401 - matplotlib
    """Colours of a number's cell as the panel wants them: behind it, or its own."""
    text = json.dumps(panel["fieldConfig"])
    if "color-background" in text:
        left, at, width = place
        axes.add_patch(Rectangle((left, at + 0.06), width * 0.9, 0.88, color=color(panel, value)))
        return {"color": "white", "weight": "bold"}
    return {"color": color(panel, value), "weight": "bold"} if "color-text" in text else {}


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
    """One dashboard as a picture, a grid unit being half an inch wide and three tenths high."""
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in dashboard["panels"])
    figure = plt.figure(figsize=(12, height * 0.3), facecolor=PAPER)
    for panel in dashboard["panels"]:
        place, (left, below, right) = panel["gridPos"], INSIDE[panel["type"]]
        bottom = height - place["y"] - place["h"]
        corner = ((place["x"] + 0.1) / 24, (bottom + 0.12) / height)
        card = Rectangle(
            corner, (place["w"] - 0.2) / 24, (place["h"] - 0.24) / height, facecolor="white", edgecolor=LINES,
            transform=figure.transFigure, linewidth=0.8, zorder=-1,
        )  # fmt: skip
        figure.add_artist(card)
        top = bottom + place["h"] - 1.5
        figure.text((place["x"] + 0.3) / 24, (top + 0.45) / height, panel["title"], size=8, weight="bold")
        width = place["w"] - left - right
        axes = figure.add_axes(
            ((place["x"] + left) / 24, (bottom + below) / height, width / 24, (top - bottom - below) / height)
        )
        axes.tick_params(labelsize=6, length=2)
        if asking.now(panel):
            DRAWN[panel["type"]](axes, panel, asking)
        else:
            axes.set_axis_off()
            axes.text(0.5, 0.5, "No data", ha="center", va="center", size=8, color=COLORS["gray"])
    name = dashboard["uid"].replace("smtp-tls", "grafana")
    figure.savefig(into / f"{name}.png", dpi=85)
    plt.close(figure)


def main(url: str, into: Path, target: str = ".+") -> None:
    """Draw every dashboard beside this file."""
    for path in sorted(Path(__file__).parent.glob("*.json")):
        about = target if path.stem.endswith("target") else ".+"
        draw(json.loads(path.read_text(encoding="utf-8")), Prometheus(url, about), into)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
