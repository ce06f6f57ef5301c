"""`tests.programs`: a missing program is never passed over in silence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import programs

CI = Path(__file__).parents[1] / ".ci" / "run"
ABSENT = "no-such-program-anywhere"


def test_first_name_that_exists_is_taken() -> None:
    """A program is found under any of its names, and the path leads to a file."""
    assert programs.program(ABSENT, "sh").is_file()


def test_missing_program_skips_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where servers are optional, the reason of the skip says what to install."""
    monkeypatch.delenv("SMTP_TLS_TEST_SERVERS", raising=False)
    monkeypatch.setitem(programs.PACKAGES, ABSENT, "absent-package")
    with pytest.raises(pytest.skip.Exception, match="apt install absent-package"):
        programs.program(ABSENT)


def test_missing_program_fails_where_servers_are_required(monkeypatch: pytest.MonkeyPatch) -> None:
    """In CI nothing is skipped because an installation step was forgotten."""
    monkeypatch.setenv("SMTP_TLS_TEST_SERVERS", "required")
    with pytest.raises(pytest.fail.Exception, match=ABSENT):
        programs.program(ABSENT)


def test_ci_installs_every_program() -> None:
    """Each package that a test may ask for is on the list of .ci/run."""
    listed = re.search(r"^packages=\((.*?)^\)", CI.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert listed
    wanted = {package for names in programs.PACKAGES.values() for package in names.split()}
    assert wanted <= set(listed[1].split())
