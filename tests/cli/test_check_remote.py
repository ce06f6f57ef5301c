"""The check that asks a running daemon: the same line, and what happens when it cannot be asked."""

from __future__ import annotations

import http.server
import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from exporter.demo import Demo
from exporter.demo.cases import CASES, Case
from exporter.model import ProblemKind, State
from exporter.serve.checking import check as check_results
from tests import results
from tests.cli.test_check import arguments, check
from tests.cli.test_daemon import started
from tests.processes import wait_until


@pytest.fixture(scope="module")
def daemon(lab: Demo) -> Iterator[str]:
    """A daemon that has probed the demo's servers."""
    with started("--config.file", Path(lab.config_path)) as (_, url):

        def probed() -> bool:
            with urllib.request.urlopen(f"{url}metrics", timeout=30) as answer:
                lines: list[str] = answer.read().decode().splitlines()
            return sum(line.startswith("smtp_tls_state{") for line in lines) == len(CASES)

        wait_until(probed, "the first sweep")
        yield url


def kinds(line: str) -> set[str]:
    """The problems that a line names."""
    findings = line.partition(" - ")[2].partition(" | ")[0].partition("TLS: ")[2].split("; ")
    return {finding.partition(": ")[0] for finding in findings} & set(ProblemKind)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_same_line(case: Case, lab: Demo, daemon: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It names the same problems, with the same state, as a probe."""
    server = lab.servers[case.name]
    own = ["--revocation", "--allow-network", "127.0.0.0/8"] if case.revoked else []
    probed, by_probe = check(capsys, *arguments(lab, case), *own)
    asked, by_asking = check(capsys, "-H", server.host, "-p", str(server.port), "--exporter", daemon)
    assert asked is probed
    assert kinds(by_asking) == kinds(by_probe) == case.problems
    assert by_asking.count("\n") == 1


def test_more_below(lab: Demo, daemon: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`-v` has the chain, too."""
    server = lab.servers["expired"]
    _, out = check(capsys, "-H", server.host, "-p", str(server.port), "--exporter", daemon, "-v")
    assert "\nChain:\n" in out


def test_an_unknown_target(daemon: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What the daemon does not watch it cannot tell."""
    state, out = check(capsys, "-H", "mx.example.org", "--exporter", daemon)
    assert state is State.UNKNOWN
    assert out.startswith("SMTP_TLS UNKNOWN - mx.example.org:25: the exporter cannot be asked: 404 ")


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """A web server that is no exporter."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>"),
        (200, b"[]"),
        (200, json.dumps({"state": "fine", "lines": ["x"]}).encode()),
        (200, json.dumps({"state": "ok", "lines": []}).encode()),
        (200, json.dumps({"state": "ok"}).encode()),
        (401, b"Unauthorized\n"),
        (500, b"a|b\nc"),
    ],
    ids=["page", "list", "state", "no lines", "less", "password", "fault"],
)
def test_something_else_answers(status: int, body: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    """It is never taken for good news, and stays one line."""
    with answering(status, body) as url:
        state, out = check(capsys, "-H", "mx.example.org", "--exporter", url)
    assert state is State.UNKNOWN
    assert out.startswith("SMTP_TLS UNKNOWN - mx.example.org:25: the exporter cannot be asked: ")
    assert out.count("\n") == 1
    assert "|" not in out


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["-H", "a", "--exporter", "http://127.0.0.1:1"], "Connection refused"),
        (["-H", "a", "--exporter", "ftp://x"], "must be an http or https URL"),
        (["--exporter", "http://127.0.0.1:1"], "needs -H"),
        (["-H", "a", "--exporter", "http://127.0.0.1:1", "-w", "30"], "--warning says is in the exporter"),
        (["-H", "a", "--exporter", "http://127.0.0.1:1", "-n", "b"], "--names says is in the exporter"),
    ],
    ids=["nobody", "scheme", "no host", "threshold", "name"],
)
def test_unknown(given: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody there, or wrong usage: UNKNOWN, and why."""
    state, out = check(capsys, *given)
    assert state is State.UNKNOWN
    assert words in out


def test_results_that_are_too_old() -> None:
    """Three intervals without a probe say that nothing is known of now."""
    one = results.result()
    fresh, old = (one.time + timedelta(seconds=one.target.interval * n) for n in (2, 4))
    assert check_results("x", [one], fresh, 0)[0] is State.OK
    state, (line,) = check_results("x", [one], old, 0)
    assert state is State.UNKNOWN
    assert "overdue: the last probe was 4 h ago" in line
    assert check_results("mx:25", [], fresh, 0) == (
        State.UNKNOWN,
        ["SMTP_TLS UNKNOWN - mx:25: it has not been probed yet"],
    )
    bad = replace(results.result(results.problem(ProblemKind.EXPIRED)), time=one.time)
    assert check_results("x", [bad], old, 0)[0] is State.CRITICAL
