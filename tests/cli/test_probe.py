"""`smtp-tls-exporter probe`: report, JSON and PEM, several hosts, and the exit status."""

from __future__ import annotations

import io
import json
import ssl
from typing import TYPE_CHECKING

import pytest

from exporter import pipeline
from exporter.cli import main as command
from exporter.cli import options
from exporter.cli.probe import main
from exporter.demo.cases import CASES, EXCHANGE
from exporter.evidence import mx
from exporter.model import Reason, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.demo import Demo
    from exporter.demo.cases import Case


def where(lab: Demo, name: str) -> str:
    """HOST:PORT of one of the demo's servers."""
    server = lab.servers[name]
    return f"{server.host}:{server.port}"


def probe(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[State, str, str]:
    """Run the command: its state, and what it printed on both outputs."""
    status = main([*argv, "--allow-network", "127.0.0.0/8"])
    captured = capsys.readouterr()
    return State(status), captured.out, captured.err


def test_untrusted_root(lab: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    """Leaf and Subordinate CA are sent, the root is not in the store: chain, error 20 at depth 1, remedy."""
    state, out, err = probe(
        capsys, where(lab, "untrusted-root"), "--trust", str(lab.root_path), "--name", EXCHANGE
    )
    assert (state, err) == (State.CRITICAL, "")
    assert "1 problem: untrusted_root" in out
    assert "depth=1 CN=Contoso Subordinate CA 2," in out
    assert "verify error:num=20:unable to get local issuer certificate" in out
    assert "issuer   CN=Contoso Subordinate CA 2," in out
    assert "issuer   CN=Contoso Offline Root CA 2\n" in out
    assert "certutil -addstore -f Root" in out


def test_trusted_root(lab: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    """With the root trusted, a server like it is OK."""
    state, out, _ = probe(capsys, where(lab, "exchange"), "--trust", str(lab.root_path), "--name", EXCHANGE)
    assert state is State.OK
    assert out.startswith("✓ OK ")
    assert "Verify return code: 0 (ok)" in out


def test_stores_are_judged_apart(lab: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    """Labelled stores have a verdict each."""
    other = lab.directory / "other.pem"
    other.write_text(lab.chains["self-signed"][0].pem, encoding="utf-8")
    given = ("--trust", f"contoso={lab.root_path}", "--trust", f"other={other}", "--name", EXCHANGE, "--json")
    state, out, _ = probe(capsys, where(lab, "exchange"), *given)
    assert {store["store"]: store["code"] for store in json.loads(out)["stores"]} == {
        "contoso": 0,
        "other": 20,
    }
    assert state is State.CRITICAL


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_json_of_every_case(case: Case, lab: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON names exactly the server's problems, all at once."""
    mode = "--tls" if case.mode == "tls" else "--starttls"
    state, out, _ = probe(
        capsys, where(lab, case.name), mode, "--json", "--trust", str(lab.root_path), "--name", case.expects
    )
    document = json.loads(out)
    assert {problem["problem"] for problem in document["problems"]} == case.problems
    assert document["state"] == state.name.lower()


def test_exchanges_of_a_domain(
    lab: Demo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every exchange is looked at, beside the hosts that are named; a domain without any is told apart."""

    async def exchanges(domain: str, *, timeout: float) -> tuple[mx.Exchange, ...]:
        if domain == "broken.test":
            raise mx.MxError(Reason.DNS_FAILURE, "no name server could tell the MX of broken.test")
        if domain == "null.test":
            raise mx.MxError(Reason.NULL_MX, "null.test says that it takes no mail")
        return (mx.Exchange(10, "127.0.0.1"), mx.Exchange(20, "127.0.0.2"))

    monkeypatch.setattr(mx, "exchanges", exchanges)
    monkeypatch.setattr(options, "STARTTLS_PORT", lab.servers["exchange"].port)
    state, out, err = probe(
        capsys, "--mx", "contoso.test", "--mx", "broken.test", "--mx", "null.test", "--json",
        "--trust", str(lab.root_path), "--name", EXCHANGE,
    )  # fmt: skip
    port = lab.servers["exchange"].port
    assert [json.loads(line)["target"] for line in out.splitlines()] == [
        f"127.0.0.{n}:{port}" for n in (1, 2)
    ]
    assert "no name server could tell" in err
    assert "null.test says that it takes no mail" in err
    assert state is State.CRITICAL


def test_json_of_several_hosts(lab: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    """One document a line for each host, in their order; the worst state counts."""
    names = ("expired", "healthy")
    hosts = [where(lab, name) for name in names]
    state, out, _ = probe(
        capsys, *hosts, "--json", "--trust", str(lab.root_path), "--name", "mail.int.contoso.com"
    )
    assert [json.loads(line)["target"] for line in out.splitlines()] == hosts
    assert [json.loads(line)["state"] for line in out.splitlines()] == ["critical", "ok"]
    assert state is State.CRITICAL


def test_pem(lab: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    """The PEM output holds exactly the certificates that the server sends."""
    _, out, _ = probe(capsys, where(lab, "exchange"), "--pem")
    sent = [part + ssl.PEM_FOOTER for part in out.split(ssl.PEM_FOOTER)[:-1]]
    ders = [ssl.PEM_cert_to_DER_cert(part[part.index(ssl.PEM_HEADER) :]) for part in sent]
    assert ders == [ssl.PEM_cert_to_DER_cert(issued.pem) for issued in lab.chains["exchange"]]


def test_transcript(lab: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    """The dialogue is shown on demand, with the EHLO name that was asked for."""
    given = ("--transcript", "--ehlo-name", "client.example.org")
    _, out, _ = probe(capsys, where(lab, "exchange"), *given)
    assert "  C: EHLO client.example.org\n" in out
    assert "  S: 220 2.0.0 SMTP server ready\n" in out


def test_sni_is_the_expected_name(lab: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --name the certificate must carry the name that was sent."""
    _, out, _ = probe(capsys, where(lab, "healthy"), "--json", "--sni", "mail.int.contoso.com")
    assert json.loads(out)["names"][0] == {
        "name": "mail.int.contoso.com",
        "match": True,
        "matched": "DNS:mail.int.contoso.com",
    }


def test_unreachable(free_port: Callable[[], int], capsys: pytest.CaptureFixture[str]) -> None:
    """A server that cannot be reached is critical, and still a report."""
    state, out, _ = probe(capsys, f"127.0.0.1:{free_port()}")
    assert state is State.CRITICAL
    assert "connection refused" in out


@pytest.mark.parametrize(
    "given",
    [
        pytest.param((), id="no host"),
        pytest.param(("a:b",), id="no port"),
        pytest.param(("a", "--json", "--pem"), id="two outputs"),
        pytest.param(("a", "--trust", "/no/such/file"), id="no trust store"),
        pytest.param(("--mx", "not a name"), id="no domain"),
    ],
)
def test_wrong_usage(given: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Wrong usage exits with 3 and says on standard error what is wrong."""
    state, out, err = probe(capsys, *given)
    assert (state, out) == (State.UNKNOWN, "")
    assert err.startswith("smtp-tls-exporter probe: ")
    assert err.count("\n") == 1


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    """Help is no error for a person."""
    state, out, _ = probe(capsys, "--help")
    assert state is State.OK
    assert out.startswith("usage: smtp-tls-exporter probe ")


def test_internal_fault(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A fault of this program is one line on standard error."""

    async def examine(*_: object, **__: object) -> None:
        raise RuntimeError("it broke")

    monkeypatch.setattr(pipeline, "examine", examine)
    state, out, err = probe(capsys, "127.0.0.1")
    assert (state, out, err.count("\n")) == (State.UNKNOWN, "", 1)


class Terminal(io.TextIOWrapper):
    """Standard output as a terminal in some encoding."""

    def __init__(self, encoding: str) -> None:
        self.octets = io.BytesIO()
        super().__init__(self.octets, encoding=encoding)

    def isatty(self) -> bool:
        """It is one."""
        return True


@pytest.mark.parametrize(
    ("options", "environment", "colored"),
    [
        pytest.param((), {}, True, id="terminal"),
        pytest.param(("--no-color",), {}, False, id="option"),
        pytest.param((), {"NO_COLOR": "1"}, False, id="NO_COLOR"),
        pytest.param((), {"NO_COLOR": ""}, True, id="empty NO_COLOR"),
        pytest.param((), {"TERM": "dumb"}, False, id="dumb"),
    ],
)
def test_colours(
    options: tuple[str, ...], environment: dict[str, str], colored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Colours appear on a terminal unless somebody does not want them."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    terminal = Terminal("utf-8")
    monkeypatch.setattr("sys.stdout", terminal)
    main(["no-such-host.invalid", *options])
    assert (b"\x1b[31m" in terminal.octets.getvalue()) is colored


def test_plain_signs_for_plain_terminals(lab: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal without Unicode gets a drawing in ASCII."""
    terminal = Terminal("ascii")
    monkeypatch.setattr("sys.stdout", terminal)
    main([where(lab, "triple-fault"), "--no-color", "--trust", str(lab.root_path)])
    printed = terminal.octets.getvalue().decode("ascii")
    assert printed.startswith("x CRITICAL")
    assert "   0 * old-mail.int.contoso.com\n     | subject" in printed


def test_probe_is_a_word_of_the_command(lab: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    """`smtp-tls-exporter probe …` is this command."""
    assert command(["probe", where(lab, "expired"), "--json"]) == State.CRITICAL
    assert json.loads(capsys.readouterr().out)["target"] == where(lab, "expired")
