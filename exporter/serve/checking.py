"""The check of a running daemon: what `check_smtp_tls --exporter` prints, from results that are there already.

In: the name of a target. Out: the state and the lines of the plugin, as JSON. The thresholds and severities are those
of the configuration here. A result that is too old says nothing about the server of now, and is said to be so.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from aiohttp import web

from exporter.model import Result, State
from exporter.publish import details, nagios, status
from exporter.publish.page.rows import age
from exporter.publish.text import one_line
from exporter.serve import asking
from exporter.serve.service import SERVICE

OVERDUE = 3
"""Intervals after which a result is too old."""
MOST_VERBOSE = 3


def add_routes(app: web.Application) -> None:
    """Serve `/api/v1/check`."""
    app.router.add_get("/api/v1/check", _check)


async def _check(request: web.Request) -> web.Response:
    name, verbose = asking.parameter(request, "target"), asking.parameter(request, "verbose") or "0"
    if not name or not verbose.isascii() or not verbose.isdecimal():
        raise web.HTTPBadRequest(text="Parameters: target=HOST:PORT and perhaps verbose=1 to 3\n")
    entries = request.app[SERVICE].board.find(name)
    if not entries:
        raise web.HTTPNotFound(text=f"Target {one_line(name)} is not configured\n")
    results = [result for entry in entries for result in entry.results]
    state, lines = check(name, results, datetime.now(UTC), min(int(verbose[:3]), MOST_VERBOSE))
    return web.json_response({"state": state.name.lower(), "lines": lines})


def check(name: str, results: Sequence[Result], now: datetime, verbose: int) -> tuple[State, Sequence[str]]:
    """State and output for the results of one target; `now` is aware."""
    if not results:
        return State.UNKNOWN, [status.unknown("it has not been probed yet", name)]
    checked = [
        (result, nagios.worst_first((*nagios.findings(result), *_overdue(result, now)))) for result in results
    ]
    return nagios.overall(checked), [nagios.first_line(checked), *details.long_output(results, verbose)]


def _overdue(result: Result, now: datetime) -> Sequence[nagios.Finding]:
    due = OVERDUE * result.target.interval + result.target.timeout
    if (now - result.time).total_seconds() <= due:
        return []
    words = f"the last probe was {age(now, result.time)} ago"
    return [nagios.Finding("overdue", State.UNKNOWN, words)]
