"""The migration tables: what they say of another program's options is what that program's own help says."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.deploy.copied import code_words, options, rows
from tests.programs import program

pytestmark = pytest.mark.servers


def _named(name: str) -> set[str]:
    """The options in the first column of the program's table, without those of later versions."""
    table = [row[0] for row in list(rows("migrating.md", f"From {name}"))[1:]]
    said = [words for cell in table if "(since" not in cell for words in code_words(cell)]
    return {option for words in said for option in options(words)}


def _help(name: str) -> str:
    """What the program prints; it exits with 3, as plugins do."""
    return subprocess.run([program(name), "--help"], capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("name", ["check_smtp", "check_ssl_cert"])
def test_options_are_those_of_the_program(name: str) -> None:
    """Each option that the table translates stands in the program's help."""
    assert len(_named(name)) > 10
    assert _named(name) <= options(_help(name))


def test_every_option_of_check_smtp_has_its_row() -> None:
    """Nothing that an administrator may have in a command line of check_smtp is passed over."""
    short = set(re.findall(r"^ (-\w)\b", _help("check_smtp"), re.MULTILINE))
    assert len(short) > 10
    assert short <= _named("check_smtp")
