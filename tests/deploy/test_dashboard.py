"""The dashboard: what `grafana/build.py` makes, in a shape that Grafana loads, about metrics that exist."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.deploy.copied import (
    DASHBOARD,
    GRAFANA,
    dashboard,
    grouping_labels,
    matched_labels,
    metrics_of,
    queries,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.deploy.conftest import Labels

PANELS = {panel["title"]: panel for panel in dashboard()["panels"]}
UNITS = {"short", "s", "d"}
"""Units of Grafana that the panels need: plain numbers, seconds, days."""


def test_the_shipped_file_is_what_the_generator_makes(tmp_path: Path) -> None:
    """Running the generator changes nothing."""
    for source in GRAFANA.glob("*.py"):
        shutil.copy(source, tmp_path)
    subprocess.run([sys.executable, tmp_path / "build.py"], check=True)
    assert (tmp_path / DASHBOARD.name).read_bytes() == DASHBOARD.read_bytes()


def test_it_can_be_provisioned() -> None:
    """It has a fixed uid, no id, no inputs that only an import by hand resolves, and a schema that old and new load."""
    made = dashboard()
    assert made["id"] is None
    assert made["uid"] == "smtp-tls-fleet"
    assert "__inputs" not in made
    assert 39 <= made["schemaVersion"] <= 41
    assert "${DS_" not in DASHBOARD.read_text(encoding="utf-8")


def test_panels_are_told_apart() -> None:
    """Ids and titles are unique, and no panel lies on another or beyond the grid."""
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) == len(PANELS)
    cells = [cell for panel in panels for cell in _cells(panel["gridPos"])]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


def _cells(place: dict[str, int]) -> Iterator[tuple[int, int]]:
    for x in range(place["x"], place["x"] + place["w"]):
        for y in range(place["y"], place["y"] + place["h"]):
            yield x, y


@pytest.mark.parametrize("title", list(PANELS))
def test_panels_explain_themselves(title: str) -> None:
    """Each panel has a description and a known unit, and takes the data source from the variable."""
    panel = PANELS[title]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    for part in (panel, *panel["targets"]):
        assert part["datasource"] == {"type": "prometheus", "uid": "$datasource"}


def test_variables() -> None:
    """The variables are the data source and the three labels, each with all values as the default."""
    first, *others = dashboard()["templating"]["list"]
    assert (first["name"], first["type"], first["query"]) == ("datasource", "datasource", "prometheus")
    assert [each["name"] for each in others] == ["job", "instance", "target"]
    assert all(each["includeAll"] and each["multi"] and each["allValue"] == ".+" for each in others)


@pytest.mark.parametrize(("title", "expression"), queries().items(), ids=list(queries()))
def test_queries_use_only_what_exists(title: str, expression: str, all_series: Labels) -> None:
    """Every metric of a query is published, its labels are on it, and the variables limit every selector."""
    used = metrics_of(expression)
    assert used, title
    assert used <= set(all_series)
    selected = set(matched_labels(expression))
    for metric, label in selected:
        assert label in all_series[metric]
    assert {(metric, label) for metric in used for label in ("job", "instance", "target")} <= selected
    assert grouping_labels(expression) <= set().union(*(all_series[metric] for metric in used))


def test_table_columns_exist(all_series: Labels) -> None:
    """Each column of a table that is named, ordered or hidden is a label of its query or Grafana's own."""
    for panel in PANELS.values():
        for step in panel.get("transformations", []):
            known = set().union(*(all_series[name] for name in metrics_of(panel["targets"][0]["expr"])))
            assert _columns(step) <= known | {"Time", "Value"}, panel["title"]


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
