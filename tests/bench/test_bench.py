"""The benchmark itself works; what it measures is not a matter of pass or fail."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.revocation import LOADING, PAIR
from tests.bench.stores import PAIRS
from tests.programs import program


@pytest.mark.servers
def test_figures_are_printed_and_written(tmp_path: Path) -> None:
    """A small run, each of whose probes has to succeed, gives a line for each kind of measurement."""
    program("nginx")
    path = tmp_path / "figures.json"
    command = [sys.executable, "-m", "tests.bench", "--targets=30", "--repetitions=1", "--keys=ec-p256"]
    done = subprocess.run(
        [*command, f"--json={path}"],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    figures = json.loads(path.read_text(encoding="utf-8"))
    sets = [name for pair in PAIRS.items() for name in reversed(pair)]
    stores = [f"{name}, {what}" for what in ("new", "seen") for name in sets]
    revocation = [f"{name}, {what}" for what in ("new", "seen") for name in reversed(PAIR)]
    expected = ["floor", "sweep, new", "sweep, seen", *stores, LOADING, *revocation]
    assert [line["what"] for line in figures["lines"]] == expected
    assert all(line["cpu_ms"] > 0 and line["what"] in done.stdout for line in figures["lines"])
    assert [share["what"] for share in figures["stores"]] == [
        f"{name}, {what}" for name in (*PAIRS, PAIR[0]) for what in ("new", "seen")
    ]
