"""The dashboards: what `grafana/build.py` makes, in a shape that Grafana loads, about metrics that exist.

The rules of Grafana's dashboard-linter, which is a Go program, are here by hand: variables and their labels, titles, descriptions, units, data sources, matchers
of job and instance, rates of counters, nothing editable. That each expression is PromQL is left to Prometheus itself (test_queries.py).
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from exporter.publish.page.query import Query
from tests.deploy.copied import (
    DASHBOARDS,
    GRAFANA,
    dashboards,
    grouping_labels,
    matched_labels,
    metrics_of,
    panels,
    queries,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.deploy.conftest import Labels

PANELS = panels()
MADE = dashboards()
UNITS = {"short", "s", "d", "bytes"}
"""Units of Grafana that the panels need: plain numbers, seconds, days, bytes."""


def test_the_shipped_file_is_what_the_generator_makes(tmp_path: Path) -> None:
    """Running the generator changes nothing."""
    for source in GRAFANA.glob("*.py"):
        shutil.copy(source, tmp_path)
    subprocess.run([sys.executable, tmp_path / "build.py"], check=True)
    assert {path.stem for path in DASHBOARDS} == {"smtp-tls-fleet", "smtp-tls-target"}
    for path in DASHBOARDS:
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", MADE)
def test_it_can_be_provisioned(name: str) -> None:
    """It has a fixed uid, no id, no inputs that only an import by hand resolves, and a schema that old and new load."""
    made = MADE[name]
    assert made["id"] is None
    assert made["uid"] == name
    assert made["editable"] is False
    assert "__inputs" not in made
    assert 39 <= made["schemaVersion"] <= 41
    assert "${DS_" not in json.dumps(made)


@pytest.mark.parametrize("name", MADE)
def test_panels_are_told_apart(name: str) -> None:
    """Ids and titles are unique, and no panel lies on another or beyond the grid."""
    found = MADE[name]["panels"]
    assert len({panel["id"] for panel in found}) == len({panel["title"] for panel in found}) == len(found)
    cells = [cell for panel in found for cell in _cells(panel["gridPos"])]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


def _cells(place: dict[str, int]) -> Iterator[tuple[int, int]]:
    for x in range(place["x"], place["x"] + place["w"]):
        for y in range(place["y"], place["y"] + place["h"]):
            yield x, y


@pytest.mark.parametrize("title", list(PANELS))
def test_panels_explain_themselves(title: str) -> None:
    """Each panel has a title, a description, a query and a known unit, and takes the data source from the variable."""
    panel = PANELS[title]
    assert panel["title"].strip()
    assert panel["targets"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    for part in (panel, *panel["targets"]):
        assert part["datasource"] == {"type": "prometheus", "uid": "$datasource"}


@pytest.mark.parametrize("name", MADE)
def test_variables(name: str) -> None:
    """The variables are the data source and the three labels, each with all values as the default; any other label; then addresses."""
    first, *others = MADE[name]["templating"]["list"]
    assert (others[3]["type"], others[3]["datasource"]) == ("adhoc", MADE[name]["panels"][0]["datasource"])
    boxes = [each["name"] for each in others[4:]]
    assert boxes == (["exporter", "runbooks"] if name == "smtp-tls-target" else [])
    assert all(f"${{{box}}}" in json.dumps(MADE[name]) for box in boxes)
    others = others[:3]
    assert (first["name"], first["type"], first["query"]) == ("datasource", "datasource", "prometheus")
    assert first["label"] == "Data Source"
    assert [each["name"] for each in others] == ["job", "instance", "target"]
    for each in others:
        assert each["includeAll"]
        assert each["multi"]
        assert each["allValue"] == ".+"
        assert each["label"] == each["name"]
        assert each["datasource"] == {"type": "prometheus", "uid": "$datasource"}
        assert each["refresh"] == 2, "read again when the time range changes"


@pytest.mark.parametrize(("title", "expression"), queries().items(), ids=list(queries()))
def test_queries_use_only_what_exists(title: str, expression: str, all_series: Labels) -> None:
    """Every metric of a query is published, its labels are on it, and the variables limit every selector."""
    used = metrics_of(expression)
    assert used, title
    assert used <= set(all_series)
    selected = set(matched_labels(expression))
    for metric, label in selected:
        assert label in all_series[metric]
    limits = {metric: {"job", "instance", "target"} & all_series[metric] for metric in used}
    assert {(metric, label) for metric in used for label in limits[metric]} <= selected
    assert grouping_labels(expression) <= set().union(*(all_series[metric] for metric in used))


@pytest.mark.parametrize(("title", "expression"), queries().items(), ids=list(queries()))
def test_counters_are_rates(title: str, expression: str) -> None:
    """A counter stands below a rate over the interval that Grafana chooses, or an increase over a time that the title names."""
    for metric in metrics_of(expression):
        if metric.endswith("_total"):
            assert re.search(
                rf"(rate\({metric}\{{[^}}]*\}}\[\$__rate_interval\]|increase\({metric}\{{[^}}]*\}}\[7d\])",
                expression,
            )


def test_links_to_the_exporter_are_understood() -> None:
    """What follows the address of the exporter's page is a search that the page knows, and of nothing else."""
    links = set(re.findall(r"\$\{exporter\}(/[^\"$]*)", json.dumps(MADE)))
    assert links == {Query(text="x").link().removesuffix("x")}


def test_table_columns_exist(all_series: Labels) -> None:
    """Each column of a table that is named, ordered or hidden is a label of its query or Grafana's own."""
    for panel in PANELS.values():
        for step in panel.get("transformations", []):
            known = set().union(*(all_series[name] for name in metrics_of(panel["targets"][0]["expr"])))
            assert _columns(step) <= known | {"Time", "Value", "runbook"}, panel["title"]


def _columns(step: dict[str, Any]) -> set[str]:
    settings = step["options"]
    return {*settings["excludeByName"], *settings["indexByName"], *settings["renameByName"]}


@pytest.mark.parametrize("path", sorted(GRAFANA.glob("provisioning/*/*.yml")), ids=lambda path: path.stem)
def test_provisioning_files(path: Path) -> None:
    """Each provisioning file has the version and the list that its directory is for."""
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert content["apiVersion"] == 1
    (entry,) = content["datasources" if path.parent.name == "datasources" else "providers"]
    assert entry["type"] in {"prometheus", "file"}
