"""The options of `check_smtp_tls`: text in, checked values out."""

from __future__ import annotations

import re

from exporter import hosts
from exporter.cli import options
from exporter.words import Mode, State

TYPE_CHECKING = False  # as in process.py

if TYPE_CHECKING:
    import argparse
    from typing import Any

    from exporter.model import Threshold

PROGRAM = "check_smtp_tls"
_DESCRIPTION = "Check the certificate of an SMTP server, and say everything that is wrong with it."
_EPILOG = """\
DAYS are the days that must be left: a number is the minimum (21), a range is as in the monitoring
plugins' guidelines (@0:7, ~:90), a percentage is a share of the certificate's lifetime (25%).

Exit status: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN. A server that cannot be reached, resolved or
spoken to is CRITICAL. Wrong usage, --help and --version exit with 3.
"""
_MAX_DAYS = 100_000
_MAX_RANGE = 24  # characters: what is given comes back in the performance data


def parser() -> options.Parser:
    """The options of the plugin and their help texts."""
    made = options.Parser(prog=PROGRAM, description=_DESCRIPTION, epilog=_EPILOG, help_status=State.UNKNOWN)
    made.add_version("-V", "--version")
    made.add_argument("-v", "--verbose", action="count", default=0, help="say more, up to -vvv")
    made.add_argument(
        "--output", choices=["nagios", "checkmk"], default="nagios",
        help="print the line of a monitoring plugin, or that of a local check of Checkmk (default: nagios)",
    )  # fmt: skip
    _add_server(made)
    _add_expectations(made)
    _add_revocation(made)
    _add_limits(made)
    return made


def _add_server(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the server")
    group.add_argument(
        "-H", "--hostname", metavar="HOST",
        type=options.checked(hosts.bare_host), help="name or IP address to connect to",
    )  # fmt: skip
    group.add_argument(
        "--mx", metavar="DOMAIN", type=options.checked(hosts.check_name),
        help="check every host that takes the mail of DOMAIN instead of HOST; the worst state counts",
    )  # fmt: skip
    group.add_argument(
        "--exporter", metavar="URL",
        help="ask a running smtp-tls-exporter for what it knows of HOST and port, instead of probing",
    )  # fmt: skip
    group.add_argument(
        "--all-addresses", action="store_true",
        help="check every address of a name, not the first; the worst state counts",
    )  # fmt: skip
    add = group.add_argument
    add(
        "-p", "--port", type=options.checked(hosts.port),
        help="TCP port (default: 25, with --tls 465)",
    )  # fmt: skip
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument(
        "-S", "--starttls", dest="mode", action="store_const", const=Mode.STARTTLS,
        help="TLS begins with STARTTLS (default, but for port 465)",
    )  # fmt: skip
    mode.add_argument(
        "-s", "--tls", dest="mode", action="store_const", const=Mode.TLS,
        help="TLS begins with the connection",
    )  # fmt: skip
    options.add_connection(parser, "-F", "--fqdn")


def _add_expectations(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("the certificate").add_argument
    add(
        "-n", "--name", dest="names", action="append", default=[], metavar="NAME",
        type=options.checked(options.name_or_address),
        help="name that the certificate must carry (default: HOST; may be repeated)",
    )  # fmt: skip
    add(
        "-r", "--rootcert", action="append", default=[], metavar="[LABEL=]PATH",
        help="PEM file or directory, JKS or PKCS#12 file of trusted authorities instead of the system's; "
        "each LABEL is a trust store of its own (may be repeated)",
    )  # fmt: skip
    add(
        "--fingerprint", metavar="HEX", type=options.checked(_fingerprint),
        help="SHA-1 or SHA-256 that the certificate must have",
    )  # fmt: skip
    add("--allow-self-signed", action="store_true", help="a self-signed certificate is no problem")
    add("--no-hostname", action="store_true", help="any name will do")
    add("--no-chain", action="store_true", help="do not judge the chain of trust")


def _add_revocation(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("revocation")
    group.add_argument(
        "--revocation", action="store_true",
        help="find out whether a certificate is revoked: stapled answer, OCSP and CRL",
    )  # fmt: skip
    group.add_argument(
        "--cache-dir", metavar="PATH",
        help="directory in which answers and lists are kept from one check to the next",
    )  # fmt: skip
    options.add_evidence(group)


def _add_limits(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("limits").add_argument
    days: Any = options.checked(_threshold)
    add("-w", "--warning", metavar="DAYS", type=days, help="warn when fewer are left (default: 21)")
    add("-c", "--critical", metavar="DAYS", type=days, help="critical when fewer are left (default: 7)")
    add(
        "-D", "--certificate", metavar="WARN[,CRIT]", type=options.checked(_thresholds),
        help="both at once, as check_smtp spells it; CRIT is 0 when it is left out",
    )  # fmt: skip
    seconds: Any = options.checked(_response_range)
    add("--response-warning", metavar="SECONDS", type=seconds, help="warn when the probe takes longer")
    add("--response-critical", metavar="SECONDS", type=seconds, help="critical when it takes longer")
    add(
        "-t", "--timeout", metavar="SEC[:STATE]", default=(15.0, State.CRITICAL),
        type=options.checked(_timeout),
        help="seconds for everything, and the state when they are over (default: 15:critical)",
    )  # fmt: skip


def _threshold(text: str) -> Threshold:
    from exporter.model import Threshold  # noqa: PLC0415 - an exporter that is asked has its own

    if share := re.fullmatch(r"(\d{1,3}(?:\.\d{1,6})?)%", text, re.ASCII):
        if float(share[1]) > 100:
            raise ValueError(f"must be at most 100%, not {text!r}")
        return Threshold(float(share[1]) / 100, ratio=True)
    if re.fullmatch(r"-?\d{1,6}(\.\d{1,6})?", text, re.ASCII):
        return Threshold(float(text))
    allowed = _range(text, "days (21), a range of days (@0:7) or a share of the lifetime (25%)")
    return Threshold(float(allowed.start), float(allowed.end), inside=allowed.invert)


def _thresholds(text: str) -> tuple[Threshold, Threshold]:
    warning, _, critical = text.partition(",")
    return _threshold(warning), _threshold(critical or "0")


def _response_range(text: str) -> Any:  # noqa: ANN401 - nagiosplugin has no types
    return _range(text, "seconds (5) or a range of seconds (0.5:5)")


def _range(text: str, wanted: str) -> Any:  # noqa: ANN401 - nagiosplugin has no types
    """A range of the monitoring plugins' guidelines."""
    from nagiosplugin import Range  # type: ignore[import-untyped]  # noqa: PLC0415 - untyped; 8 ms that few pay

    try:
        if not text or len(text) > _MAX_RANGE:
            raise ValueError(text)
        return Range(text)
    except ValueError as error:
        raise ValueError(f"must be {wanted}, not {text[:80]!r}") from error


def _timeout(text: str) -> tuple[float, State]:
    amount, colon, name = text.partition(":")
    names = {state.name.lower(): state for state in State} | {str(int(state)): state for state in State}
    state = names.get(name.lower()) if colon else State.CRITICAL
    if state is None:
        raise ValueError(f"the state must be ok, warning, critical, unknown or 0 to 3, not {name!r}")
    return options.seconds(amount), state


def _fingerprint(text: str) -> str:
    digest = re.sub(r"[\s:]", "", text).upper()
    if not re.fullmatch(r"[0-9A-F]{40}|[0-9A-F]{64}", digest):
        raise ValueError("must be the 40 hexadecimal digits of a SHA-1 or the 64 of a SHA-256")
    return digest
