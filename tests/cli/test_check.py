"""`check_smtp_tls`: its states, its one line whatever happens, its options, and how little it loads."""

from __future__ import annotations

import hashlib
import json
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import exporter
from exporter import pipeline
from exporter.cli.check import main
from exporter.demo.cases import CASES
from exporter.evidence import mx
from exporter.model import Reason, State
from tests.processes import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.demo import Demo
    from exporter.demo.cases import Case

_DATUM = r"'[a-z_]+[1-8]?'=-?\d+(\.\d+)?(s|%)?(;(@?(~|-?[\d.]+)?:?(-?[\d.]+)?)?){0,2}"
ONE_LINE = re.compile(rf"SMTP_TLS (OK|WARNING|CRITICAL|UNKNOWN) - [^|\n]*( \| {_DATUM}( {_DATUM})*)?\n")
"""State, words, and performance data by the grammar of the monitoring plugins' guidelines."""
NRPE = 1024
"""Bytes that pass through version 2."""
HEALTHY = next(case for case in CASES if case.name == "healthy")
EXPIRED = next(case for case in CASES if case.name == "expired")
START = "import sys; from exporter.cli.check import main; sys.exit(main())"
SOURCE = Path(exporter.__file__).parent.parent


def arguments(lab: Demo, case: Case, *, trust: bool = True) -> list[str]:
    """How to check one server of the demo."""
    server = lab.servers[case.name]
    mode = "--starttls" if case.mode == "starttls" else "--tls"
    given = ["-H", server.host, "-p", str(server.port), mode, "-n", case.expects]
    return given + (["-r", str(lab.root_path)] if trust else [])


def check(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[State, str]:
    """Run the check; its state and what it printed, none of it on standard error."""
    status = main(argv)
    captured = capsys.readouterr()
    assert captured.err == ""
    return State(status), captured.out


def start(*argv: str, code: str = START, stdout: int = subprocess.PIPE) -> subprocess.Popen[str]:
    """Start the check as a program."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *argv], stdout=stdout, stderr=subprocess.PIPE, text=True, cwd=SOURCE
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_case_of_the_demo(case: Case, lab: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    """One line names exactly the problems of the server, the state follows from them."""
    revocation = ["--revocation", "--allow-network", "127.0.0.0/8"] if case.revoked else []
    state, out = check(capsys, *arguments(lab, case), *revocation)
    assert ONE_LINE.fullmatch(out)
    assert len(out.encode()) <= NRPE
    assert ("'days_to_expiry'=" in out) == (case.leaf is not None)
    named = re.findall(r"(?: STARTTLS: | TLS: |; )([a-z_]+): ", out.partition(" | ")[0])
    assert set(named) == case.problems
    assert state is (State.CRITICAL if case.problems else State.OK)
    assert out.startswith(f"SMTP_TLS {state.name} - ")


def test_line_of_a_healthy_server(lab: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    """The line has the form that the contract promises."""
    _, out = check(capsys, *arguments(lab, HEALTHY))
    assert re.fullmatch(
        r"SMTP_TLS OK - 127\.0\.0\.1:\d+ STARTTLS: 'mail\.int\.contoso\.com' from 'Contoso Subordinate CA' "
        r"valid until \d{4}-\d\d-\d\d \(\d+ days\) \| 'days_to_expiry'=\d+\.\d;21:;7: 'time'=\d+\.\d\ds "
        r"'days_chain_elem1'=\d+\.\d 'days_chain_elem2'=\d+\.\d\n",
        out,
    )


@pytest.mark.parametrize(
    ("given", "expected", "words"),
    [
        pytest.param(("-w", "400", "-c", "7"), State.WARNING, "expires_soon: ", id="warning"),
        pytest.param(("-w", "900", "-c", "400"), State.CRITICAL, "expires_soon: ", id="critical"),
        pytest.param(("-w", "400:"), State.WARNING, ";400:;7: ", id="range"),
        pytest.param(("-c", "@0:400"), State.CRITICAL, ";21:;@0:400 ", id="inside a range"),
        pytest.param(("-w", "100%"), State.WARNING, "expires_soon: ", id="share of the lifetime"),
        pytest.param(("-D", "400"), State.WARNING, ";400:;0: ", id="as check_smtp, warning"),
        pytest.param(("-D", "900,400"), State.CRITICAL, ";900:;400: ", id="as check_smtp, both"),
        pytest.param(("--response-warning", "0"), State.WARNING, "response_time: ", id="slow, warning"),
        pytest.param(
            ("--response-warning", "0", "--response-critical", "0"),
            State.CRITICAL,
            "s;0;0 ",
            id="slow, critical",
        ),
        pytest.param(("--response-critical", "60"), State.OK, "s;;60 ", id="fast enough"),
        pytest.param(
            ("--fingerprint", "00" * 20), State.CRITICAL, "fingerprint_mismatch: ", id="another certificate"
        ),
        pytest.param(("-n", "other.example.org"), State.CRITICAL, "hostname_mismatch: ", id="another name"),
        pytest.param(("-n", "other.example.org", "--no-hostname"), State.OK, "valid until", id="any name"),
    ],
)
def test_options_on_a_healthy_server(
    given: tuple[str, ...], expected: State, words: str, lab: Demo, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each limit does what it says."""
    state, out = check(capsys, *arguments(lab, HEALTHY), *given)
    assert state is expected
    assert words in out


@pytest.mark.parametrize(
    ("name", "option"),
    [
        pytest.param("self-signed", "--allow-self-signed", id="self-signed"),
        pytest.param("self-signed", "--no-chain", id="self-signed, chain not judged"),
        pytest.param("untrusted-root", "--no-chain", id="untrusted root"),
        pytest.param("missing-intermediate", "--no-chain", id="missing intermediate"),
        pytest.param("wrong-name", "--no-hostname", id="wrong name"),
    ],
)
def test_what_is_tolerated(name: str, option: str, lab: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    """A problem that is tolerated is neither named nor counted; without the option it is."""
    case = next(case for case in CASES if case.name == name)
    assert check(capsys, *arguments(lab, case))[0] is State.CRITICAL
    state, out = check(capsys, *arguments(lab, case), option)
    assert state is State.OK
    assert not any(problem in out for problem in case.problems)


@pytest.mark.parametrize("case", [HEALTHY, EXPIRED], ids=lambda case: case.name)
def test_local_check_of_checkmk(case: Case, lab: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    """One line in Checkmk's form, more below it included; usage errors have the plugin's line."""
    state, out = check(capsys, *arguments(lab, case), "--output", "checkmk", "-v")
    port = lab.servers[case.name].port
    assert re.fullmatch(
        rf'{int(state)} "SMTP certificate 127\.0\.0\.1:{port}" days_to_expiry=-?[0-9.]+\|time=[0-9.]+\|\S+ .*\n',
        out,
    )
    assert ("expired: " in out) == bool(case.problems)
    assert r"\nChain:\n" in out


@pytest.mark.parametrize("digest", ["sha1", "sha256"])
@pytest.mark.parametrize("form", [str.upper, str.lower, lambda text: ":".join(re.findall("..", text))])
def test_pinned_fingerprint(
    digest: str, form: Callable[[str], str], lab: Demo, capsys: pytest.CaptureFixture[str]
) -> None:
    """The right fingerprint is accepted, however it is written."""
    der = ssl.PEM_cert_to_DER_cert(lab.chains[HEALTHY.name][0].pem)
    value = hashlib.new(digest, der).hexdigest()
    assert check(capsys, *arguments(lab, HEALTHY), "--fingerprint", form(value))[0] is State.OK


def test_long_output(lab: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    """`-v` adds lines below the first one, which stays as it is."""
    _, brief = check(capsys, *arguments(lab, EXPIRED))
    state, long = check(capsys, *arguments(lab, EXPIRED), "-v")
    assert state is State.CRITICAL
    assert ONE_LINE.match(long)
    assert long.partition(" | ")[0] == brief.partition(" | ")[0]
    assert "\nChain:\n" in long
    assert "C: STARTTLS" in check(capsys, *arguments(lab, EXPIRED), "-vvv")[1]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param(("-H", "127.0.0.1", "-p", "CLOSED"), "unreachable: ", id="refused"),
        pytest.param(("-H", "no-such-host.invalid"), "unreachable: ", id="unresolvable"),
        pytest.param(("-6", "-H", "127.0.0.1"), "unreachable: ", id="wrong family"),
    ],
)
def test_unreachable_is_critical(
    given: tuple[str, ...], words: str, free_port: Callable[[], int], capsys: pytest.CaptureFixture[str]
) -> None:
    """A server that cannot be reached or resolved is CRITICAL, on one line with the time."""
    state, out = check(capsys, *(str(free_port()) if text == "CLOSED" else text for text in given))
    assert state is State.CRITICAL
    assert ONE_LINE.fullmatch(out)
    assert words in out
    assert "'time'=" in out


@pytest.mark.parametrize(
    ("timeout", "expected"),
    [
        pytest.param("0.2", State.CRITICAL, id="default"),
        pytest.param("0.2:unknown", State.UNKNOWN, id="unknown"),
        pytest.param("0.2:WARNING", State.WARNING, id="upper case"),
        pytest.param("0.2:0", State.OK, id="number"),
    ],
)
def test_timeout_state(
    timeout: str, expected: State, silent: socket.socket, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server that says nothing has the state that the user wants for it."""
    state, out = check(capsys, "-H", "127.0.0.1", "-p", str(silent.getsockname()[1]), "-t", timeout)
    assert state is expected
    assert ONE_LINE.fullmatch(out)
    assert "unreachable: " in out


@pytest.mark.parametrize(("timeout", "expected"), [("2", State.CRITICAL), ("2:unknown", State.UNKNOWN)])
def test_silence_ends_in_time(
    timeout: str, expected: State, silent: socket.socket, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server that takes the connection and says nothing costs the seconds that were given, and not the default ones."""
    began = time.monotonic()
    state, out = check(capsys, "-H", "127.0.0.1", "-p", str(silent.getsockname()[1]), "-t", timeout)
    assert 2 <= time.monotonic() - began < 10
    assert state is expected
    assert out.startswith(f"SMTP_TLS {expected.name} - ")


@pytest.mark.parametrize(
    "given",
    [
        pytest.param((), id="nothing"),
        pytest.param(("-H", "a", "--no-such-option"), id="unknown option"),
        pytest.param(("-H", "a", "-p", "0"), id="port too small"),
        pytest.param(("-H", "a", "-p", "65536"), id="port too large"),
        pytest.param(("-H", "a", "-p", "x\ny|z\x1b"), id="hostile port"),
        pytest.param(("-H", "a b"), id="no host"),
        pytest.param(("-H", ""), id="empty host"),
        pytest.param(("-H", "a", "-S", "-s"), id="both modes"),
        pytest.param(("-H", "a", "-4", "-6"), id="both families"),
        pytest.param(("-H", "a", "-w", "soon"), id="no threshold"),
        pytest.param(("-H", "a", "-w", ""), id="empty threshold"),
        pytest.param(("-H", "a", "-w", "5:1"), id="range upside down"),
        pytest.param(("-H", "a", "-w", "1:2:3"), id="no range"),
        pytest.param(("-H", "a", "-w", "101%"), id="more than the lifetime"),
        pytest.param(("-H", "a", "-D", "1,2,3"), id="three thresholds"),
        pytest.param(("-H", "a", "-t", "0"), id="no time"),
        pytest.param(("-H", "a", "-t", "nan"), id="not a time"),
        pytest.param(("-H", "a", "-t", "5:maybe"), id="no state"),
        pytest.param(("-H", "a", "-F", "two words"), id="no EHLO name"),
        pytest.param(("-H", "a", "--fingerprint", "abc"), id="no fingerprint"),
        pytest.param(("-H", "a", "-r", "/no/such/file"), id="no trust store"),
        pytest.param(("-H", "a", "extra"), id="stray argument"),
    ],
)
def test_wrong_usage(given: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong usage is UNKNOWN, on one line of standard output that says what is wrong."""
    state, out = check(capsys, *given)
    assert state is State.UNKNOWN
    assert ONE_LINE.fullmatch(out)
    assert out.isprintable() or out[:-1].isprintable()


def test_empty_trust_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A trust store without a certificate is wrong usage, not a distrusted server."""
    empty = tmp_path / "empty.pem"
    empty.touch()
    state, out = check(capsys, "-H", "127.0.0.1", "-r", str(empty))
    assert (state, "trust store" in out) == (State.UNKNOWN, True)


@pytest.mark.parametrize("option", ["-h", "--help", "-V", "--version"])
def test_help_and_version(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Help and version go to standard output and exit with 3, as the guidelines want it."""
    state, out = check(capsys, option)
    assert state is State.UNKNOWN
    assert out.startswith(("usage: check_smtp_tls ", f"check_smtp_tls {exporter.__version__}\n"))


@pytest.mark.parametrize(
    "fault", [RuntimeError("it|broke\nbadly"), MemoryError(), KeyboardInterrupt(), AssertionError()]
)
def test_internal_fault(
    fault: BaseException, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A fault of this program is UNKNOWN, on one well-formed line."""

    async def examine(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr(pipeline, "examine", examine)
    state, out = check(capsys, "-H", "127.0.0.1")
    assert state is State.UNKNOWN
    assert ONE_LINE.fullmatch(out)


def test_output_that_nobody_can_take() -> None:
    """A full disk or a closed pipe at the other end gives UNKNOWN and no traceback."""
    with Path("/dev/full").open("w") as full:
        running = start("-H", "127.0.0.1", "-p", "1", stdout=full.fileno())
        assert running.communicate(timeout=PATIENCE)[1] == ""
    assert running.returncode == State.UNKNOWN


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_interrupted(number: signal.Signals, silent: socket.socket) -> None:
    """A check that is told to stop still answers with one line."""
    running = start("-H", "127.0.0.1", "-p", str(silent.getsockname()[1]), "-t", "600")
    with silent.accept()[0]:
        running.send_signal(number)
        out, err = running.communicate(timeout=PATIENCE)
    assert ONE_LINE.fullmatch(out)
    assert f"interrupted by {number.name}" in out
    assert (running.returncode, err) == (State.UNKNOWN, "")


def test_resolver_that_hangs() -> None:
    """A resolver that does not answer cannot keep the check beyond its timeout."""
    stuck = "import socket, threading; socket.getaddrinfo = lambda *_, **__: threading.Event().wait(); "
    running = start("-H", "mx.example.org", "-t", "0.5", code=stuck + START)
    try:
        out, _ = running.communicate(timeout=PATIENCE)
    finally:
        running.kill()
    assert "unreachable: " in out
    assert running.returncode == State.CRITICAL


def loaded(*argv: str) -> set[str]:
    """The modules that a check of a healthy server loads."""
    code = (
        "import json, sys; from exporter.cli.check import main; status = main(); "
        "print(json.dumps(sorted(sys.modules))); sys.exit(status)"
    )
    running = start(*argv, code=code)
    out, err = running.communicate(timeout=PATIENCE)
    assert (running.returncode, err) == (State.OK, "")
    return set(json.loads(out.splitlines()[-1]))


def test_loads_nothing_heavy(lab: Demo) -> None:
    """A real check loads neither the web server nor the configuration's parser nor templates."""
    found = loaded(*arguments(lab, HEALTHY), "-w", "21:", "-vvv")
    assert "OpenSSL" in found
    assert not found & {"aiohttp", "pydantic", "prometheus_client", "yaml", "jinja2", "exporter.config"}


def test_a_healthy_server_costs_least(lab: Demo) -> None:
    """What explains problems, asks about revocation, tries transactions or says more waits until it is wanted."""
    found = loaded(*arguments(lab, HEALTHY))
    assert "exporter.judge.problems" in found
    assert not found & {"service_identity", "attr", "idna", "nagiosplugin", "exporter.probe.transaction"}
    assert not found & {"exporter.judge.advice", "exporter.judge.summaries", "exporter.judge.revocation.ocsp"}
    assert not found & {"exporter.publish.details", "exporter.publish.sections", "exporter.evidence.sources"}


def test_help_loads_no_cryptography() -> None:
    """Wrong usage and help are answered before anything is loaded that they do not need."""
    code = "import sys; from exporter.cli.check import main; main(['--help']); sys.exit(bool({'OpenSSL', 'asyncio'} & set(sys.modules)))"
    running = start(code=code)
    assert "usage:" in running.communicate(timeout=PATIENCE)[0]
    assert running.returncode == 0


def test_all_addresses(
    lab: Demo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address where nothing answers is named beside the one that is fine, and the worst state counts."""
    two = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{number}", 0)) for number in (1, 99)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: two)
    given = [*arguments(lab, HEALTHY), "-H", "two.contoso.test"]
    state, out = check(capsys, *given, "--all-addresses", "-v")
    port = lab.servers[HEALTHY.name].port
    first, *below = out.splitlines()
    assert state is State.CRITICAL
    assert first.startswith(
        f"SMTP_TLS CRITICAL - two.contoso.test:{port} STARTTLS, 2 addresses: "
        "unreachable (two.contoso.test 127.0.0.99): "
    )
    assert [line for line in below if line.startswith("== ")] == [
        f"== two.contoso.test:{port} 127.0.0.1: OK",
        f"== two.contoso.test:{port} 127.0.0.99: CRITICAL",
    ]
    assert check(capsys, *given)[0] is State.OK, "one address is enough for a client"


def test_exchanges_of_a_domain(
    lab: Demo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every host that takes the mail is checked; a domain without any is told apart."""
    answers: dict[str, tuple[mx.Exchange, ...] | mx.MxError] = {
        "contoso.test": (mx.Exchange(10, "127.0.0.1"), mx.Exchange(20, "127.0.0.99")),
        "null.test": mx.MxError(Reason.NULL_MX, "null.test says that it takes no mail"),
        "broken.test": mx.MxError(Reason.DNS_FAILURE, "no name server could tell | the MX"),
    }

    async def exchanges(domain: str, *, timeout: float) -> tuple[mx.Exchange, ...]:
        assert timeout == 15.0
        if isinstance(answer := answers[domain], mx.MxError):
            raise answer
        return answer

    monkeypatch.setattr(mx, "exchanges", exchanges)
    given = [*arguments(lab, HEALTHY), "--mx"]
    state, out = check(capsys, *given, "contoso.test")
    assert state is State.CRITICAL
    assert out.startswith(
        "SMTP_TLS CRITICAL - MX of contoso.test STARTTLS, 2 servers: unreachable (127.0.0.99): "
    )
    assert check(capsys, *given, "null.test") == (
        State.UNKNOWN,
        "SMTP_TLS UNKNOWN - MX of null.test: unreachable: null.test says that it takes no mail\n",
    )
    assert check(capsys, *given, "broken.test") == (
        State.CRITICAL,
        "SMTP_TLS CRITICAL - MX of broken.test: unreachable: no name server could tell ¦ the MX\n",
    )


def test_checks_that_share_a_cache(lab: Demo, tmp_path: Path) -> None:
    """Started at the same moment with an empty directory, all say the same, and leave whole files alone."""
    case = next(case for case in CASES if case.revoked)
    cache = tmp_path / "cache"
    given = [
        *arguments(lab, case),
        "--revocation",
        "--allow-network",
        "127.0.0.0/8",
        "--cache-dir",
        str(cache),
    ]
    for _ in range(2):  # with the directory empty, and with it full
        started = [start(*given) for _ in range(6)]
        said = [process.communicate(timeout=PATIENCE) for process in started]
        assert {process.returncode for process in started} == {State.CRITICAL}
        assert all(" revoked: " in out and not err for out, err in said), said
    files = list(cache.iterdir())
    assert files
    assert all(file.suffix == ".evidence" for file in files), "a file was left half-written"
