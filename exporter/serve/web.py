"""The web server's routes.

In: HTTP requests. Out: the board as metrics or as a page, single probes, and the state of the daemon. It must
not decide anything about certificates, and it answers the same for GET and HEAD; other methods get 405, but for the request to reload.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Iterator

from aiohttp import hdrs, web
from prometheus_client.exposition import choose_encoder

from exporter.config.shown import shown
from exporter.pipeline import NotPermittedError, refuse_nothing
from exporter.publish import metrics
from exporter.publish.compatible import compatible
from exporter.publish.text import one_line
from exporter.serve import answers, api, asking, checking, debug, listing, own_metrics, pages
from exporter.serve.access import Handler
from exporter.serve.board import Entry
from exporter.serve.service import SERVICE, Service

TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8"
"""Prometheus 3 refuses an answer without a content type that it knows."""

OPENMETRICS_FORMAT = "application/openmetrics-text; version=1.0.0; charset=utf-8"
END = "# EOF\n"
MAX_PROBES = 2000
"""Requests to /probe that may wait at the same time."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # without any, a form on our own page would have no origin
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""Sent with every answer."""


def application(service: Service) -> web.Application:
    """The application with all of its routes."""
    app = web.Application(middlewares=[_guard])
    app[SERVICE] = service
    own = own_metrics.registry(service.statistics)

    async def metrics_handler(request: web.Request) -> web.StreamResponse:
        def pieces() -> Iterator[str | bytes]:
            yield from metrics.exposition(service.board.rendered(), openmetrics=openmetrics)
            yield own_metrics.exposition(own, openmetrics=openmetrics)

            if openmetrics:
                yield END

        openmetrics = wants_openmetrics(request)
        content_type = OPENMETRICS_FORMAT if openmetrics else TEXT_FORMAT
        return await answers.stream(request, content_type, pieces())

    pages.add_routes(app)
    app.router.add_get(service.telemetry_path, metrics_handler)
    app.router.add_get("/probe", _probe)
    app.router.add_get("/sd", _service_discovery)
    app.router.add_get("/config", _config)
    for method in (hdrs.METH_POST, hdrs.METH_PUT):
        app.router.add_route(method, "/-/reload", _reload)
    api.add_routes(app)
    checking.add_routes(app)
    app.router.add_get("/-/healthy", _healthy)
    app.router.add_get("/-/ready", _ready)
    app.on_response_prepare.append(_add_headers)
    return app


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    access = request.app[SERVICE].access
    return await (access.guard(request, handler) if access else handler(request))


def wants_openmetrics(request: web.Request) -> bool:
    """Whether the Accept header prefers OpenMetrics 1.0 to the text format."""
    return _prefers_openmetrics(request.headers.get(hdrs.ACCEPT, ""))


@functools.lru_cache(maxsize=64)
def _prefers_openmetrics(accept: str) -> bool:
    return choose_encoder(accept)[1].startswith("application/openmetrics-text")


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    access = request.app[SERVICE].access
    response.headers.update({**HEADERS, **(access.current().headers if access else {})})
    response.headers[hdrs.SERVER] = "smtp-tls-exporter"


async def _probe(request: web.Request) -> web.StreamResponse:
    service = request.app[SERVICE]
    question = asking.read(request, service)
    started = time.monotonic()
    if service.asked >= MAX_PROBES:
        raise web.HTTPServiceUnavailable(text="Too many probes at once\n", headers={hdrs.RETRY_AFTER: "15"})
    last = service.recent.get(question.target)
    service.asked += 1
    service.statistics.in_flight += 1
    try:
        results = await service.examine(
            question.target,
            previous=last.results,
            carry=False,
            gate=service.limits.gate,
            timeout=question.timeout,
            refusal=question.permission.refusal if question.permission else refuse_nothing,
        )
    except NotPermittedError as error:
        raise web.HTTPForbidden(text=f"Target {one_line(question.target.name)}: {error}\n") from error
    finally:
        service.asked -= 1
        service.statistics.in_flight -= 1
    service.statistics.finished(results)
    rendered = metrics.render_all(results, known=last.by_address)
    service.recent.put(Entry(question.target, results, rendered))
    body = compatible(results, time.monotonic() - started)
    body += "".join(metrics.exposition(rendered))
    if question.debug:
        return web.Response(text=debug.explain(question.target, results, body))
    openmetrics = wants_openmetrics(request)
    content_type = OPENMETRICS_FORMAT if openmetrics else TEXT_FORMAT
    return answers.whole(request, content_type, body + END if openmetrics else body)


async def _service_discovery(request: web.Request) -> web.Response:
    targets = [entry.target for entry in request.app[SERVICE].board.entries()]
    return web.json_response(listing.groups(targets))


async def _config(request: web.Request) -> web.Response:
    config = request.app[SERVICE].config
    return web.Response(text=await asyncio.to_thread(shown, config.text))


async def _reload(request: web.Request) -> web.Response:
    """As in Prometheus; what another site makes a browser send does not count."""
    service = request.app[SERVICE]
    pages.refuse_other_sites(request)
    if service.reload is None:
        raise web.HTTPServiceUnavailable(text="There is no configuration to read\n")
    if messages := await service.reload():
        text = "".join(f"{one_line(message, 1000)}\n" for message in messages)
        return web.Response(status=500, text=f"The old configuration stays:\n{text}")
    return web.Response(text="Reloaded\n")


async def _healthy(_request: web.Request) -> web.Response:
    return web.Response(text="Healthy\n")


async def _ready(request: web.Request) -> web.Response:
    if request.app[SERVICE].ready:
        return web.Response(text="Ready\n")
    return web.Response(status=503, text="Not ready: the schedule has not started\n")
