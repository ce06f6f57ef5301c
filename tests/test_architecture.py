"""The structure holds: arrows point one way, and what must stay light does."""

from __future__ import annotations

import ast
import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "exporter"
CLOCKS = {"now", "utcnow", "today", "time", "monotonic"}
MAY_READ_THE_CLOCK = {"pipeline.py", "run.py", "cli", "serve", "demo", "probe"}


def _modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_clock_where_the_time_is_an_argument(path: Path) -> None:
    """Outside the pipeline and what is long-lived nothing asks for the time of day."""
    if path.relative_to(PACKAGE).parts[0] in MAY_READ_THE_CLOCK:
        return
    calls = [node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    asked = [func.attr for func in calls if isinstance(func, ast.Attribute) and func.attr in CLOCKS]
    assert asked == []


def test_the_version_imports_nothing() -> None:
    """Importing the package costs nothing: every start pays for it."""
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    assert not any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(tree))


LOADED = """
import json, sys
import exporter
before = set(sys.modules)  # an editable installation loads much by itself
from exporter.cli import check
check.main(sys.argv[1:])
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def _loaded(*arguments: str) -> set[str]:
    """What a check loads, and the packages that it is in."""
    start = [sys.executable, "-c", LOADED, *arguments]
    done = subprocess.run(start, capture_output=True, text=True, check=True, timeout=60)
    names: list[str] = json.loads(done.stdout.splitlines()[-1])
    return {
        ".".join(parts[: depth + 1])
        for parts in (name.split(".") for name in names)
        for depth in range(len(parts))
    }


def test_asking_an_exporter_loads_next_to_nothing() -> None:
    """Most of what `check_smtp_tls --exporter` costs is Python itself, and what it would load beside that."""
    loaded = _loaded("-H", "mx1.example.org", "--exporter", "http://127.0.0.1:1")
    assert "exporter.cli.check_remote" in loaded
    assert not loaded & {
        "asyncio",
        "OpenSSL",
        "cryptography",
        "service_identity",
        "ssl",
        "hashlib",
        "http",
        "email",
    }
    assert not loaded & {"dataclasses", "inspect", "logging", "shutil", "typing"}
    packages = {name for name in loaded if name.startswith("exporter.") and name.count(".") == 1}
    assert packages == {
        "exporter.cli",
        "exporter.hosts",
        "exporter.idn",
        "exporter.publish",
        "exporter.words",
    }


def test_https_needs_no_more_than_ssl() -> None:
    """An https URL costs the module for it, and no other."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        loaded = _loaded("-H", "mx1.example.org", "--exporter", url, "-t", "0.5")
    assert "ssl" in loaded
    assert not loaded & {"asyncio", "OpenSSL", "cryptography", "http", "email", "logging", "dataclasses"}
