"""One run of a command: trust stores by label, and the worst of several states."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exporter.cli import once
from exporter.cli.options import UsageError
from exporter.model import State

if TYPE_CHECKING:
    from pathlib import Path

    from exporter.demo.authority import Issued


@pytest.fixture
def files(tmp_path: Path, root: Issued, intermediate: Issued, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory, also the current one, with two authorities: `a.pem` and `b=c.pem`."""
    (tmp_path / "a.pem").write_text(root.pem, encoding="utf-8")
    (tmp_path / "b=c.pem").write_text(intermediate.pem, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(["a.pem"], {"a.pem": 1}, id="without a label"),
        pytest.param(["a.pem", "b=c.pem"], {"a.pem,b=c.pem": 2}, id="two without a label are one store"),
        pytest.param(["x=a.pem"], {"x": 1}, id="label"),
        pytest.param(["x=a.pem", "y=b=c.pem"], {"x": 1, "y": 1}, id="two labels"),
        pytest.param(["x=a.pem", "x=b=c.pem"], {"x": 2}, id="one label twice"),
        pytest.param(["b=c.pem"], {"b=c.pem": 1}, id="file with an equals sign"),
        pytest.param(["./b=c.pem"], {"b=c.pem": 1}, id="path with an equals sign"),
        pytest.param(["all=."], {"all": 2}, id="directory"),
    ],
)
@pytest.mark.usefixtures("files")
def test_stores(given: list[str], expected: dict[str, int]) -> None:
    """Each label is a store of its own, with the certificates of all its paths."""
    stores = once.stores(given)
    assert {label: len(store.anchors) for label, store in stores.items()} == expected
    assert all(store.label == label for label, store in stores.items())


def test_system_store(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a path the system's store is used."""
    monkeypatch.setenv("SSL_CERT_FILE", str(files / "a.pem"))
    (store,) = once.stores([]).values()
    assert (store.label, bool(store.anchors)) == ("system", True)


def test_unreadable_store(tmp_path: Path) -> None:
    """A store that cannot be read is wrong usage."""
    with pytest.raises(UsageError, match="missing\\.pem"):
        once.stores([str(tmp_path / "missing.pem")])


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([State.OK, State.WARNING], State.WARNING),
        ([State.CRITICAL, State.UNKNOWN], State.CRITICAL),
        ([State.UNKNOWN, State.WARNING], State.UNKNOWN),
        ([], State.UNKNOWN),
    ],
)
def test_worst(states: list[State], expected: State) -> None:
    """Critical is worse than unknown, which is worse than warning."""
    assert once.worst(states) is expected
