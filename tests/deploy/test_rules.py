"""The alert rules: one for each problem, complete, and firing exactly when they should."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from exporter.model import DEFAULT_SEVERITIES, ProblemKind, State
from tests.deploy.copied import (
    DEPLOY,
    DOCS,
    RULES,
    TOP,
    anchors,
    code_words,
    grouping_labels,
    matched_labels,
    metrics_of,
    records,
    rules,
    section,
)
from tests.programs import program

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tests.deploy.conftest import Labels

ALERTS = {rule["alert"]: rule for rule in rules()}
EXPRESSIONS = records() | {name: rule["expr"] for name, rule in ALERTS.items()}
RULE_TESTS = TOP / "tests" / "deploy" / "rules_test.yml"
SCRAPES = sorted((DEPLOY / "prometheus").glob("scrape-*.yml"))


def alert_of(kind: ProblemKind) -> str:
    """The name of the problem's alert."""
    return "SmtpTls" + kind.title().replace("_", "")


@pytest.mark.parametrize("kind", list(ProblemKind))
def test_every_problem_has_its_alert(kind: ProblemKind) -> None:
    """Each problem has an alert that looks at it alone, with the severity that the problem has by default."""
    rule = ALERTS[alert_of(kind)]
    assert rule["expr"] == f'smtp_tls:problem:known{{problem="{kind}"}}'
    if kind is not ProblemKind.EXPIRES_SOON:
        assert rule["labels"]["severity"] == DEFAULT_SEVERITIES[kind].name.lower()
    else:
        assert rule["labels"]["severity"] == State.WARNING.name.lower()


@pytest.mark.parametrize("name", list(ALERTS))
def test_every_alert_tells_what_to_do(name: str) -> None:
    """Each alert has a severity, a whole sentence, a description and a runbook that exists."""
    rule = ALERTS[name]
    notes = rule["annotations"]
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert notes["summary"].endswith(".")
    assert "{{" not in notes["summary"]
    assert notes["description"].endswith(".")
    page, anchor = notes["runbook_url"].split("#")
    assert page == "docs/runbooks.md"
    assert anchor == name.lower()
    assert anchor in anchors(DOCS / "runbooks.md")


def test_every_runbook_has_an_alert() -> None:
    """The headings of the runbooks are the alerts in their order, after what several repairs share, and nothing else."""
    text = (DOCS / "runbooks.md").read_text(encoding="utf-8")
    shared = ["Another certificate on the server", "An authority on the clients"]
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == [*shared, *ALERTS]


@pytest.mark.parametrize("name", list(EXPRESSIONS))
def test_rules_use_only_what_exists(name: str, all_series: Labels) -> None:
    """Every metric of a rule is published or recorded, and every label that it names is on that metric."""
    expression = EXPRESSIONS[name]
    used = metrics_of(expression)
    assert used
    assert used <= set(all_series)
    for metric, label in matched_labels(expression):
        assert label in all_series[metric]
    assert grouping_labels(expression) <= set().union(*(all_series[metric] for metric in used))


def test_recorded_metrics_are_documented(recorded_series: Labels) -> None:
    """The page about deploying has each recorded metric, and no other."""
    documented = {
        word for word in code_words(section("deploy.md", "Rules")) if ":" in word and "/" not in word
    }
    assert documented == set(records()) == set(recorded_series)


@pytest.mark.servers
def test_promtool_accepts_the_rules() -> None:
    """Prometheus' own tool has nothing to say against the rules."""
    checked = subprocess.run(
        [program("promtool"), "check", "rules", "--lint-fatal", RULES],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.servers
@pytest.mark.parametrize("path", SCRAPES, ids=lambda path: path.stem)
def test_promtool_accepts_the_scrape_jobs(path: Path) -> None:
    """Prometheus' own tool accepts each example as a whole configuration."""
    checked = subprocess.run(
        [program("promtool"), "check", "config", path], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_other_alert_is_tried_both_ways() -> None:
    """For each alert that is not about one problem alone there is a case in which it fires and one in which it must not."""
    others = set(ALERTS) - {alert_of(kind) for kind in ProblemKind}
    tried = [
        (one["alertname"], bool(one["exp_alerts"]))
        for case in yaml.safe_load(RULE_TESTS.read_text(encoding="utf-8"))["tests"]
        for one in case.get("alert_rule_test", [])
    ]
    assert set(tried) == {(name, fires) for name in others for fires in (True, False)}


@pytest.mark.servers
def test_monitoring_alerts_fire_when_they_should() -> None:
    """The cases of rules_test.yml hold."""
    _promtool_test_rules(RULE_TESTS)


@pytest.mark.servers
def test_problem_alerts_fire_when_they_should(tmp_path: Path) -> None:
    """Each fires for the server that has its problem and for no other; neither a failed probe nor a dead exporter ends it, a repair does."""
    cases = tmp_path / "problems_test.yml"
    cases.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "tests": _cases()}), encoding="utf-8")
    _promtool_test_rules(cases)


@pytest.mark.servers
def test_amtool_accepts_the_routes() -> None:
    """Alertmanager's own tool reads the example, and sends each severity where its comments say."""
    example = DEPLOY / "prometheus" / "alertmanager.yml"
    amtool = program("amtool")
    checked = subprocess.run([amtool, "check-config", example], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    for name, severity, receiver in (
        ("SmtpTlsRevoked", "critical", "mail-oncall"),
        ("SmtpTlsWeakKey", "warning", "mail-team"),
        ("SmtpTlsCertificateChanged", "info", "mail-changes"),
        ("NodeDown", "critical", "everybody"),
    ):
        labels = [f"alertname={name}", f"severity={severity}"]
        routed = subprocess.run(
            [amtool, "config", "routes", "test", f"--config.file={example}", *labels],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert routed.stdout.split() == [receiver], labels


def test_alertmanager_inhibits_only_what_exists() -> None:
    """Every alert that the example names is one of the rules, and every pattern is one of some."""
    text = (DEPLOY / "prometheus" / "alertmanager.yml").read_text(encoding="utf-8")
    assert set(ALERTS) >= {*re.findall(r"SmtpTls\w+(?=\")", text)} != set()
    patterns = re.findall(r'alertname =~ "([^"]+)"', text)
    assert all(any(re.fullmatch(pattern, name) for name in ALERTS) for pattern in patterns)


def _promtool_test_rules(cases: Path) -> None:
    tested = subprocess.run(
        [program("promtool"), "test", "rules", cases], capture_output=True, text=True, check=False
    )
    assert tested.returncode == 0, tested.stdout + tested.stderr


def _cases() -> list[dict[str, Any]]:
    seen = [kind for kind in ProblemKind if kind is not ProblemKind.UNREACHABLE]
    unreachable = {_series(ProblemKind.UNREACHABLE, "mx1.example.org:25"): "0x5 1x200"}
    return [
        _case("1x80", "0x80", at="75m", fires=True),
        _case("1x10 _x60", "0x70", at="65m", fires=True),
        _case("1x65 stale _x50", "0x120", at="115m", fires=True),
        _case("1x65 _x70", "0x130", at="130m", fires=False),
        _case("1x65 0x5", "0x70", at="66m", fires=False),
        # While nothing can be seen nothing is over, be it the server that does not answer or the exporter.
        _case("1x9 _x150", "0x160", at="155m", fires=True, kinds=seen, more=unreachable),
        _case("1x9 _x99 0x9", "0x120", at="111m", fires=False, kinds=seen, more=unreachable),
        _case("1x9 stale _x150", "0x160", at="155m", fires=True, up="1x9 0x150"),
        _case("1x9 stale _x99 0x9", "0x120", at="112m", fires=False, up="1x9 0x99 1x9"),
    ]


def _case(
    values: str,
    other: str,
    *,
    at: str,
    fires: bool,
    kinds: Sequence[ProblemKind] = tuple(ProblemKind),
    more: Mapping[str, str] | None = None,
    up: str = "1x160",
) -> dict[str, Any]:
    """One server has every problem, the other has none."""
    series = {_series(kind, "mx1.example.org:25"): values for kind in kinds}
    series |= {_series(kind, "mx2.example.org:25"): other for kind in kinds}
    series |= {'up{job="smtp-tls",instance="a:10465"}': up, **(more or {})}
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": text} for name, text in series.items()],
        "alert_rule_test": [
            {
                "eval_time": at,
                "alertname": alert_of(kind),
                "exp_alerts": [_expected(kind)] if fires else [],
            }
            for kind in kinds
        ],
    }


def _series(kind: ProblemKind, target: str) -> str:
    labels = f'job="smtp-tls",instance="a:10465",target="{target}",address="192.0.2.1"'
    return f'smtp_tls_problem{{{labels},problem="{kind}"}}'


def _expected(kind: ProblemKind) -> dict[str, Any]:
    rule = ALERTS[alert_of(kind)]
    labels = {
        "job": "smtp-tls", "instance": "a:10465", "target": "mx1.example.org:25", "address": "192.0.2.1",
        "problem": str(kind),
    }  # fmt: skip
    notes = rule["annotations"]
    filled = notes["description"].replace(
        "{{ with $labels.address }} at {{ . }}{{ end }}", " at {{ $labels.address }}"
    )
    for name, value in labels.items():
        filled = filled.replace(f"{{{{ $labels.{name} }}}}", value)
    assert "{{" not in filled, "a label that this test does not know"
    return {"exp_labels": {**labels, **rule["labels"]}, "exp_annotations": {**notes, "description": filled}}
