"""Helm's own engine in a process of its own: `python -m tests.deploy.helm CHART` renders a chart with several values.

In: a JSON object on standard input, values by the name of a variant. Out: a JSON object on standard output: for each variant what the linter says, and
each rendered file by its name, or why there is none. The engine is a Go program in a shared library, whose signal handlers and memory are kept away from
the tests by this.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from tests.programs import missing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Values = dict[str, Any]


def rendered(chart: Path, variants: Mapping[str, Values]) -> dict[str, Values]:
    """Start this module; `lint`, `files` and `error` by the name of the variant."""
    if importlib.util.find_spec("helm_python") is None:
        missing(
            "Helm's engine is not installed (pip install helm-python-sdk; there are no wheels for this processor)"
        )
    done = subprocess.run(
        [sys.executable, "-m", "tests.deploy.helm", chart],
        input=json.dumps(variants), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Values] = json.loads(done.stdout)
    return found


def _main(chart: str) -> None:
    import helm_python  # noqa: PLC0415 - not everywhere

    answers: dict[str, Values] = {}
    with helm_python.Chart.load(chart) as loaded:
        for name, values in json.load(sys.stdin).items():
            answers[name] = {"lint": helm_python.lint(chart, values, strict=True), "files": {}, "error": ""}
            try:
                answers[name]["files"] = loaded.render(values, name="demo", namespace="mail")
            except helm_python.HelmError as error:
                answers[name]["error"] = str(error)
    print(json.dumps(answers))


if __name__ == "__main__":
    _main(sys.argv[1])
