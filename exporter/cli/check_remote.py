"""`check_smtp_tls --exporter URL`: one request to a running daemon instead of a probe.

Comes in: arguments. Goes out: the daemon's state and lines. Whatever keeps it from answering says nothing about the mail server, and
is UNKNOWN. It imports nothing that speaks TLS to mail servers, since a check starts often.
"""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from exporter.cli import options
from exporter.cli.check_options import parser
from exporter.config import hosts
from exporter.model import IMPLICIT_TLS_PORT, Mode, State
from exporter.publish import nagios

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

_FOR_BOTH = frozenset({"hostname", "port", "mode", "timeout", "verbose", "exporter", "output"})
"""What can be said beside `--exporter`; everything else is the configuration of the daemon."""
_MOST = 1024 * 1024


def check(given: argparse.Namespace) -> tuple[State, list[str]]:
    """Ask the daemon.

    Raises:
        UsageError: an option makes no sense beside `--exporter`, or the URL is none.
    """
    _refuse_others(given)
    seconds, timed_out = given.timeout
    default = IMPLICIT_TLS_PORT if given.mode is Mode.TLS else options.STARTTLS_PORT
    name = hosts.display_name(given.hostname, given.port or default)
    try:
        answer = _ask(given.exporter, f"/api/v1/check?target={quote(name)}&verbose={given.verbose}", seconds)
        return State[str(answer["state"]).upper()], [str(line) for line in answer["lines"]]
    except TimeoutError:
        return timed_out, [nagios.line(timed_out, f"the exporter did not answer within {seconds:g} s", name)]
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
        reason = str(error) or type(error).__name__
        return State.UNKNOWN, [nagios.unknown(f"the exporter cannot be asked: {reason}", name)]


def _refuse_others(given: argparse.Namespace) -> None:
    if not given.hostname:
        raise options.UsageError("--exporter needs -H/--hostname")
    usual = parser()
    for name, value in vars(given).items():
        if name not in _FOR_BOTH and value != usual.get_default(name):
            option = name.replace("_", "-")
            raise options.UsageError(f"--exporter: what --{option} says is in the exporter's configuration")


def _ask(url: str, path: str, seconds: float) -> Mapping[str, Any]:
    """The answer to one request.

    Raises:
        OSError, http.client.HTTPException: nobody answers.
        ValueError: what comes is no answer, or not the one that was hoped for.
    """
    parts = urlsplit(url)
    kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
    if parts.scheme not in kinds or not parts.hostname:
        raise options.UsageError(f"--exporter must be an http or https URL, not {url!r}")
    connection = kinds[parts.scheme](parts.hostname, parts.port, timeout=seconds)
    try:
        connection.request("GET", parts.path.rstrip("/") + path, headers={"Accept": "application/json"})
        response = connection.getresponse()
        body = response.read(_MOST)
    finally:
        connection.close()
    if response.status != 200:
        said = body.decode("utf-8", "replace").strip()
        raise ValueError(f"{response.status} {response.reason}: {said}")
    answer = json.loads(body)
    if not isinstance(answer, dict) or not isinstance(answer.get("lines"), list) or not answer["lines"]:
        raise ValueError("what answered is not an exporter")
    return answer
