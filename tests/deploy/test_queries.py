"""A real Prometheus scrapes the demo as the example says; every query and rule runs on it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.deploy.copied import dashboards, panels, queries, records, rules
from tests.deploy.scraping import CASES
from tests.processes import wait_until

if TYPE_CHECKING:
    from tests.deploy.scraping import Prometheus

pytestmark = pytest.mark.servers

BROKEN = {case.name for case in CASES if case.problems}
VARIABLES = {"$job": "smtp-tls", "$instance": ".+", "$target": ".+", "$__rate_interval": "1m"}
ALWAYS_EMPTY = {
    "SmtpTlsExporterDown", "SmtpTlsExporterAbsent", "SmtpTlsTargetStale", "SmtpTlsTargetVanished",
    "SmtpTlsReloadFailed", "SmtpTlsCertificateChanged",
}  # fmt: skip
"""Alerts about changes, of which there are none here, and about the monitoring itself, which works."""


@pytest.mark.parametrize(("title", "expression"), queries().items(), ids=list(queries()))
def test_every_query_of_the_dashboards_has_an_answer(
    title: str, expression: str, prometheus: Prometheus
) -> None:
    """Each panel shows something of the demo, now and over time."""
    filled = _filled(expression)
    wait_until(lambda: prometheus.vector(filled), title)  # a rate needs a second sample
    assert prometheus.matrix(filled), title


@pytest.mark.parametrize(("title", "expression"), queries().items(), ids=list(queries()))
def test_what_is_empty_says_so(title: str, expression: str, prometheus: Prometheus) -> None:
    """Of a healthy server each panel shows something, too, or says in its description that it is empty when nothing is wrong."""
    filled = _filled(expression, target="healthy")
    if "mpty when" in panels()[title]["description"]:
        assert not prometheus.vector(filled), title
    else:
        assert wait_until(lambda: prometheus.vector(filled), title)


def _filled(expression: str, **chosen: str) -> str:
    """A query with the values of the dashboard's variables."""
    for variable, value in {**VARIABLES, **{f"${name}": text for name, text in chosen.items()}}.items():
        expression = expression.replace(variable, value)
    return expression


@pytest.mark.parametrize("name", dashboards())
def test_variables_have_choices(name: str, prometheus: Prometheus) -> None:
    """The query of each variable is a selector that Prometheus takes, and each label has values to choose from."""
    for variable in dashboards()[name]["templating"]["list"]:
        if variable["type"] == "query":
            wanted = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
            assert wanted
            found = prometheus.vector(_filled(wanted[1]))
            assert {one["metric"][wanted[2]] for one in found}, variable["name"]


def test_the_counts_are_those_of_the_demo(prometheus: Prometheus) -> None:
    """Of the demo's servers, as many are ok as have no problem; the worst are at the top of the expiry table."""
    ok = _filled(queries()["smtp-tls-fleet: Ok"])
    table = _filled(queries()["smtp-tls-fleet: Soonest expiry"])
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
    expression = _filled(queries()["smtp-tls-target: Problems"])
    found = {one["metric"]["problem"]: one["metric"]["runbook"] for one in prometheus.vector(expression)}
    assert found == {kind: _alert(kind).lower() for case in CASES for kind in case.problems}
