"""Kinds of panels in Grafana's classic JSON model, as the functions that `build.py` puts together.

In: titles, queries and sizes. Out: JSON values. Nothing here knows what a dashboard is about, except that
`series` limits each query to what the dashboard's variables select.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Json = dict[str, Any]
Steps = tuple[tuple[float | None, str], ...]
"""Colours by the value at which they begin; the first begins at minus infinity, which is None."""

COLUMNS = 24
DATASOURCE = {"type": "prometheus", "uid": "$datasource"}
FILTER = 'job=~"$job",instance=~"$instance",target=~"$target"'


def series(name: str, *matchers: str) -> str:
    """A selector of the metric for the targets that the variables select."""
    return f"{name}{{{','.join((FILTER, *matchers))}}}"


def exporter(name: str) -> str:
    """A selector of a metric of the exporter itself, which knows no targets."""
    return f'{name}{{job=~"$job",instance=~"$instance"}}'


def query(expr: str, legend: str = "__auto", result: str = "time_series", *, instant: bool = False) -> Json:
    """One query, over the time range or for its end alone."""
    return {
        "datasource": DATASOURCE,
        "expr": expr,
        "legendFormat": legend,
        "instant": instant,
        "range": not instant,
        "format": result,
        "refId": "A",
    }


def panel(
    kind: str, heading: tuple[str, str], target: Json, size: tuple[int, int], **defaults: object
) -> Json:
    """One panel; the heading is its title and description, `defaults` are its field options."""
    return {
        "type": kind,
        "title": heading[0],
        "description": heading[1],
        "datasource": DATASOURCE,
        "gridPos": {"w": size[0], "h": size[1]},
        "fieldConfig": {"defaults": {"unit": "short", **defaults}, "overrides": []},
        "options": {},
        "targets": [target],
    }


def thresholds(steps: Steps) -> Json:
    """Colours by value as Grafana wants them."""
    return {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in steps]}


def stat(heading: tuple[str, str], expr: str, width: int, steps: Steps, **defaults: object) -> Json:
    """One number of now, on a background that tells what to think of it."""
    made = panel(
        "stat", heading, query(expr, instant=True), (width, 4), thresholds=thresholds(steps), **defaults
    )
    made["options"] = {
        "colorMode": "background",
        "graphMode": "none",
        "reduceOptions": {"calcs": ["lastNotNull"]},
    }
    return made


def lines(
    heading: tuple[str, str], expr: str, legend: str, unit: str, *, stacked: bool, least: int | None = 0
) -> Json:
    """Curves over time; `least` is where the axis begins, None for where the values do."""
    style = {"fillOpacity": 40, "stacking": {"mode": "normal"}} if stacked else {"fillOpacity": 0}
    made = panel("timeseries", heading, query(expr, legend), (12, 8), unit=unit, min=least, custom=style)
    made["options"] = {"legend": {"displayMode": "list", "placement": "bottom"}}
    return made


def words(*spelled: tuple[str, str]) -> list[Json]:
    """What stands for the values 0, 1, … in text and colour."""
    named = {str(number): {"text": text, "color": color} for number, (text, color) in enumerate(spelled)}
    return [{"type": "value", "options": named}]


def bars(heading: tuple[str, str], expr: str, legend: str, width: int, color: str = "blue") -> Json:
    """One bar for each series of now."""
    made = panel(
        "bargauge",
        heading,
        query(expr, legend, instant=True),
        (width, 8),
        min=0,
        decimals=0,
        thresholds=thresholds(((None, color),)),
    )
    made["options"] = {"orientation": "horizontal", "reduceOptions": {"calcs": ["lastNotNull"]}}
    return made


def linked(column: str, title: str, url: str) -> Json:
    """What makes the cells of a table's column links."""
    link = {"title": title, "url": url}
    return {
        "matcher": {"id": "byName", "options": column},
        "properties": [{"id": "links", "value": [link]}],
    }


def table(
    heading: tuple[str, str], expr: str, names: Mapping[str, str], size: tuple[int, int], **options: object
) -> Json:
    """An instant query as a table with the columns of `names` in that order; all others are hidden."""
    made = panel("table", heading, query(expr, result="table", instant=True), size)
    others = [name for name in ("Time", "job", "instance", "Value") if name not in names]
    made["transformations"] = [
        {
            "id": "organize",
            "options": {
                "excludeByName": dict.fromkeys(others, True),
                "indexByName": {name: at for at, name in enumerate(names)},
                "renameByName": dict(names),
            },
        }
    ]
    made["options"] = {"showHeader": True, **options}
    return made


def placed(panels: Sequence[Json]) -> Iterator[Json]:
    """The panels with ids and positions: from left to right, then the next row."""
    x = y = height = 0
    for number, made in enumerate(panels, start=1):
        size = made["gridPos"]
        if x + size["w"] > COLUMNS:
            x, y = 0, y + height
        yield {"id": number, **made, "gridPos": {**size, "x": x, "y": y}}
        x, height = x + size["w"], size["h"]
