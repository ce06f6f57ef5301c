"""The pages for people: the overview, one target, its chain as PEM, and "probe now".

In: requests. Out: HTML, which needs no JavaScript. It must not decide anything about certificates.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain, pairwise
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from exporter.publish import page
from exporter.publish.document import pem
from exporter.publish.page.details import Visit
from exporter.publish.page.query import read
from exporter.publish.page.rows import moment
from exporter.publish.text import one_line
from exporter.serve import answers
from exporter.serve.board import Entry
from exporter.serve.history import Look, Past
from exporter.serve.service import SERVICE

HTML = "text/html; charset=utf-8"
SPARED = 10.0
"""Seconds after the last probe during which no other can be asked for."""
PATIENCE = 5.0
"""Seconds for which "probe now" waits for the result."""


def add_routes(app: web.Application) -> None:
    """Serve `/`, `/targets/{id}` and what belongs to them."""
    app.router.add_get("/", _overview)
    app.router.add_get("/style.css", _style_sheet)
    app.router.add_get("/targets/{id}", _target)
    app.router.add_get("/targets/{id}/chain.pem", _chain)
    app.router.add_post("/targets/{id}/probe", _probe_now)


def refuse_other_sites(request: web.Request) -> None:
    """What another site makes a browser send does not count.

    Raises:
        web.HTTPForbidden: it comes from another site.
    """
    origin = request.headers.get(hdrs.ORIGIN)
    foreign = origin is not None and urlsplit(origin).netloc != request.host
    if foreign or request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}:
        raise web.HTTPForbidden(text="Another site asked for this\n")


async def _overview(request: web.Request) -> web.StreamResponse:
    service = request.app[SERVICE]
    entries = service.board.entries()
    pieces = page.overview(
        list(chain.from_iterable(entry.lines for entry in entries)),
        read(request.query.items()),
        datetime.now(UTC),
        target_count=len(entries),
        telemetry_path=service.telemetry_path,
    )
    return await answers.stream(request, HTML, pieces)


async def _style_sheet(_request: web.Request) -> web.Response:
    headers = {hdrs.CACHE_CONTROL: "max-age=300"}
    return web.Response(text=page.style_sheet(), content_type="text/css", headers=headers)


async def _target(request: web.Request) -> web.StreamResponse:
    entry, storage = _entry(request), request.app[SERVICE].storage
    known = await storage.certificates(entry.target.id) if storage else ()
    pieces = page.target_page(
        entry.target,
        entry.results,
        list(visits(entry.history)),
        datetime.now(UTC),
        certificates=[_certificate(*one) for one in known],
        can_probe=bool(entry.target.host),
    )
    return await answers.stream(request, HTML, pieces)


async def _chain(request: web.Request) -> web.Response:
    """The presented chain of one address, the first one's unless another is named."""
    address = request.query.get("address")
    for result in _entry(request).results:
        seen = result.seen or result.observation
        if seen.chain and address in {None, result.observation.address}:
            headers = {
                hdrs.CONTENT_TYPE: "application/x-pem-file",
                hdrs.CONTENT_DISPOSITION: 'attachment; filename="chain.pem"',
            }
            return web.Response(text="".join(map(pem, seen.chain)), headers=headers)
    raise web.HTTPNotFound(text="No chain is known\n")


async def _probe_now(request: web.Request) -> web.Response:
    """Have the target probed, wait a moment for the result, and lead back to its page."""
    refuse_other_sites(request)
    service, entry = request.app[SERVICE], _entry(request)
    last = max((result.time for result in entry.results), default=None)
    if last is not None and (datetime.now(UTC) - last).total_seconds() < SPARED:
        text = f"It was probed less than {SPARED:g} s ago\n"
        raise web.HTTPTooManyRequests(text=text, headers={hdrs.RETRY_AFTER: f"{SPARED:g}"})
    if not service.probe_soon(entry.target.id):
        raise web.HTTPNotFound(text="There is nothing to probe\n")
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while service.board.entry(entry.target.id) is entry and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - the board has no event for one target
        await asyncio.sleep(0.05)
    raise web.HTTPSeeOther(f"/targets/{entry.target.id}")


def _entry(request: web.Request) -> Entry:
    entry = request.app[SERVICE].board.entry(request.match_info["id"])
    if entry is None:
        raise web.HTTPNotFound(text="No target has this id\n")
    return entry


def visits(history: Sequence[Look]) -> Iterator[Visit]:
    """What earlier probes found, the latest first."""
    before = [*pairwise([(), *history])]
    for earlier, look in reversed(before):
        known = {past.address: past.sha1 for past in earlier}
        for past in look:
            last = known.get(past.address)
            yield _visit(past, changed=last is not None and past.sha1 not in {None, last})


def _certificate(address: str, sha1: str, first: str, last: str) -> tuple[str, ...]:
    moments = (moment(datetime.fromisoformat(time)) for time in (first, last))
    return (one_line(address), one_line(sha1), *moments)


def _visit(past: Past, *, changed: bool) -> Visit:
    failed = "" if past.failure is None else f"{past.failure.stage}: {past.failure.reason.replace('_', ' ')}"
    found = [problem.replace("_", " ") for problem in past.problems]
    return Visit(
        time=moment(past.time),
        address=one_line(past.address),
        state=past.state.name.lower(),
        found=one_line("; ".join(filter(None, [", ".join(found), failed]))) or "nothing",
        days="" if past.days_left is None else f"{past.days_left:.0f}",
        thumbprint=past.sha1 or "",
        duration=f"{past.duration:.2f} s",
        changed=changed,
    )
