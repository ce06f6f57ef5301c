"""`check_smtp_tls --exporter URL`: one request to a running daemon instead of a probe.

Comes in: arguments. Goes out: the daemon's state and lines. Whatever keeps it from answering says nothing about the mail server, and
is UNKNOWN. It imports nothing that speaks TLS to mail servers, since a check starts often.
"""

from __future__ import annotations

import json
from urllib.parse import quote

from exporter import hosts
from exporter.cli import asking, options
from exporter.publish import status
from exporter.words import IMPLICIT_TLS_PORT, Mode, State

TYPE_CHECKING = False  # as in process.py

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping
    from typing import Any

_FOR_BOTH = frozenset({"hostname", "port", "mode", "timeout", "verbose", "exporter", "output"})
"""What can be said beside `--exporter`; everything else is the configuration of the daemon."""


def check(given: argparse.Namespace, default: Callable[[str], Any]) -> tuple[State, list[str]]:
    """Ask the daemon.

    Args:
        given: the options.
        default: the value of an option that is not given.

    Raises:
        UsageError: an option makes no sense beside `--exporter`, or the URL is none.
    """
    _refuse_others(given, default)
    seconds, timed_out = given.timeout
    port = given.port or (IMPLICIT_TLS_PORT if given.mode is Mode.TLS else options.STARTTLS_PORT)
    name = hosts.display_name(given.hostname, port)
    try:
        answer = _ask(given.exporter, f"/api/v1/check?target={quote(name)}&verbose={given.verbose}", seconds)
        return State[str(answer["state"]).upper()], [str(line) for line in answer["lines"]]
    except TimeoutError:
        return timed_out, [status.line(timed_out, f"the exporter did not answer within {seconds:g} s", name)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = str(error) or type(error).__name__
        return State.UNKNOWN, [status.unknown(f"the exporter cannot be asked: {reason}", name)]


def _refuse_others(given: argparse.Namespace, default: Callable[[str], Any]) -> None:
    if not given.hostname:
        raise options.UsageError("--exporter needs -H/--hostname")
    for name, value in vars(given).items():
        if name not in _FOR_BOTH and value != default(name):
            option = name.replace("_", "-")
            raise options.UsageError(f"--exporter: what --{option} says is in the exporter's configuration")


def _ask(url: str, path: str, seconds: float) -> Mapping[str, Any]:
    """The answer to one request.

    Raises:
        OSError: nobody answers.
        ValueError: what comes is no answer, or not the one that was hoped for.
    """
    answer = asking.get(url, path, seconds)
    if answer.status != 200:
        said = answer.body.decode("utf-8", "replace").strip()
        raise ValueError(f"{answer.status} {answer.reason}: {said}")
    found = json.loads(answer.body)
    if not isinstance(found, dict) or not isinstance(found.get("lines"), list) or not found["lines"]:
        raise ValueError("what answered is not an exporter")
    return found
