"""Helm and kubectl, which .ci/fetch-servers lays down: what they make of the chart and of the manifests. Neither is told of a cluster.

helm("lint", "--strict", CHART)
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
from typing import TYPE_CHECKING, Any

import yaml

from tests.programs import fetched, missing

if TYPE_CHECKING:
    from pathlib import Path

    from tests.deploy.objects import Object

Values = dict[str, Any]


def helm(*words: str | Path, home: Path) -> subprocess.CompletedProcess[str]:
    """Run helm; `home` is a directory for what it may want to keep."""
    return _run("helm", *words, home=home)


def kubectl(*words: str | Path, home: Path) -> subprocess.CompletedProcess[str]:
    """Run kubectl."""
    return _run("kubectl", *words, home=home)


def template(chart: Path, values: Values, home: Path) -> list[Object]:
    """Every object that the chart makes of the values, for the release `demo` in the namespace `mail`.

    Raises:
        ValueError: helm refuses; with what it says.
    """
    done = helm("template", "demo", chart, "--namespace", "mail", "--values", file(values, home), home=home)
    if done.returncode:
        raise ValueError(done.stderr)
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def file(values: Values, home: Path) -> Path:
    """A file with the values."""
    path = home / "values.json"
    path.write_text(json.dumps(values), encoding="utf-8")
    return path


def _run(name: str, *words: str | Path, home: Path) -> subprocess.CompletedProcess[str]:
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        missing(f"the {name} that .ci/fetch-servers lays down is for Linux on x86-64")
    environment = {**os.environ, "HOME": str(home), "KUBECONFIG": "/dev/null"}
    command = [fetched(f"kubernetes/{name}"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
