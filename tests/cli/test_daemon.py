"""The daemon as a program: its flags, what it prints, and how it ends."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from exporter import __version__
from exporter.cli import daemon_options, main, probe
from exporter.demo import Demo
from exporter.demo.authority import Issued
from exporter.serve.running import Address
from tests.processes import wait_until

COMMAND = [sys.executable, "-m", "exporter"]
CONFIG = """\
targets:
  - host: 127.0.0.1
    port: 1
    interval: 1h
trust_stores:
  system: {type: pem, path: root.pem}
"""
PATIENCE = 30.0


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    words = [*COMMAND, *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=PATIENCE)


@contextlib.contextmanager
def started(
    *arguments: str | Path, command: Sequence[str] = COMMAND
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running daemon and the URL that it logged."""
    words = [*command, "--web.listen-address=127.0.0.1:0", *map(str, arguments)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr
            seen = ""
            while not (found := re.search(r"http://127\.0\.0\.1:\d+/", seen)):
                line = process.stderr.readline()
                assert line, f"it ended: {seen}"
                seen += line
            yield process, found[0]
        finally:
            process.kill()


@pytest.fixture
def config(tmp_path: Path, root: Issued) -> Path:
    """A configuration with one target that refuses connections."""
    (tmp_path / "root.pem").write_text(root.pem)
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    return path


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (":10465", Address("", 10465)),
        ("127.0.0.1:0", Address("127.0.0.1", 0)),
        ("[::1]:10465", Address("::1", 10465)),
        ("localhost:80", Address("localhost", 80)),
    ],
    ids=str,
)
def test_listen_addresses(text: str, address: Address) -> None:
    """They are written as for every exporter of Prometheus."""
    assert daemon_options.parser().parse_args([f"--web.listen-address={text}"]).listen == [address]


@pytest.mark.parametrize(
    "flag",
    [
        "--web.listen-address=10465",
        "--web.listen-address=::1:10465",
        "--web.listen-address=:65536",
        "--web.listen-address=:x",
        "--web.telemetry-path=metrics",
        "--web.telemetry-path=/",
        "--web.telemetry-path=/probe",
        "--web.telemetry-path=/{x}",
        "--timeout-offset=-1",
        "--timeout-offset=nan",
        "--log.level=loud",
        "--log.format=xml",
        "--workers=0",
        "--shard=2/2",
        "--shard=-1/2",
        "--shard=1",
        "--config=x",
        "surplus",
    ],
    ids=str,
)
def test_flags_that_do_not_exist_or_fit_are_refused(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is accepted and then ignored; the message names the flag."""
    with pytest.raises(SystemExit) as ended:
        main([flag])
    assert ended.value.code == 2
    assert flag.partition("=")[0] in capsys.readouterr().err


def test_defaults() -> None:
    """Without any flag the values of the contract hold."""
    options = daemon_options.parser().parse_args([])
    assert options.config_file == Path("config.yaml")
    assert options.telemetry_path == "/metrics"
    assert options.timeout_offset == 0.5
    assert (options.log_level, options.log_format) == ("info", "logfmt")
    assert not options.listen
    assert not options.demo


def test_version_and_help() -> None:
    """Both end with success, and the help has every flag in Prometheus' spelling."""
    version = run("--version")
    assert (version.returncode, version.stdout.split()[:2]) == (0, ["smtp-tls-exporter", __version__])
    text = run("--help").stdout
    for flag in (
        "--config.file",
        "--config.check",
        "--demo",
        "--web.listen-address",
        "--web.telemetry-path",
        "--timeout-offset",
        "--log.level",
        "--log.format",
        "--version",
        "--help",
    ):
        assert flag in text


def test_a_good_configuration_is_summed_up(config: Path) -> None:
    """`--config.check` says what was understood and starts nothing."""
    done = run(f"--config.file={config}", "--config.check")
    assert done.returncode == 0
    assert str(config) in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("flags", [(), ("--config.check",)], ids=["run", "check"])
def test_every_mistake_of_a_configuration_is_printed(tmp_path: Path, flags: tuple[str, ...]) -> None:
    """All at once, one line each with its position, on standard error; the exit status is 1."""
    path = tmp_path / "config.yaml"
    path.write_text("targets:\n  - hots: a\n  - host: b\n    port: 70000\nlimit: {}\n")
    done = run(f"--config.file={path}", *flags)
    assert done.returncode == 1
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) >= 3
    assert all(re.match(rf"{re.escape(str(path))}:\d+:\d+: ", line) for line in lines)


def test_a_configuration_that_is_missing(tmp_path: Path) -> None:
    """One line says which file could not be read."""
    done = run(f"--config.file={tmp_path / 'none.yaml'}")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "none.yaml" in done.stderr


def test_a_port_in_use_is_one_clear_line(config: Path) -> None:
    """No traceback, and the exit status is 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run(f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"smtp-tls-exporter: cannot listen on 127.0.0.1:{port}: Address already in use"
    ]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_signals_end_it_cleanly(config: Path, number: signal.Signals) -> None:
    """It logs that it stops and ends with success."""
    with started(f"--config.file={config}", "--log.format=json") as (process, url):
        with urllib.request.urlopen(url + "-/ready") as answer:
            assert answer.status == 200
        process.send_signal(number)
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    messages = [json.loads(line)["msg"] for line in errors.splitlines()]
    # A probe that was about to end may still tell of itself in between.
    assert [message for message in messages if not message.startswith("target")][-2:] == [
        "stopping",
        "stopped",
    ]
    assert messages[-1] == "stopped"


HANGING_RESOLVER = """
import socket, sys, threading
from exporter.cli import main

real = socket.getaddrinfo

def hang(host, *rest, **more):
    if host == "mx.example.org":
        print("asked", flush=True)
        threading.Event().wait()
    return real(host, *rest, **more)

socket.getaddrinfo = hang
sys.exit(main(sys.argv[1:]))
"""


def test_a_resolver_that_hangs_does_not_keep_it_from_ending(config: Path) -> None:
    """A thread inside a system call cannot be cancelled, and is left behind."""
    config.write_text(CONFIG.replace("127.0.0.1", "mx.example.org"))
    command = [sys.executable, "-c", HANGING_RESOLVER]
    with started(f"--config.file={config}", command=command) as (process, _):
        assert process.stdout
        assert process.stdout.readline() == "asked\n"
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


def test_the_demo_introduces_itself() -> None:
    """It needs no configuration, and tells where to look and what to try; afterwards its files are gone."""
    with started("--demo") as (process, url):
        assert process.stdout
        lines = iter(process.stdout.readline, "")
        text = ""
        for line in lines:
            text += line
            if "Ctrl-C" in line:
                break
        directory = Path(re.findall(r"is (/.*)/config\.yaml", text)[0])
        assert directory.is_dir()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert url in text
    assert "smtp-tls-exporter probe 127.0.0.1:" in text
    assert not directory.exists()


def test_the_first_word_probe_is_another_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """`smtp-tls-exporter probe …` hands on everything that follows."""

    def fake(argv: list[str]) -> int:
        assert argv == ["mx.example.org", "--json"]
        return 2

    monkeypatch.setattr(probe, "main", fake)
    assert main(["probe", "mx.example.org", "--json"]) == 2


def metric(url: str, start: str) -> float | None:
    """The value of the series whose line starts like this, None when there is none."""
    with urllib.request.urlopen(f"{url}metrics", timeout=PATIENCE) as answer:
        lines = answer.read().decode().splitlines()
    return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(start)), None)


RELOADED = "smtp_tls_exporter_config_last_reload_successful"


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no SIGHUP")
def test_a_reload_picks_up_changed_trust_stores(lab: Demo, tmp_path: Path) -> None:
    """After SIGHUP the file behind a trust store is read again, and what it decides is judged anew."""
    store = tmp_path / "root.pem"
    store.write_text(lab.pki.root_2.pem)
    path = tmp_path / "config.yaml"
    port, name = lab.servers["healthy"].port, "mail.int.contoso.com"
    path.write_text(CONFIG.replace("port: 1", f"port: {port}\n    names: [{name}]"))
    with started("--config.file", path) as (process, url):
        wait_until(lambda: metric(url, "smtp_tls_chain_valid{") == 0, "an untrusted chain")
        store.write_text(lab.pki.root.pem)
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: metric(url, "smtp_tls_chain_valid{") == 1, "the chain to be trusted")
        assert metric(url, RELOADED) == 1


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no SIGHUP")
def test_a_reload_that_fails_changes_nothing(config: Path) -> None:
    """A configuration that cannot be loaded is told in the log and in a metric, and the old one goes on."""
    with started("--config.file", config) as (process, url):
        config.write_text("targets: [{host: mx.example.org, prot: 25}]")
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: metric(url, RELOADED) == 0, "the reload to fail")
        assert metric(url, "smtp_tls_exporter_targets") == 1
        config.write_text(CONFIG + "# changed\n")
        process.send_signal(signal.SIGHUP)
        wait_until(lambda: metric(url, RELOADED) == 1, "the reload to succeed")
        process.terminate()
        _, logged = process.communicate(timeout=PATIENCE)
    assert "config.yaml:1:34" in logged
    assert "did you mean" in logged
