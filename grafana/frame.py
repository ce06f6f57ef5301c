"""What both dashboards have: identity, variables, links between the two, the words and colours of states and days.

In: a title and panels. Out: one dashboard in Grafana's classic JSON model.
"""

from __future__ import annotations

from collections.abc import Sequence

from panels import DATASOURCE, Json, Steps, panel, placed, query, series, words

STATES = (("ok", "green"), ("warning", "yellow"), ("critical", "red"), ("unknown", "gray"))
"""Names and colours of `smtp_tls_state`, by number."""
STATE_WORDS = words(*STATES)
DAYS: Steps = ((None, "red"), (7, "yellow"), (21, "green"))
"""Colours of days left; they change where the exporter's default thresholds are."""


def timeline() -> Json:
    """The state of each address as a coloured bar."""
    made = panel(
        "state-timeline",
        ("State over time", "The state of each address: the worst of its problems."),
        query(f"max by (target, address) ({series('smtp_tls_state')})", "{{target}} {{address}}"),
        (12, 8),
        mappings=STATE_WORDS,
    )
    made["options"] = {"showValue": "never", "mergeValues": True}
    return made


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


def filters() -> Json:
    """A choice among all other labels, those of the targets' own configuration included; Grafana adds it to every query."""
    return {
        "name": "labels",
        "label": "labels",
        "type": "adhoc",
        "datasource": DATASOURCE,
        "filters": [],
        "hide": 0,
        "skipUrlSync": False,
    }


def textbox(name: str, label: str, value: str) -> Json:
    """An address that links begin with; what is typed here is Grafana's own to keep."""
    return {
        "name": name,
        "label": label,
        "type": "textbox",
        "query": value,
        "current": {"text": value, "value": value},
    }


def variables() -> list[Json]:
    """The data source, the labels by which targets are selected, and all other labels."""
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
        filters(),
    ]


def frame(uid: str, heading: tuple[str, str], panels: Sequence[Json], *more: Json) -> Json:
    """The whole dashboard; the heading is its title and description, `more` are variables after the usual ones."""
    other = {
        "type": "dashboards",
        "title": "SMTP TLS",
        "tags": ["smtp-tls"],
        "asDropdown": False,
        "includeVars": True,
        "keepTime": True,
    }
    return {
        "id": None,
        "uid": uid,
        "title": heading[0],
        "description": heading[1],
        "tags": ["smtp-tls", "certificates"],
        "schemaVersion": 39,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "1m",
        "timezone": "browser",
        "time": {"from": "now-7d", "to": "now"},
        "links": [other],
        "annotations": {"list": []},
        "templating": {"list": [*variables(), *more]},
        "panels": list(placed(panels)),
    }
