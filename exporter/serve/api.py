"""The board as JSON for programs, under `/api/v1`.

In: requests for all targets, for those of a name, or for one by its id. Out: documents of schema 1. A large
answer is made target by target, since the chains of ten thousand take a hundred megabytes. It must not
interpret a result.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from aiohttp import web

from exporter.publish.document import as_json, moment
from exporter.publish.text import well_formed
from exporter.serve import answers, asking
from exporter.serve.board import Entry
from exporter.serve.history import Past
from exporter.serve.service import SERVICE

CONTENT_TYPE = "application/json"

SCHEMA = 1


def add_routes(app: web.Application) -> None:
    """Serve `/api/v1/targets` and `/api/v1/targets/{id}`."""
    app.router.add_get("/api/v1/targets", _targets)
    app.router.add_get("/api/v1/targets/{id}", _target)


async def _targets(request: web.Request) -> web.StreamResponse:
    entries: Iterable[Entry] = request.app[SERVICE].board.entries()
    if "target" in request.query:
        entries = request.app[SERVICE].board.find(asking.parameter(request, "target"))
    return await answers.stream(request, CONTENT_TYPE, _listed(entries))


def _listed(entries: Iterable[Entry]) -> Iterator[str]:
    start = f'{{"schema": {SCHEMA}, "targets": ['
    for entry in entries:
        yield start + json.dumps(_document(entry))
        start = ",\n"
    yield (start if start.startswith("{") else "") + "]}\n"


async def _target(request: web.Request) -> web.StreamResponse:
    entry = request.app[SERVICE].board.entry(request.match_info["id"])
    if entry is None:
        return web.json_response({"error": "no target has this id"}, status=404)
    history = [_past(past) for look in reversed(entry.history) for past in look]
    document = {"schema": SCHEMA, **_document(entry), "history": history}
    return await answers.stream(request, CONTENT_TYPE, [json.dumps(document), "\n"])


def _document(entry: Entry) -> dict[str, Any]:
    target = entry.target
    return {
        "id": target.id,
        "target": well_formed(target.name),
        "labels": {name: well_formed(value) for name, value in target.labels},
        "state": entry.state.name.lower(),
        "results": [as_json(result) for result in entry.results],
    }


def _past(past: Past) -> dict[str, Any]:
    failure = past.failure
    return {
        "time": moment(past.time, "milliseconds"),
        "duration": round(past.duration, 6),
        "address": past.address,
        "state": past.state.name.lower(),
        "failure": failure
        and {"stage": failure.stage, "reason": failure.reason, "detail": well_formed(failure.detail)},
        "problems": list(past.problems),
        "sha1": past.sha1,
        "days_left": past.days_left,
    }
