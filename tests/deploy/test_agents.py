"""NRPE, passive checks and Checkmk: what their files start is understood, and what comes out is what the agents take."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exporter.cli import check_options
from tests.deploy.copied import DEPLOY
from tests.laboratory import demo_in_thread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.demo import Demo

STARTED = re.compile(r"/usr/lib/nagios/plugins/check_smtp_tls (.+)$", re.MULTILINE)
FILES = [DEPLOY / "nagios" / "nrpe-smtp-tls.cfg", DEPLOY / "checkmk" / "mrpe.cfg"]


@pytest.fixture(scope="module")
def lab() -> Iterator[Demo]:
    """The demo's servers, one for each cause."""
    with demo_in_thread() as demo:
        yield demo


def _executable(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_command_lines_are_understood(path: Path) -> None:
    """The plugin understands each line, and each has a host or a domain."""
    lines = STARTED.findall(path.read_text(encoding="utf-8"))
    assert len(lines) == 3
    for line in lines:
        given = check_options.parser().parse_args(shlex.split(line))
        assert given.hostname or given.mx


def test_names_of_checkmk_have_no_blanks() -> None:
    """A line of mrpe.cfg is the service's name, its options in brackets and the command."""
    lines = (DEPLOY / "checkmk" / "mrpe.cfg").read_text(encoding="utf-8").splitlines()
    assert all(re.match(r"#|[\w.-]+ \(interval=\d+\) /", line) for line in lines)


def test_passive_results_reach_send_nsca(lab: Demo, tmp_path: Path) -> None:
    """One line a service: host, service, exit status and the plugin's line, parted by tabs."""
    sent = tmp_path / "sent"
    send = _executable(tmp_path / "send_nsca", f'#!/bin/sh\necho "$@" >"{sent}.arguments"\ncat >"{sent}"\n')
    good, bad = (lab.servers[name].port for name in ("healthy", "wrong-name"))
    text = (DEPLOY / "nagios" / "submit-smtp-tls").read_text(encoding="utf-8")
    options = f"-H 127.0.0.1 -n mail.int.contoso.com -r {lab.root_path} -p"
    text = text.replace("-H mx1.example.org -w 21 -c 7", f"{options} {good}")
    text = text.replace("-H mx1.example.org --tls -w 21 -c 7", f"{options} {bad}")
    script = _executable(tmp_path / "submit", text)
    plugin = str(Path(sys.executable).with_name("check_smtp_tls"))
    environment = {**os.environ, "NAGIOS": "192.0.2.1", "SEND_NSCA": str(send), "CHECK": plugin}
    done = subprocess.run([script], env=environment, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
    assert Path(f"{sent}.arguments").read_text(encoding="utf-8") == "-H 192.0.2.1\n"
    results = [line.split("\t") for line in sent.read_text(encoding="utf-8").splitlines()]
    assert [one[:3] for one in results] == [
        ["mx1.example.org", "SMTP certificate", "0"],
        ["mx1.example.org", "SMTPS certificate", "2"],
    ]
    assert results[0][3].startswith("SMTP_TLS OK - ")
    assert "hostname_mismatch: " in results[1][3]


def test_local_check_of_checkmk(lab: Demo, tmp_path: Path) -> None:
    """The script prints one line a server, each a service with state, metrics and text."""
    text = (DEPLOY / "checkmk" / "smtp_tls").read_text(encoding="utf-8")
    options = f"-H 127.0.0.1 -n mail.int.contoso.com -r {lab.root_path} -p"
    ports = [lab.servers[name].port for name in ("healthy", "expired", "self-signed")]
    listed = "\n".join(f"{options} {port}" for port in ports)
    script = _executable(
        tmp_path / "smtp_tls", re.sub(r"(?<=<<SERVERS\n).*(?=\nSERVERS)", listed, text, flags=re.DOTALL)
    )
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [script], env={**os.environ, "PATH": path}, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    lines = [re.fullmatch(r'([0-3]) "([^"]+)" (\S+) (.+)', line) for line in done.stdout.splitlines()]
    assert [(int(one[1]), one[2]) for one in lines if one] == [
        (state, f"SMTP certificate 127.0.0.1:{port}") for state, port in zip((0, 2, 2), ports, strict=True)
    ]
    assert all(one and one[3].startswith("days_to_expiry=") and "\\nChain:" in one[4] for one in lines)
