"""What pip, pipx and uv install: a wheel with everything that the commands read, and both commands."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import urllib.request
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.deploy.copied import DOCS, TOP
from tests.processes import free_ports, running

if TYPE_CHECKING:
    from pathlib import Path

PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built as a user's pip builds it."""
    into, source = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("source")
    shutil.copytree(TOP / "exporter", source / "exporter", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(TOP / name, source)
    subprocess.run([*PIP, "wheel", "--no-deps", "--wheel-dir", into, source], check=True)
    (made,) = into.glob("smtp_tls_exporter-*.whl")
    return made


def test_everything_is_in_the_wheel(wheel: Path) -> None:
    """Each file of the package is there, those that are no Python included, and nothing of tests and deployment."""
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    kept = {
        str(path.relative_to(TOP))
        for path in (TOP / "exporter").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert names == kept


def test_both_commands_are_installed_and_run(wheel: Path, tmp_path: Path) -> None:
    """From the installed files alone, the exporter serves its page with its own style, and the check answers."""
    place = tmp_path / "installed"
    subprocess.run([*PIP, "install", "--no-deps", "--target", place, wheel], check=True)
    environment = {**os.environ, "PYTHONPATH": str(place), "PYTHONSAFEPATH": "1"}
    (port,) = free_ports(1)
    listen = f"--web.listen-address=127.0.0.1:{port}"
    daemon: list[str | Path] = [place / "bin" / "smtp-tls-exporter", "--demo", listen]
    with running(daemon, log=tmp_path / "demo.log", env=environment, cwd=tmp_path) as demo:
        demo.wait_for_port(port)
        for path, wanted in (("/", "<table"), ("/style.css", "{")):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
                assert wanted in answer.read().decode()
    where = "import exporter; print(exporter.__file__)"
    found = subprocess.run(
        [sys.executable, "-c", where],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.startswith(str(place)), "the checkout was tested instead of what is installed"
    done = subprocess.run(
        [place / "bin" / "check_smtp_tls", "-V"], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert (done.returncode, done.stdout[:15]) == (3, "check_smtp_tls ")


def test_pages_say_how_to_install() -> None:
    """The ways to install stand in the README and in the page about deploying, and the extra that they name exists."""
    page = (DOCS / "deploy.md").read_text(encoding="utf-8")
    readme = (TOP / "README.md").read_text(encoding="utf-8")
    for command in ("pipx install .", "uv tool install ."):
        assert command in page
        assert command in readme
    extras = re.findall(r"'\.\[(\w+)\]'", page)
    assert extras == ["ldap"]
    assert "\nldap = [" in (TOP / "pyproject.toml").read_text(encoding="utf-8")
