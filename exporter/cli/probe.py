"""`smtp-tls-exporter probe`: one look at servers for a person, or as JSON for a program.

Comes in: arguments. Goes out: a report, JSON or PEM for each address on standard output, and the worst
state as exit status. What is wrong with the arguments goes to standard error.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from exporter import gathering, hosts
from exporter.cli import once, options, process
from exporter.model import Mode, Policy, Reason, RevocationMethod, State
from exporter.publish.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from ipaddress import IPv4Network, IPv6Network

    from exporter.model import Result, Target, TrustStore

_PROGRAM = "smtp-tls-exporter probe"
_DESCRIPTION = "Look at SMTP servers, and say everything that is wrong with their certificates and why."
_EPILOG = """\
An IPv6 address with a port stands in brackets: [::1]:25.
--json prints one document a line for each address that was looked at, so that
  smtp-tls-exporter probe --json mx1.example.org mx2.example.org | jq .state
needs no more than that.

Exit status: 0 ok, 1 warning, 2 critical (also a server that cannot be reached), 3 unknown or wrong
usage; the worst of several.
"""
_PLAIN_SIGNS = str.maketrans({"✓": "+", "✗": "x", "●": "*", "○": "o", "│": "|", "…": "...", "—": "-"})


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    try:
        with process.interruptible(), process.silent_warnings():
            return _probe(parser().parse_args(argv))
    except SystemExit:  # --help has printed
        return 0
    except options.UsageError as error:
        return _fail(f"{error} (see {_PROGRAM} --help)")
    except KeyboardInterrupt:
        return _fail("interrupted")
    except Exception as error:  # noqa: BLE001 - a command ends with a message, whatever happens
        return _fail(f"internal error: {type(error).__name__}: {error}")


def _probe(given: argparse.Namespace) -> int:
    trusted = once.stores(given.trust, given.trust_password_file)
    policy = Policy(stores=tuple(trusted), revocation=tuple(RevocationMethod) if given.revocation else ())
    if not (given.hosts or given.mx):
        raise options.UsageError("the following arguments are required: HOST[:PORT], or --mx DOMAIN")
    targets = [options.target(given, host, port, policy) for host, port in given.hosts]
    results, states = once.run(_look_everywhere(given, targets, policy, trusted))
    for text in _printed(results, given):
        if not process.say(text):
            return State.UNKNOWN
    return once.worst([*states, *(result.verdict.state for result in results)])


async def _look_everywhere(
    given: argparse.Namespace, targets: Sequence[Target], policy: Policy, trusted: Mapping[str, TrustStore]
) -> tuple[list[Result], list[State]]:
    """Look at the targets and at the exchanges of the domains; also a state for each domain without any."""
    wanted, states = [*targets], []
    for domain in given.mx:
        try:
            found = await _exchanges(domain, given.timeout)
        except _NoExchangesError as error:
            states.append(error.state)
            _fail(str(error))
        else:
            wanted += [options.target(given, host, None, policy) for host in found]
    return (await _look(wanted, trusted, given.allow_networks) if wanted else []), states


class _NoExchangesError(Exception):
    """A domain has no exchange to look at; the message says why."""

    def __init__(self, state: State, message: str) -> None:
        super().__init__(message)
        self.state = state


async def _exchanges(domain: str, timeout: float) -> list[str]:
    """The hosts that take a domain's mail, the preferred ones first."""
    from exporter.evidence import mx  # noqa: PLC0415 - for those who ask by domain

    try:
        found = await mx.exchanges(domain, timeout=timeout)
    except mx.MxError as error:
        state = State.UNKNOWN if error.reason is Reason.NULL_MX else State.CRITICAL
        raise _NoExchangesError(state, error.detail) from error
    return [exchange.host for exchange in found]


async def _look(
    targets: Sequence[Target],
    trusted: Mapping[str, TrustStore],
    allowed: Sequence[IPv4Network | IPv6Network],
) -> list[Result]:
    """Look with all evidence that can be had: a person wants to know which certificate is missing."""
    async with gathering.sources(allow_networks=allowed) as sources:
        return await once.look(targets, trusted, gathering.evidence(sources))


def _printed(results: Sequence[Result], given: argparse.Namespace) -> Iterator[str]:
    if given.json:
        return _as_json(results)
    return _as_pem(results) if given.pem else _as_report(results, given)


def _as_json(results: Sequence[Result]) -> Iterator[str]:
    import json  # noqa: PLC0415 - for those who want it

    from exporter.publish.document import as_json  # noqa: PLC0415 - as above

    return (json.dumps(as_json(result)) for result in results)


def _as_pem(results: Sequence[Result]) -> Iterator[str]:
    from exporter.publish.document import pem  # noqa: PLC0415 - for those who want it

    for result in results:
        for position, der in enumerate(result.observation.chain):
            facts = result.verdict.chain
            subject = one_line(facts[position].subject) if position < len(facts) else "unreadable"
            yield f"# {one_line(result.target.name)} {position}: {subject}\n{pem(der)}".rstrip()


def _as_report(results: Sequence[Result], given: argparse.Namespace) -> Iterator[str]:
    from exporter.publish.report import report  # noqa: PLC0415 - for those who want it

    color = not given.no_color and _terminal_has_colors()
    for number, result in enumerate(results):
        text = report(result, color=color, transcript=given.transcript)
        yield _spelled(("\n" if number else "") + text.rstrip("\n"))


def _terminal_has_colors() -> bool:
    """NO_COLOR as https://no-color.org has it."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _spelled(text: str) -> str:
    """With plain signs where the terminal has no others."""
    try:
        "✓✗●○│…—".encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return text.translate(_PLAIN_SIGNS)
    return text


def _fail(message: str) -> int:
    print(f"{_PROGRAM}: {one_line(message, 1000)}", file=sys.stderr)
    return State.UNKNOWN


def parser() -> options.Parser:
    """The options of the command and their help texts."""
    parser = options.Parser(prog=_PROGRAM, description=_DESCRIPTION, epilog=_EPILOG, help_status=State.OK)
    parser.add_argument(
        "hosts", nargs="*", metavar="HOST[:PORT]", type=options.checked(hosts.host_and_port),
        help="where to look (port 25, with --tls 465)",
    )  # fmt: skip
    parser.add_argument(
        "--mx", action="append", default=[], metavar="DOMAIN", type=options.checked(hosts.check_name),
        help="look at every host that takes the mail of DOMAIN (may be repeated)",
    )  # fmt: skip
    _add_looking(parser)
    _add_output(parser)
    return parser


def _add_looking(parser: argparse.ArgumentParser) -> None:
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument(
        "--starttls", dest="mode", action="store_const", const=Mode.STARTTLS,
        help="TLS begins with STARTTLS (default, but for port 465)",
    )  # fmt: skip
    mode.add_argument(
        "--tls", dest="mode", action="store_const", const=Mode.TLS, help="TLS begins with the connection"
    )
    parser.add_argument(
        "--name", dest="names", action="append", default=[], metavar="NAME",
        type=options.checked(options.name_or_address),
        help="name that the certificate must carry (default: HOST; may be repeated)",
    )  # fmt: skip
    parser.add_argument(
        "--trust", action="append", default=[], metavar="[LABEL=]PATH",
        help="PEM file or directory, JKS or PKCS#12 file of trusted authorities instead of the system's; "
        "each LABEL is a trust store of its own (may be repeated)",
    )  # fmt: skip
    parser.add_argument(
        "--trust-password-file", metavar="PATH", type=Path,
        help="file with the password of JKS and PKCS#12 files (default: none, then changeit)",
    )  # fmt: skip
    parser.add_argument(
        "--revocation", action=argparse.BooleanOptionalAction, default=True,
        help="find out whether a certificate is revoked: stapled answer, OCSP and CRL (default: yes)",
    )  # fmt: skip
    options.add_evidence(parser)
    options.add_connection(parser, "--ehlo-name")
    parser.add_argument("--all-addresses", action="store_true", help="look at every address of a name")
    parser.add_argument(
        "--timeout", metavar="SECONDS", default=15.0, type=options.checked(options.seconds),
        help="seconds for everything (default: 15)",
    )  # fmt: skip


def _add_output(parser: argparse.ArgumentParser) -> None:
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print JSON, one document a line")
    output.add_argument("--pem", action="store_true", help="print the certificates that were sent")
    parser.add_argument("--transcript", action="store_true", help="add the SMTP dialogue to the report")
    parser.add_argument("--no-color", action="store_true", help="no colours")
