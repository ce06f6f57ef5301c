"""`check_smtp_tls`: the Nagios and Icinga plugin.

Comes in: arguments. Goes out: one line (and more with `-v`) on standard output, and the state as exit
status. Whatever happens, it is a well-formed line and never a traceback.

It is started every minute for every server. So what probes and what asks a running exporter are imported
by those who want the one or the other.
"""

from __future__ import annotations

from exporter import hosts
from exporter.cli import options, process
from exporter.cli.check_options import PROGRAM, parser
from exporter.publish import status
from exporter.words import Mode, State

TYPE_CHECKING = False  # as in process.py

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the check; returns the exit status."""
    try:
        with process.interruptible(), process.silent_warnings():
            state, lines = _checked(argv)
    except SystemExit:  # --help and --version have printed
        return State.UNKNOWN
    except KeyboardInterrupt as interrupt:
        signal_name = str(interrupt) or "SIGINT"
        state, lines = State.UNKNOWN, [status.unknown(f"interrupted by {signal_name}")]
    return state if process.say("\n".join(lines), "utf-8") else State.UNKNOWN


def _checked(argv: Sequence[str] | None) -> tuple[State, list[str]]:
    try:
        made = parser()
        given = made.parse_args(argv)
        return _as_wanted(given, *_check(given, made))
    except options.UsageError as error:
        return State.UNKNOWN, [status.unknown(f"{error} (see {PROGRAM} --help)")]
    except Exception as error:  # noqa: BLE001 - a plugin answers with a state, whatever happens
        return State.UNKNOWN, [status.unknown(f"internal error: {type(error).__name__}: {error}")]


def _as_wanted(given: argparse.Namespace, state: State, lines: list[str]) -> tuple[State, list[str]]:
    if given.output == "nagios":
        return state, lines
    from exporter.publish import checkmk  # noqa: PLC0415 - for those who ask for it

    mode = "SMTPS" if given.mode is Mode.TLS else "SMTP"
    server = given.mx or (hosts.display_name(given.hostname, given.port) if given.port else given.hostname)
    return state, [checkmk.local_line(state, lines, f"{mode} certificate {server}")]


def _check(given: argparse.Namespace, made: options.Parser) -> tuple[State, list[str]]:
    if given.exporter:
        from exporter.cli import check_remote  # noqa: PLC0415 - for those who ask an exporter

        return check_remote.check(given, made.get_default)
    if not (given.hostname or given.mx):
        raise options.UsageError("the following arguments are required: -H/--hostname, or --mx")
    from exporter.cli import check_probe  # noqa: PLC0415 - 100 ms that only a probe is worth

    return check_probe.check(given)
