"""Write the dashboard: `python grafana/build.py` makes smtp-tls-fleet.json beside this file.

In: the panels below. Out: one dashboard in Grafana's classic JSON model, which Grafana 10.4 and later load.
The JSON is what users copy; a test holds that it is what this file makes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from panels import DATASOURCE, Json, Steps, lines, panel, placed, query, series, stat, table, thresholds

OUTPUT = Path(__file__).with_name("smtp-tls-fleet.json")
STATES = (("ok", "green"), ("warning", "yellow"), ("critical", "red"), ("unknown", "gray"))
"""Names and colours of `smtp_tls_state`, by number."""
DAYS: Steps = ((None, "red"), (7, "yellow"), (21, "green"))
"""Colours of days left; they change where the exporter's default thresholds are."""


def overview() -> Iterator[Json]:
    """How many, in which state, and how long."""
    state = series("smtp_tls_state")
    for number, (name, color) in enumerate(STATES):
        heading = (name.capitalize(), f"Addresses of targets whose state is {name}.")
        steps: Steps = ((None, "gray"), (1, color)) if number == 0 else ((None, "green"), (1, color))
        yield stat(heading, f"count({state} == {number}) or vector(0)", 3, steps)
    heading = ("Watched", "Addresses of targets that are watched.")
    yield stat(heading, f"count({state}) or vector(0)", 6, ((None, "gray"), (1, "blue")))
    heading = ("Next expiry", "Days until the first server's own certificate expires; negative after that.")
    yield stat(heading, f"min({series('smtp_tls_cert_days_to_expiry')})", 6, DAYS, unit="d", decimals=1)


def problems_now() -> Json:
    """How many addresses show each problem."""
    made = panel(
        "bargauge",
        ("Problems now", "How many addresses show each problem. Empty when nothing is wrong."),
        query(f"sum by (problem) ({series('smtp_tls_problem')}) > 0", "{{problem}}", instant=True),
        (12, 8),
        min=0,
        decimals=0,
        thresholds=thresholds(((None, "red"),)),
    )
    made["options"] = {"orientation": "horizontal", "reduceOptions": {"calcs": ["lastNotNull"]}}
    return made


def soonest_expiry() -> Json:
    """The certificates that expire first, with who they are and who issued them."""
    made = table(
        (
            "Soonest expiry",
            "The servers' own certificates that expire first, 50 at most. Colours change at 21 and 7 days.",
        ),
        f"bottomk(50, {series('smtp_tls_cert_days_to_expiry')}"
        " * on (job, instance, target, address) group_left (subject, issuer) "
        f"""{series("smtp_tls_cert_info", 'position="0"')})""",
        {
            "Value": "Days left",
            "target": "Target",
            "address": "Address",
            "subject": "Subject",
            "issuer": "Issuer",
        },
        (24, 10),
        sortBy=[{"displayName": "Days left", "desc": False}],
    )
    properties = {
        "decimals": 1,
        "custom.cellOptions": {"type": "color-background"},
        "thresholds": thresholds(DAYS),
    }
    made["fieldConfig"]["overrides"] = [
        {
            "matcher": {"id": "byName", "options": "Days left"},
            "properties": [{"id": key, "value": value} for key, value in properties.items()],
        }
    ]
    return made


def who_and_why() -> Iterator[Json]:
    """The tables of what is wrong now."""
    endpoint = {"target": "Target", "address": "Address"}
    yield table(
        ("Who has which problem", "One line for each problem of each address. Empty when nothing is wrong."),
        f"{series('smtp_tls_problem')} == 1",
        {**endpoint, "problem": "Problem"},
        (12, 8),
    )
    yield soonest_expiry()
    yield table(
        ("Failed probes", "Addresses whose last probe obtained no certificate. Empty when every one did."),
        f"max by (target, address, stage, reason) ({series('smtp_tls_probe_failure_info')})",
        {**endpoint, "stage": "Stage", "reason": "Reason"},
        (24, 7),
    )


def states_over_time() -> Json:
    """The state of each address as a coloured bar."""
    words = {str(number): {"text": name, "color": color} for number, (name, color) in enumerate(STATES)}
    made = panel(
        "state-timeline",
        ("States over time", "The state of each address: the worst of its problems."),
        query(f"max by (target, address) ({series('smtp_tls_state')})", "{{target}} {{address}}"),
        (12, 8),
        mappings=[{"type": "value", "options": words}],
    )
    made["options"] = {"showValue": "never", "mergeValues": True}
    return made


def history() -> Iterator[Json]:
    """What happened, and how long the probes took."""
    yield lines(
        ("Problems over time", "How many addresses showed each problem."),
        f"sum by (problem) ({series('smtp_tls_problem')}) > 0",
        "{{problem}}",
        "short",
        stacked=True,
    )
    yield states_over_time()
    yield lines(
        ("Slowest probes", "Duration of the last probe; the ten slowest addresses at each moment."),
        f"topk(10, {series('smtp_tls_probe_duration_seconds')})",
        "{{target}} {{address}}",
        "s",
        stacked=False,
    )
    yield lines(
        ("Where probes spend their time", "Mean duration of each phase over the selected targets."),
        f"avg by (phase) ({series('smtp_tls_probe_phase_duration_seconds')})",
        "{{phase}}",
        "s",
        stacked=True,
    )


def variable(name: str, of: str) -> Json:
    """A choice among the values of a label; the default is all of them."""
    values = f"label_values({of}, {name})"
    return {
        "name": name,
        "label": name,
        "type": "query",
        "datasource": DATASOURCE,
        "definition": values,
        "query": {"query": values, "refId": "A"},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".+",
        "current": {"text": "All", "value": "$__all"},
    }


def variables() -> list[Json]:
    """The data source, and the labels by which targets are selected."""
    return [
        {
            "name": "datasource",
            "label": "Data Source",
            "type": "datasource",
            "query": "prometheus",
            "refresh": 1,
        },
        variable("job", "smtp_tls_state"),
        variable("instance", 'smtp_tls_state{job=~"$job"}'),
        variable("target", 'smtp_tls_state{job=~"$job",instance=~"$instance"}'),
    ]


def dashboard() -> Json:
    """The whole dashboard."""
    return {
        "id": None,
        "uid": "smtp-tls-fleet",
        "title": "SMTP TLS certificates",
        "description": "State, problems and expiry of mail servers' certificates, from smtp-tls-exporter.",
        "tags": ["smtp", "tls", "certificates"],
        "schemaVersion": 39,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "1m",
        "timezone": "browser",
        "time": {"from": "now-7d", "to": "now"},
        "links": [],
        "annotations": {"list": []},
        "templating": {"list": variables()},
        "panels": list(placed([*overview(), problems_now(), *who_and_why(), *history()])),
    }


def text() -> str:
    """The dashboard as the file holds it."""
    return json.dumps(dashboard(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    OUTPUT.write_text(text(), encoding="utf-8")
