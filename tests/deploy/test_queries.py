"""A real Prometheus scrapes the demo as the example says; every query and rule runs on it."""

from __future__ import annotations

import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from exporter.demo import Demo
from tests.deploy.copied import DEPLOY, RULES, queries, records, rules
from tests.processes import free_ports, running, wait_until
from tests.programs import program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.servers

CASES = Demo.cases
BROKEN = {case.name for case in CASES if case.problems}
VARIABLES = {"$job": "smtp-tls", "$instance": ".+", "$target": ".+", "$__rate_interval": "1m"}
ALWAYS_EMPTY = {
    "SmtpTlsExporterDown", "SmtpTlsExporterAbsent", "SmtpTlsTargetStale", "SmtpTlsTargetVanished",
    "SmtpTlsReloadFailed", "SmtpTlsCertificateChanged",
}  # fmt: skip
"""Alerts about changes, of which there are none here, and about the monitoring itself, which works."""


class Prometheus:
    """A running server. Asks it by HTTP."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}"

    def ready(self) -> bool:
        """Whether it answers queries yet."""
        try:
            with urllib.request.urlopen(f"{self._url}/-/ready", timeout=30) as answer:
                return bool(answer.status == HTTPStatus.OK)
        except urllib.error.HTTPError as error:
            error.close()
            return False

    def ask(self, path: str, **parameters: str) -> Any:  # noqa: ANN401 - JSON
        """The data of one answer of its API."""
        url = f"{self._url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)["data"]

    def vector(self, expression: str) -> list[dict[str, Any]]:
        """The series of an instant query."""
        found: list[dict[str, Any]] = self.ask("query", query=expression)["result"]
        return found

    def matrix(self, expression: str) -> list[dict[str, Any]]:
        """The series of a query over the last minute."""
        now = float(self.ask("query", query="time()")["result"][1])
        span = {"start": str(now - 60), "end": str(now), "step": "1"}
        found: list[dict[str, Any]] = self.ask("query_range", query=expression, **span)["result"]
        return found


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus with the example's job and the rules, once it has seen every server of the demo."""
    here = tmp_path_factory.mktemp("prometheus")
    server = program("prometheus")
    exporter_port, port = free_ports(2)
    flags = ["--demo", f"--web.listen-address=127.0.0.1:{exporter_port}"]
    with running([sys.executable, "-m", "exporter", *flags], log=here / "exporter.log") as exporter:
        exporter.wait_for_port(exporter_port)
        command: list[str | Path] = [
            server,
            f"--config.file={_configuration(here, exporter_port)}",
            f"--storage.tsdb.path={here / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        with running(command, log=here / "prometheus.log") as scraping:
            scraping.wait_for_port(port)
            asking = Prometheus(port)
            wait_until(asking.ready, "Prometheus to have read its storage")
            for job in ("smtp-tls", "smtp-tls-probe"):
                _wait_for_targets(asking, job)
            yield asking


def _wait_for_targets(asking: Prometheus, job: str) -> None:
    states = f'smtp_tls_state{{job="{job}"}}'
    wait_until(lambda: len(asking.vector(states)) == len(CASES), f"{job} to see every target")


def _configuration(here: Path, exporter_port: int) -> Path:
    """Both examples with the address, the targets and the pace of this test, as their heads say to adapt them."""
    jobs = [job for name in ("scrape-metrics.yml", "scrape-probe.yml") for job in _jobs(name, exporter_port)]
    for job in jobs:
        probing = job.get("metrics_path") == "/probe"
        job["scrape_interval"] = job["scrape_timeout"] = "5s" if probing else "1s"
        if probing:
            job["static_configs"] = [{"targets": [case.name for case in CASES]}]
    adapted = {
        "global": {"evaluation_interval": "1s"},
        "rule_files": [str(_rules_at_once(here))],
        "scrape_configs": jobs,
    }
    path = here / "prometheus.yml"
    path.write_text(yaml.safe_dump(adapted), encoding="utf-8")
    return path


def _rules_at_once(here: Path) -> Path:
    """The rules, each alert firing without the time for which it waits."""
    path = here / "rules.yml"
    text = RULES.read_text(encoding="utf-8")
    path.write_text(re.sub(r"^( +for:) \w+$", r"\1 0s", text, flags=re.MULTILINE), encoding="utf-8")
    return path


def _jobs(name: str, exporter_port: int) -> list[dict[str, Any]]:
    example = (DEPLOY / "prometheus" / name).read_text(encoding="utf-8")
    content = yaml.safe_load(example.replace("127.0.0.1:10465", f"127.0.0.1:{exporter_port}"))
    found: list[dict[str, Any]] = content["scrape_configs"]
    return found


@pytest.mark.parametrize(("title", "expression"), queries().items(), ids=list(queries()))
def test_every_query_of_the_dashboards_has_an_answer(
    title: str, expression: str, prometheus: Prometheus
) -> None:
    """Each panel shows something of the demo, now and over time."""
    for variable, value in VARIABLES.items():
        expression = expression.replace(variable, value)
    wait_until(lambda: prometheus.vector(expression), title)  # a rate needs a second sample
    assert prometheus.matrix(expression), title


def test_the_counts_are_those_of_the_demo(prometheus: Prometheus) -> None:
    """Of the demo's servers, as many are ok as have no problem; the worst are at the top of the expiry table."""
    ok = queries()["smtp-tls-fleet: Ok"]
    table = queries()["smtp-tls-fleet: Soonest expiry"]
    for variable, value in VARIABLES.items():
        ok, table = ok.replace(variable, value), table.replace(variable, value)
    assert float(prometheus.vector(ok)[0]["value"][1]) == sum(not case.problems for case in CASES)
    soonest = prometheus.vector(table)
    assert len(soonest) == sum(case.leaf is not None for case in CASES)
    assert all(series["metric"]["issuer"] and series["metric"]["subject"] for series in soonest)


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_every_rule_finds_what_the_demo_has(rule: dict[str, Any], prometheus: Prometheus) -> None:
    """A problem's alert is about exactly the servers of the demo that have the problem."""
    wait_until(
        lambda: _targets("smtp_tls:problem:known", prometheus) == BROKEN, "what is known to be recorded"
    )
    found = _targets(rule["expr"], prometheus)
    if rule["alert"] in ALWAYS_EMPTY:
        assert not found
    elif rule["alert"] == "SmtpTlsExpiresVerySoon":
        assert found == {case.name for case in CASES if "expires_soon" in case.problems}
    else:
        assert found == {case.name for case in CASES if _kind(rule) in case.problems}


def _targets(expression: str, prometheus: Prometheus) -> set[str | None]:
    return {series["metric"].get("target") for series in prometheus.vector(expression)}


def _kind(rule: dict[str, Any]) -> str:
    return str(rule["expr"]).split('problem="')[1].split('"')[0]


def test_both_ways_say_the_same(prometheus: Prometheus) -> None:
    """Through /probe each target has the problems that it has on /metrics, and is its own instance."""
    by_metrics, by_probe = (
        {(one["metric"]["target"], one["metric"]["problem"]) for one in found}
        for found in map(prometheus.vector, (_problems("smtp-tls"), _problems("smtp-tls-probe")))
    )
    assert by_metrics == by_probe == {(case.name, kind) for case in CASES for kind in case.problems}
    probed = prometheus.vector('smtp_tls_state{job="smtp-tls-probe"}')
    assert all(one["metric"]["instance"] == one["metric"]["target"] for one in probed)


def _problems(job: str) -> str:
    return f'smtp_tls_problem{{job="{job}"}} == 1'


def test_the_exporter_itself_is_seen_once(prometheus: Prometheus) -> None:
    """The third job of the examples takes what the exporter says about itself, and nothing about targets."""
    everything = 'count by (__name__) ({job="smtp-tls-exporter",__name__!~"up|scrape_.*"})'
    names = wait_until(lambda: prometheus.vector(everything), "the exporter's own metrics")
    kept = {one["metric"]["__name__"] for one in names}
    assert "smtp_tls_exporter_targets" in kept
    assert not any(
        name.startswith("smtp_tls_") and not name.startswith("smtp_tls_exporter_") for name in kept
    )


def test_prometheus_evaluates_the_rules(prometheus: Prometheus) -> None:
    """Prometheus loads all rules and has no fault with any of them."""

    def health() -> dict[str, str]:
        loaded = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
        return {rule["name"]: rule["health"] for rule in loaded}

    wait_until(lambda: "unknown" not in health().values(), "an evaluation of every rule")
    names = [*records(), *(rule["alert"] for rule in rules())]
    assert health() == dict.fromkeys(names, "ok")


@pytest.mark.parametrize("name", list(records()))
def test_every_recorded_metric_has_series(name: str, prometheus: Prometheus) -> None:
    """Each recording rule records something of the demo."""
    assert wait_until(lambda: prometheus.vector(name), name)


def test_exactly_the_expected_alerts_fire(prometheus: Prometheus) -> None:
    """Each server of the demo raises the alerts of its problems, on both ways, and nothing else fires."""
    expected = {
        (_alert(kind), job, case.name)
        for case in CASES
        for kind in (*case.problems, *(["expires_very_soon"] if "expires_soon" in case.problems else []))
        for job in ("smtp-tls", "smtp-tls-probe")
    }

    def firing() -> set[tuple[str, str, str]]:
        alerts = prometheus.ask("alerts")["alerts"]
        labels = [alert["labels"] for alert in alerts if alert["state"] == "firing"]
        return {(one["alertname"], one.get("job", ""), one.get("target", "")) for one in labels}

    wait_until(lambda: expected <= firing(), "every expected alert")
    assert firing() == expected


def _alert(kind: str) -> str:
    return "SmtpTls" + kind.title().replace("_", "")


def test_runbook_links_lead_to_runbooks(prometheus: Prometheus) -> None:
    """The last part of each link of the target's dashboard is an anchor of the runbooks."""
    expression = queries()["smtp-tls-target: Problems"]
    for variable, value in VARIABLES.items():
        expression = expression.replace(variable, value)
    found = {one["metric"]["problem"]: one["metric"]["runbook"] for one in prometheus.vector(expression)}
    assert found == {kind: _alert(kind).lower() for case in CASES for kind in case.problems}
