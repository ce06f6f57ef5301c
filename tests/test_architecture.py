"""The structure holds: arrows point one way, and what must stay light does."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "exporter"
CLOCKS = {"now", "utcnow", "today", "time", "monotonic"}
MAY_READ_THE_CLOCK = {"pipeline.py", "cli", "serve", "demo", "probe"}


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
