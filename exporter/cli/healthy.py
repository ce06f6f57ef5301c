"""`smtp-tls-exporter healthy`: asks the exporter that runs on this machine whether it is well, as the health check of a container does.

Comes in: an address. Goes out: a line and the exit status, 0 or 1. An exporter that wants a password answers, and so lives; whose certificate it shows is not
looked at, since nothing is told to it or believed but that it lives.
"""

from __future__ import annotations

import argparse
import http.client
import ssl
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = "smtp-tls-exporter healthy"
_SECONDS = 4.0
_ALIVE = frozenset({200, 401})


def main(argv: Sequence[str] | None = None) -> int:
    """Ask; returns the exit status."""
    url = parser().parse_args(argv).url
    try:
        status = _status(url)
    except (OSError, http.client.HTTPException) as error:
        print(f"{url} does not answer: {str(error) or type(error).__name__}", file=sys.stderr)
        return 1
    alive = status in _ALIVE
    print(f"{url} answers with {status}", file=sys.stdout if alive else sys.stderr)
    return 0 if alive else 1


def parser() -> argparse.ArgumentParser:
    """The one argument and its help text."""
    made = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Ask a running exporter whether it is well, for the health check of a container.",
        epilog="Exit status: 0 when it answers, also when it wants a password; 1 when it does not.",
        allow_abbrev=False,
    )
    made.add_argument(
        "url", nargs="?", default="http://127.0.0.1:10465", type=_checked, metavar="URL",
        help="where it listens (default: http://127.0.0.1:10465)",
    )  # fmt: skip
    return made


def _checked(text: str) -> str:
    try:
        parts = urlsplit(text)
        sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        raise argparse.ArgumentTypeError(f"{text!r} is not an http or https URL")
    return text


def _status(url: str) -> int:
    """The status of one answer. The environment's proxies are not asked."""
    parts = urlsplit(url)
    connection = _connection(parts.scheme, parts.hostname or "", parts.port)
    try:
        connection.request("GET", parts.path.rstrip("/") + "/-/healthy")
        return connection.getresponse().status
    finally:
        connection.close()


def _connection(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=_SECONDS)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return http.client.HTTPSConnection(host, port, timeout=_SECONDS, context=context)
