"""A command as a process: output that cannot fail, and an end that loses nothing."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from exporter.cli import process
from exporter.model import State

if TYPE_CHECKING:
    from pathlib import Path


def test_say_spells_out_what_the_terminal_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A character that cannot be printed is spelled out and does not end the command."""
    octets = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(octets, encoding="ascii"))
    assert process.say("caf\xe9")
    assert octets.getvalue() == b"caf\\xe9\n"


def test_say_to_a_reader_that_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the reader has gone, that is an answer; and nothing fails when the stream is closed later."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        monkeypatch.setattr("sys.stdout", stream)
        assert not process.say("anybody?")


def test_say_without_an_output(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that was started with its output closed has nobody to tell."""
    closed = io.TextIOWrapper(io.BytesIO())
    closed.close()
    monkeypatch.setattr("sys.stdout", closed)
    assert not process.say("anybody?")


def test_leave_loses_nothing(tmp_path: Path) -> None:
    """What was printed is out when the command ends, and nothing that could still raise is run."""
    code = (
        "import atexit, sys; from exporter.cli import process; atexit.register(print, 'not this'); "
        "sys.stdout.write('said'); sys.stderr.write('warned'); process.leave(2)"
    )
    file = tmp_path / "out"
    with file.open("w") as out:
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=out, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, file.read_text(), done.stderr) == (2, "said", "warned")


@pytest.mark.parametrize("given", [["--help"], ["-H", "127.0.0.1", "-p", "1"]], ids=["help", "check"])
def test_a_check_that_nobody_can_hear(given: list[str]) -> None:
    """With its reader gone the command ends with a state all the same, and says nothing on standard error."""
    code = "import sys; from exporter.cli import check_smtp_tls; sys.exit(check_smtp_tls())"
    reading, writing = os.pipe()
    os.close(reading)
    words = [sys.executable, "-c", code, *given]
    done = subprocess.run(words, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (State(done.returncode), done.stderr) == (State.UNKNOWN, "")
