"""The pictures of the dashboards: drawn from a real Prometheus, every panel with something on it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.deploy.copied import DOCS, GRAFANA, dashboards

if TYPE_CHECKING:
    from pathlib import Path

    from tests.deploy.scraping import Prometheus

pytestmark = pytest.mark.servers

NAMES = {"smtp-tls-fleet": "grafana-fleet.png", "smtp-tls-target": "grafana-target.png"}


@pytest.fixture(scope="module")
def drawn(prometheus: Prometheus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the pictures, made by the command of grafana.md."""
    into = tmp_path_factory.mktemp("drawn")
    subprocess.run(
        [sys.executable, GRAFANA / "render.py", prometheus.url, into, "expired"],
        check=True,
        cwd=GRAFANA.parent,
    )
    return into


def _colours(path: Path, place: dict[str, int], height: int) -> int:
    """How many colours there are on a panel, its frame and its title left out."""
    from matplotlib import image  # noqa: PLC0415 - takes a second

    picture: Any = image.imread(path)
    rows, columns, _ = picture.shape
    top, bottom = (int(rows * y / height) for y in (place["y"] + 1.5, place["y"] + place["h"] - 0.3))
    left, right = (int(columns * x / 24) for x in (place["x"] + 0.3, place["x"] + place["w"] - 0.3))
    return len({tuple(pixel) for row in picture[top:bottom, left:right] for pixel in row})


@pytest.mark.parametrize("name", NAMES)
def test_every_panel_is_drawn(name: str, drawn: Path) -> None:
    """No panel is blank: each has at least paper, ink, and the shades between them."""
    found = dashboards()[name]["panels"]
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in found)
    colours = {one["title"]: _colours(drawn / NAMES[name], one["gridPos"], height) for one in found}
    assert {title: count for title, count in colours.items() if count < 5} == {}


@pytest.mark.parametrize("name", NAMES)
def test_pictures_of_the_documentation_are_of_these_dashboards(name: str, drawn: Path) -> None:
    """The page shows a picture of each dashboard, as high and as wide as what is drawn now."""
    from matplotlib import image  # noqa: PLC0415 - takes a second

    kept: Any = image.imread(DOCS / "images" / NAMES[name])
    made: Any = image.imread(drawn / NAMES[name])
    assert kept.shape == made.shape
    assert f"images/{NAMES[name]}" in (DOCS / "grafana.md").read_text(encoding="utf-8")
