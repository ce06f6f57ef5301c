"""The web server, asked over HTTP; probes are played by the test."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gzip
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families

from exporter.config import Config, Module, Probe
from exporter.model import Mode, ProblemKind, Reason, Result, Stage, Target
from exporter.pipeline import NotPermittedError, Refusal, refuse_nothing
from exporter.publish import metrics
from exporter.serve import web as web_server
from exporter.serve.board import Board
from exporter.serve.limits import Gate, Limits
from exporter.serve.service import Service
from exporter.serve.statistics import Statistics
from exporter.serve.web import application
from tests import results

Client = TestClient[Any, Any]
OPEN = Limits().gate

SIX = Target(name="six", host="2001:db8::7", port=587)
OTHER = Target(name="other", host="MX2.example.org", labels=(("site", "fra"),), timeout=7.0)


class Lab:
    """Takes the place of the pipeline, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[Target, float | None]] = []
        self.answer: tuple[Result, ...] = (results.result(),)
        self.hold: asyncio.Event | None = None
        self.begun = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.addresses: dict[str, list[str]] = {}
        """What names resolve to; those that are not here, to a private address."""

    async def __call__(
        self,
        target: Target,
        *,
        previous: Sequence[Result] = (),
        carry: bool = True,
        gate: Gate = OPEN,
        timeout: float | None = None,
        refusal: Refusal = refuse_nothing,
    ) -> tuple[Result, ...]:
        """Examine a target."""
        assert not carry
        assert all(result.target.host == target.host for result in previous)
        if reason := refusal(self.addresses.get(target.host, ["10.0.0.9"])):
            raise NotPermittedError(reason)
        self.asked.append((target, timeout))
        self.begun.set()
        async with gate(target.host):
            try:
                if self.hold:
                    await self.hold.wait()
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
        return tuple(dataclasses.replace(one, target=target) for one in self.answer)


def service(**parts: object) -> Service:
    """A service over three targets."""
    given: dict[str, Any] = {
        "board": Board([results.TARGET, SIX, OTHER]),
        "limits": Limits(),
        "statistics": Statistics(targets=3, config_loaded=True),
        "examine": Lab(),
        "config": Config(path=Path("config.yaml")),
        "modules": {"smtps": lambda target: dataclasses.replace(target, mode=Mode.TLS)},
    }
    return Service(**(given | parts))


@asynccontextmanager
async def serving(given: Service) -> AsyncIterator[Client]:
    """A client of a running server, which asks for and takes answers as they are."""
    server = TestServer(application(given), handler_cancellation=True)
    async with TestClient(server, auto_decompress=False, headers={"Accept-Encoding": "identity"}) as client:
        yield client


@pytest.fixture
def lab() -> Lab:
    """The probes."""
    return Lab()


@pytest.fixture
async def client(lab: Lab) -> AsyncIterator[Client]:
    """A client of a server with three targets."""
    async with serving(service(examine=lab)) as connected:
        yield connected


def samples(text: str) -> Mapping[str, float]:
    """Values by metric name, of those with one series."""
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


# --- /metrics -------------------------------------------------------------------------------------


async def test_metrics_hold_every_result_and_the_exporters_own() -> None:
    """One answer has the board and the exporter itself, in a format that Prometheus names."""
    given = service()
    given.board.put(results.TARGET, [results.result(), results.failed(address="192.0.2.8")])
    async with serving(given) as client:
        response = await client.get("/metrics")
        text = await response.text()
    assert response.status == 200
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert text.count("\nsmtp_tls_probe_success{") == 2
    assert samples(text)["smtp_tls_exporter_targets"] == 3
    assert text.endswith("\n")


PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;"
    "q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
"""What Prometheus 3 sends as Accept."""


@pytest.mark.parametrize("path", ["/metrics", "/probe?target=six"])
async def test_openmetrics_for_whoever_prefers_it(path: str) -> None:
    """The body is what the type says, read back by the strict parser, and has the same series as the text."""
    given = service()
    given.board.put(results.TARGET, [results.result(), results.failed(address="192.0.2.8")])
    async with serving(given) as client:
        response = await client.get(path, headers={"Accept": PROMETHEUS})
        strict = openmetrics_families(await response.text())  # type: ignore[no-untyped-call]
        plain = text_string_to_metric_families(await (await client.get(path)).text())
        kind = response.headers["Content-Type"]
        names, expected = (
            {sample.name for family in families for sample in family.samples} for families in (strict, plain)
        )
    assert kind == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert names == expected


@pytest.mark.parametrize(
    "accept", ["", "*/*", "text/plain", "text/html", "application/openmetrics-text;version=0.0.1"]
)
async def test_text_for_everybody_else(client: Client, accept: str) -> None:
    """Prometheus refuses an answer whose type it did not ask for."""
    response = await client.get("/metrics", headers={"Accept": accept})
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "# EOF" not in await response.text()


@pytest.mark.parametrize(
    ("header", "packed"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("deflate", False),
        ("", False),
        ("gzip;q=0", False),
        ("gzip; q=0.0, identity", False),
    ],
    ids=["gzip", "among-others", "deflate", "none", "refused", "refused-in-full"],
)
async def test_answers_are_compressed_for_whoever_wants_it(lab: Lab, header: str, packed: bool) -> None:
    """The body is the same, packed or not, and caches are told that it depends on the header."""
    given = service(examine=lab)
    given.board.put(results.TARGET, [results.result()])
    async with serving(given) as client:
        for path in ("/metrics", "/probe?target=six"):
            response = await client.get(path, headers={"Accept-Encoding": header})
            body = await response.read()
            assert response.headers.get("Content-Encoding") == ("gzip" if packed else None)
            assert response.headers["Vary"] == "Accept-Encoding"
            assert b"\nsmtp_tls_state{" in (gzip.decompress(body) if packed else body)


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
async def test_metrics_that_cannot_be_finished_fail(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    """A fault in the middle breaks the transfer, so that no client takes half for the whole."""

    def broken(_rendered: object) -> Iterator[str]:
        yield "smtp_tls_state 0\n" * 50_000
        raise RuntimeError("in the middle")

    monkeypatch.setattr(metrics, "exposition", broken)
    async with serving(service()) as client:
        with pytest.raises(aiohttp.ClientPayloadError):
            async with client.get("/metrics", headers={"Accept-Encoding": encoding}) as response:
                await response.read()


async def test_a_large_answer_leaves_room_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tasks run between any two pieces of an answer."""
    order: list[str] = []
    begun = asyncio.Event()

    def pieces(_rendered: object, **_format: object) -> Iterator[str]:
        begun.set()
        for _ in range(100):
            order.append("piece")
            yield "x 1\n"

    async def other() -> None:
        await begun.wait()
        for _ in range(10):
            order.append("other")
            await asyncio.sleep(0)

    monkeypatch.setattr(metrics, "exposition", pieces)
    async with serving(service()) as client, asyncio.TaskGroup() as group:
        group.create_task(other())
        await (await client.get("/metrics")).read()
    assert order.index("other") < 5
    assert order[-1] == "piece"


async def test_the_metrics_may_have_another_path() -> None:
    """`--web.telemetry-path` moves them, and the page's link with them."""
    async with serving(service(telemetry_path="/smtp/metrics")) as client:
        assert (await client.get("/smtp/metrics")).status == 200
        assert (await client.get("/metrics")).status == 404
        assert 'href="/smtp/metrics"' in await (await client.get("/")).text()


# --- /probe ---------------------------------------------------------------------------------------


async def test_a_probe_returns_the_series_of_the_target_alone(client: Client) -> None:
    """It has the names of `/metrics` and those of blackbox_exporter, and nothing about the exporter."""
    response = await client.get("/probe", params={"target": results.TARGET.name})
    found = samples(await response.text())
    assert response.status == 200
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert found["probe_success"] == found["smtp_tls_probe_success"] == 1
    assert {"probe_duration_seconds", "probe_ssl_earliest_cert_expiry", "probe_tls_version_info"} <= set(
        found
    )
    assert not [name for name in found if name.startswith(("smtp_tls_exporter_", "process_", "python_"))]


async def test_a_probe_does_not_touch_the_board(lab: Lab) -> None:
    """`/probe` keeps no state: what it finds is not what the schedule found."""
    given = service(examine=lab)
    async with serving(given) as client:
        await client.get("/probe", params={"target": "six"})
    assert not given.board.rendered()
    assert given.statistics.probes == 1
    assert given.statistics.in_flight == 0


async def test_something_critical_is_no_success(client: Client, lab: Lab) -> None:
    """`probe_success` is 0 although the certificate was obtained."""
    lab.answer = (results.result(results.problem(ProblemKind.EXPIRED)),)
    found = samples(await (await client.get("/probe", params={"target": "six"})).text())
    assert found["probe_success"] == 0
    assert found["smtp_tls_probe_success"] == 1


async def test_a_probe_that_timed_out_is_a_valid_answer(client: Client, lab: Lab) -> None:
    """Prometheus gets a body that says why, not a failed scrape."""
    lab.answer = (results.failed(Stage.GREETING, Reason.TIMEOUT),)
    response = await client.get("/probe", params={"target": "six"})
    text = await response.text()
    assert response.status == 200
    assert samples(text)["probe_success"] == 0
    assert 'stage="greeting",reason="timeout"} 1' in text


@pytest.mark.parametrize(
    ("asked", "host"),
    [
        (results.TARGET.name, results.HOST),
        (f"{results.HOST.upper()}:25", results.HOST),
        (results.HOST, results.HOST),
        (f"{results.HOST}.:25", results.HOST),
        ("six", SIX.host),
        ("[2001:db8::7]:587", SIX.host),
        ("[2001:DB8:0::7]:587", SIX.host),
        ("mx2.example.org", OTHER.host),
    ],
    ids=["name", "upper-case", "no-port", "final-dot", "own-name", "ipv6", "ipv6-long", "case-of-config"],
)
async def test_configured_targets_are_found(client: Client, lab: Lab, asked: str, host: str) -> None:
    """By their name, or by host and port in any spelling; then their own settings count."""
    assert (await client.get("/probe", params={"target": asked})).status == 200
    [(target, _)] = lab.asked
    assert target.host == host


@pytest.mark.parametrize(
    "asked",
    [
        "mx.example.net:25",
        f"{results.HOST}:26",
        "2001:db8::7:587",
        "[2001:db8::7]",
        "127.0.0.1:22",
        "six:587",
        f"{results.HOST}:٢٥",
        f"{results.HOST}:99999",
        "[six",
        "a\nb",
    ],
    ids=str,
)
async def test_other_targets_are_refused(client: Client, lab: Lab, asked: str) -> None:
    """Nobody can make the exporter connect to where it is not configured to."""
    response = await client.get("/probe", params={"target": asked})
    assert response.status == 403
    assert (await response.text()).count("\n") == 1
    assert not lab.asked


ALLOWED = Probe(
    names=("*.contoso.com",), networks=(ip_network("192.0.2.0/24"), ip_network("2001:db8:1::/48"))
)


@pytest.mark.parametrize(
    ("asked", "host", "port", "addresses"),
    [
        ("mx.contoso.com", "mx.contoso.com", 25, ["10.1.2.3", "fd00::1"]),
        ("MX.Contoso.com.:587", "MX.Contoso.com.", 587, ["198.51.99.1"]),
        ("192.0.2.7:465", "192.0.2.7", 465, ["192.0.2.7"]),
        ("[2001:db8:1::7]", "2001:db8:1::7", 25, ["2001:db8:1::7"]),
        ("mail.example.net", "mail.example.net", 25, ["192.0.2.9"]),
        ("[::ffff:192.0.2.7]:25", "::ffff:192.0.2.7", 25, ["::ffff:192.0.2.7"]),
    ],
    ids=["name", "case and port", "address", "IPv6", "name in a network", "mapped"],
)
async def test_allowed_targets(lab: Lab, asked: str, host: str, port: int, addresses: list[str]) -> None:
    """What the rules cover is probed with the settings of the defaults."""
    lab.addresses[host] = addresses
    config = Config(path=Path("c"), probe=ALLOWED, defaults=Module(timeout=3.0))
    async with serving(service(examine=lab, config=config)) as client:
        response = await client.get("/probe", params={"target": asked})
        assert response.status == 200, await response.text()
    [(target, _)] = lab.asked
    assert (target.host, target.port, target.timeout) == (host, port, 3.0)
    assert target.mode is Mode.for_port(port)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("target=127.0.0.1:22", 403),
        ("target=127.0.0.1:25", 403),
        ("target=[::1]:25", 403),
        ("target=[::ffff:169.254.169.254]", 403),
        ("target=169.254.169.254", 403),
        ("target=0x7f000001", 400),
        ("target=2130706433", 400),
        ("target=0177.0.0.1", 400),
        ("target=mx.contoso.com:0", 400),
        ("target=mx.contoso.com:65536", 400),
        ("target=mx.contoso.com:22", 403),
        ("target=mx.contoso.com%0d%0aHost:%20x", 400),
        ("target=mx.contoso.com%00", 400),
        ("target=" + "a" * 5000, 400),
        ("target=" + "a." * 2500 + "contoso.com", 400),
        ("target=mx.contoso.com&target=mx.contoso.com", 400),
        ("target=mx.contoso.com&module=nope", 400),
        ("target=evil.contoso.com", 403),
        ("target=mixed.contoso.com", 403),
        ("target=metadata.contoso.com", 403),
        ("target=contoso.com.example.net", 403),
        ("target=xcontoso.com", 403),
        ("target=http://mx.contoso.com/", 400),
        ("target=me@mx.contoso.com", 400),
    ],
)
async def test_abuse(lab: Lab, query: str, status: int) -> None:
    """Nobody reaches what the rules do not cover, however it is spelled, and nothing is connected to."""
    lab.addresses |= {
        "127.0.0.1": ["127.0.0.1"],
        "::1": ["::1"],
        "::ffff:169.254.169.254": ["::ffff:169.254.169.254"],
        "169.254.169.254": ["169.254.169.254"],
        "evil.contoso.com": ["127.0.0.1"],
        "mixed.contoso.com": ["10.0.0.1", "::1"],
        "metadata.contoso.com": ["169.254.169.254"],
    }
    config = Config(path=Path("c"), probe=ALLOWED)
    async with serving(service(examine=lab, config=config)) as client:
        response = await client.get(f"/probe?{query}")
        text = await response.text()
    assert response.status == status, text
    assert text.count("\n") == 1
    assert len(text) < 1000
    assert not lab.asked


async def test_the_running_configuration_is_shown_without_secrets(lab: Lab) -> None:
    """Comments are gone, and what looks like a secret is starred, wherever somebody has put it."""
    text = """\
# my secret comment
targets:
  - {host: mail.example.org, labels: {api_token: abc}}
  - http_sd: https://cmdb.example.com/smtp.json?key=abc
evidence: {ldap: {server: dc01, bind_dn: CN=x, password_file: ldap.pass}}
"""
    async with serving(service(examine=lab, config=Config(path=Path("c"), text=text))) as client:
        response = await client.get("/config")
        shown = await response.text()
    assert yaml.safe_load(shown) == {
        "targets": [
            {"host": "mail.example.org", "labels": {"api_token": "<secret>"}},
            {"http_sd": "https://cmdb.example.com/smtp.json?<secret>"},
        ],
        "evidence": {"ldap": {"server": "dc01", "bind_dn": "CN=x", "password_file": "ldap.pass"}},
    }
    assert "comment" not in shown


async def test_too_many_probes_at_once(lab: Lab) -> None:
    """Beyond a limit requests are turned away instead of piling up."""
    full = service(examine=lab, asked=web_server.MAX_PROBES)
    async with serving(full) as client:
        response = await client.get("/probe", params={"target": "six"})
        assert (response.status, response.headers["Retry-After"]) == (503, "15")
        assert await response.text() == "Too many probes at once\n"
        assert not lab.asked
        full.asked -= 1
        assert (await client.get("/probe", params={"target": "six"})).status == 200
    assert full.asked == web_server.MAX_PROBES - 1


async def test_a_busy_schedule_turns_no_request_away(lab: Lab) -> None:
    """Thousands of its probes may be waiting for one server that has as many names."""
    busy = service(examine=lab, statistics=Statistics(in_flight=web_server.MAX_PROBES * 3))
    async with serving(busy) as client:
        assert (await client.get("/probe", params={"target": "six"})).status == 200


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "target is missing"),
        ("target=", "target is missing"),
        ("target=six&target=other", "target is given more than once"),
        ("target=six&module=nope", "nope is not configured"),
        ("target=six&module=smtps&module=smtps", "module is given more than once"),
        ("target=six&hostname=b%C3%BCcher.example", "xn-- form"),
        ("target=six&hostname=a%20b", "not a host name"),
    ],
    ids=["none", "empty", "twice", "unknown-module", "two-modules", "u-label", "space"],
)
async def test_bad_requests_are_explained(client: Client, lab: Lab, query: str, words: str) -> None:
    """A mistake in the scrape configuration gets status 400 and a sentence."""
    response = await client.get(f"/probe?{query}")
    assert response.status == 400
    assert words in await response.text()
    assert not lab.asked


async def test_a_module_overrides_what_it_sets(client: Client, lab: Lab) -> None:
    """The rest of the target's settings stays."""
    await client.get("/probe", params={"target": "other", "module": "smtps"})
    [(target, _)] = lab.asked
    assert target == dataclasses.replace(OTHER, mode=Mode.TLS)


@pytest.mark.parametrize(
    ("hostname", "names", "sni"),
    [
        ("mail.example.org", ("mail.example.org",), "mail.example.org"),
        ("192.0.2.99", ("192.0.2.99",), ""),
        ("2001:DB8::99", ("2001:db8::99",), ""),
    ],
    ids=["name", "ipv4", "ipv6"],
)
async def test_hostname_replaces_names_and_sni(
    client: Client, lab: Lab, hostname: str, names: tuple[str, ...], sni: str
) -> None:
    """The certificate is asked for and judged by that name; an address is never sent as SNI."""
    await client.get("/probe", params={"target": results.TARGET.name, "hostname": hostname})
    [(target, _)] = lab.asked
    assert (target.names, target.sni) == (names, sni)


@pytest.mark.parametrize(
    ("header", "expected"),
    [(None, 7.0), ("10", 9.5), ("30.5", 30.0), ("0.6", 0.3)],
    ids=["none", "whole", "fraction", "very-short"],
)
async def test_the_scrape_timeout_bounds_the_probe(
    client: Client, lab: Lab, header: str | None, expected: float
) -> None:
    """Prometheus' timeout less the offset, the target's own without one, and never nothing."""
    headers = {"X-Prometheus-Scrape-Timeout-Seconds": header} if header else {}
    await client.get("/probe", params={"target": "other"}, headers=headers)
    [(_, timeout)] = lab.asked
    assert timeout == pytest.approx(expected)


@pytest.mark.parametrize("header", ["soon", "", "nan", "inf", "-1", "0"], ids=str)
async def test_a_timeout_that_is_none_is_refused(client: Client, lab: Lab, header: str) -> None:
    """A header that cannot be understood is an error, not a guess."""
    headers = {"X-Prometheus-Scrape-Timeout-Seconds": header}
    assert (await client.get("/probe", params={"target": "six"}, headers=headers)).status == 400
    assert not lab.asked


async def test_debug_tells_what_the_probe_did(client: Client, lab: Lab) -> None:
    """The dialogue, the stages, the metrics that would have been returned, and the settings."""
    lab.answer = (results.result(results.problem(ProblemKind.EXPIRED, "it expired \x1b[31m")),)
    response = await client.get("/probe", params={"target": "other", "debug": "true"})
    text = await response.text()
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    for words in (
        "Logs for the probe:",
        "C: STARTTLS",
        "S: 220 2.0.0 SMTP server ready",
        "stage handshake: 200.0 ms",
        "critical expired: it expired \\x1b[31m",
        "Metrics that would have been returned:",
        "\nprobe_success 0\n",
        "Settings of the target",
        "host: MX2.example.org",
        "timeout: 7.0",
    ):
        assert words in text
    assert "\x1b" not in text


async def test_debug_explains_a_failure(client: Client, lab: Lab) -> None:
    """Without a certificate the log still says how far the probe came."""
    lab.answer = (results.failed(Stage.CONNECT, Reason.CONNECTION_REFUSED, "by the peer"),)
    text = await (await client.get("/probe", params={"target": "six", "debug": "true"})).text()
    assert "failed at stage connect: connection_refused by the peer" in text


async def test_probes_keep_to_the_limits(lab: Lab) -> None:
    """A server that the schedule is connected to is not connected to a second time."""
    limits = Limits()
    given = service(examine=lab, limits=limits)
    async with serving(given) as client:
        async with limits.gate(SIX.host):
            asking = asyncio.create_task(client.get("/probe", params={"target": "six"}))
            await lab.begun.wait()
            assert not asking.done()
        assert (await asking).status == 200


async def test_a_client_that_goes_away_ends_its_probe(lab: Lab) -> None:
    """A scrape that Prometheus gave up does not go on connecting."""
    lab.hold = asyncio.Event()
    given = service(examine=lab)
    async with serving(given) as client:
        asking = asyncio.create_task(client.get("/probe", params={"target": "six"}))
        await lab.begun.wait()
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking
        await lab.cancelled.wait()
    assert given.statistics.in_flight == 0


# --- the rest -------------------------------------------------------------------------------------


async def test_the_overview_is_html_and_safe() -> None:
    """The page names the targets, links to the metrics, and carries a policy without inline code."""
    given = service()
    given.board.put(results.TARGET, [results.result(results.problem(ProblemKind.EXPIRED))])
    async with serving(given) as client:
        response = await client.get("/")
        text = await response.text()
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert results.TARGET.name in text
    assert 'href="/metrics"' in text
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_style_sheet_of_the_page_exists(client: Client) -> None:
    """What the page links to is served with the type that browsers insist on."""
    response = await client.get("/style.css")
    assert response.status == 200
    assert response.headers["Content-Type"].startswith("text/css")


async def test_ready_only_when_the_schedule_has_started() -> None:
    """A load balancer sends no scrape before there can be results; alive it is all the time."""
    given = service()
    async with serving(given) as client:
        assert (await client.get("/-/ready")).status == 503
        assert (await client.get("/-/healthy")).status == 200
        given.ready = True
        assert (await client.get("/-/ready")).status == 200


PATHS = ["/", "/metrics", "/probe?target=six", "/-/healthy", "/-/ready", "/style.css"]


@pytest.mark.parametrize("path", PATHS, ids=str)
async def test_head_is_answered_without_a_body(path: str) -> None:
    """Checks of load balancers use HEAD."""
    async with serving(service(ready=True)) as client:
        response = await client.head(path)
        assert response.status == 200
        assert await response.read() == b""


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", PATHS, ids=str)
async def test_other_methods_are_not_allowed(client: Client, path: str, method: str) -> None:
    """Nothing here can be changed over HTTP."""
    response = await client.request(method, path)
    assert response.status == 405
    assert "GET" in response.headers["Allow"]


async def test_errors_carry_the_security_headers_too(client: Client) -> None:
    """Also what nobody asked for is sent with the policy."""
    response = await client.get("/nothing")
    assert response.status == 404
    assert "Content-Security-Policy" in response.headers
    assert response.headers["Server"] == "smtp-tls-exporter"
