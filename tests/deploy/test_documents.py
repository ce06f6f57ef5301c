"""The pages: every metric, option, problem, stage and reason in them exists, and none is missing."""

from __future__ import annotations

import contextlib
import io
import re
from typing import TYPE_CHECKING

import pytest
import yaml

from exporter.cli import check, daemon, probe
from exporter.judge.problems import CHECKS
from exporter.model import DEFAULT_SEVERITIES, ProblemKind, Reason, Stage
from exporter.publish.families import CHANGES, FAMILIES
from exporter.publish.whole import WHOLE_FAMILIES
from tests.deploy.copied import (
    DEPLOY,
    GRAFANA,
    PAGES,
    TEXTS,
    TOP,
    anchors,
    code_words,
    metrics_of,
    options,
    rows,
    section,
    sentences,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.deploy.conftest import Labels

COPIED = sorted(
    path
    for path in [*DEPLOY.rglob("*"), *GRAFANA.glob("provisioning/*/*")]
    if path.is_file()
    and path.suffix not in {".pyc", ".py", ".json"}
    and not {"man", "completions", "templates", "files"} & set(path.relative_to(TOP).parts)
)
OTHER_PROGRAMS = {
    "openssl": {"-ext", "-in"},
    "pip": {"--wheel-dir", "--no-index", "--find-links"},
    "keytool, systemctl, install, docker, pip": {
        "--now", "--health-cmd", "--read-only", "--cap-drop", "--security-opt", "-d", "-f", "-t", "-v", "-p", "-i", "-m", "-C",
    },
    "check_smtp, check_ssl_cert": {
        option
        for name in ("check_smtp", "check_ssl_cert")
        for row in rows("migrating.md", f"From {name}")
        for option in options(row[0])
    },
    "ln, rules": {"-s"},
    "curl": {"--silent", "--head"},
    "grep, head, cut, date": {"-E", "-i", "-A", "-n", "-d", "-u"},
    "postconf": {"-P"},
    "kubectl": {"--load-restrictor"},
    "helm": {"--namespace", "--create-namespace", "--set-file", "-f"},
    "man": {"-m"},
    "make bench": {"--only", "--targets", "--repetitions"},
}  # fmt: skip
"""Options in the pages that belong to somebody else. Those that are translated are held against the programs in test_migrating.py."""
NOT_LOOKED_FOR = re.compile(
    r"(?:\bnot|\bnever|n't)(?: yet)? (?:evaluate|check|implement|support|look for|looked for)|do not fire|no series"
)
"""Words that say of a problem that this version does not look for it."""
FOREIGN_METRICS = {
    "smtp_tls_CAfile",
    "probe_dns_lookup_time_seconds",
    "probe_expect_info",
    "probe_ip_addr_hash",
    "probe_ip_protocol",
    "probe_tls_cipher_info",
    "probe_ssl_last_chain_expiry_timestamp_seconds",
    "probe_ssl_last_chain_info",
    "probe_failed_due_to_regex",
}
"""Metrics of blackbox_exporter that migrating.md translates, and a setting of Postfix that is spelled like ours."""


ICINGA = (DEPLOY / "icinga2" / "smtp-tls.conf").read_text(encoding="utf-8")
ICINGA_SERVICES = (DEPLOY / "icinga2" / "smtp-tls-services.conf").read_text(encoding="utf-8")
ICINGA_VARIABLES = re.findall(r"\bsmtp_tls_\w+|\bsmtp_tls\b", ICINGA + ICINGA_SERVICES)


def _help(command: Callable[[Sequence[str]], int]) -> set[str]:
    with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.suppress(SystemExit):
        command(["--help"])
    return options(printed.getvalue())


@pytest.fixture(scope="module")
def plugin_options() -> set[str]:
    """Every option of check_smtp_tls."""
    return _help(check.main)


@pytest.fixture(scope="module")
def known_options(plugin_options: set[str]) -> set[str]:
    """Every option of the three commands."""
    return plugin_options | _help(daemon.main) | _help(probe.main)


# --- metrics.md -----------------------------------------------------------------------------------


def test_the_demo_fills_every_metric(target_series: Labels) -> None:
    """No metric of the table lacks a series in the demo, so the tests here overlook none."""
    assert set(target_series) == {
        *(family.name for family in (*FAMILIES, CHANGES)),
        *(family.name for family in WHOLE_FAMILIES),
    }


@pytest.mark.parametrize("heading", ["The probe", "The certificates", "Changes", "The verdicts"])
def test_metrics_have_the_labels_that_are_documented(heading: str, target_series: Labels) -> None:
    """Each row about a metric names its labels, all of them."""
    for metric, labels, *_ in list(rows("metrics.md", heading))[1:]:
        documented = {"target", "address", *code_words(labels)}
        assert documented == target_series[metric.strip("`")], metric


def test_every_metric_about_targets_is_documented(target_series: Labels) -> None:
    """The three tables together are the whole list."""
    tables = ("The probe", "The certificates", "Changes", "The verdicts")
    documented = [row[0].strip("`") for heading in tables for row in list(rows("metrics.md", heading))[1:]]
    assert sorted(documented) == sorted(target_series.keys() - {family.name for family in WHOLE_FAMILIES})


def test_metrics_over_all_addresses_are_documented(target_series: Labels) -> None:
    """They are a table of their own, since they have no address."""
    table = list(rows("metrics.md", "Over all addresses"))[1:]
    assert [metric.strip("`") for metric, *_ in table] == [family.name for family in WHOLE_FAMILIES]
    assert all(target_series[family.name] == {"target"} for family in WHOLE_FAMILIES)


def test_metrics_of_the_exporter_are_documented(own_series: Labels) -> None:
    """The table of the exporter's own metrics is complete, labels included."""
    table = list(rows("metrics.md", "`/metrics` alone"))[1:]
    assert {metric.strip("`"): code_words(labels) for metric, labels, _ in table} == own_series


def test_metrics_of_probe_are_documented(compatible_series: Labels) -> None:
    """The table of the series for blackbox_exporter's alerts is complete."""
    table = list(rows("metrics.md", "`/probe` alone"))[1:]
    assert {metric.strip("`") for metric, _ in table} == set(compatible_series)


@pytest.mark.parametrize(
    ("heading", "values"), [("Stages", Stage), ("Reasons", Reason), ("Problems", ProblemKind)], ids=str
)
def test_closed_lists_are_complete(heading: str, values: type[Stage | Reason | ProblemKind]) -> None:
    """Each closed list of label values is documented whole and in the order of the code."""
    assert [row[0].strip("`") for row in list(rows("metrics.md", heading))[1:]] == list(values)


def test_default_severities_are_documented() -> None:
    """The severity of each problem is the one of the code; `expires_soon` has two."""
    for name, _, severity in list(rows("metrics.md", "Problems"))[1:]:
        kind = ProblemKind(name.strip("`"))
        expected = (
            "warning or critical" if kind is ProblemKind.EXPIRES_SOON else DEFAULT_SEVERITIES[kind].name
        )
        assert severity.startswith(expected.lower()), name


# --- every page -----------------------------------------------------------------------------------


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.name)
def test_pages_name_only_metrics_that_exist(page: Path, all_series: Labels) -> None:
    """Every metric in the text and in the examples of a page is published by somebody."""
    used = {name for words in code_words(page.read_text(encoding="utf-8")) for name in metrics_of(words)}
    used = {name for name in used if not name.endswith("_")}
    assert used <= set(all_series) | FOREIGN_METRICS | set(ICINGA_VARIABLES)


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.name)
def test_pages_name_only_options_that_exist(page: Path, known_options: set[str]) -> None:
    """Every word that is spelled like an option is one of ours or a known one of another program."""
    used = {option for words in code_words(page.read_text(encoding="utf-8")) for option in options(words)}
    assert used <= known_options.union({"-vvv"}, *OTHER_PROGRAMS.values())


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Each relative link names a file of the project, and a heading in it where it has an anchor."""
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text(encoding="utf-8")):
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), target
        assert not anchor or anchor in anchors(path), target


@pytest.mark.parametrize("kind", list(ProblemKind))
def test_every_problem_has_a_runbook(kind: ProblemKind) -> None:
    """The runbook of a problem's alert says which problem it means."""
    heading = "SmtpTls" + kind.title().replace("_", "")
    assert f"**Means** `{kind}`" in section("runbooks.md", heading)


def _said_not_to_be_looked_for(page: Path) -> set[ProblemKind]:
    """The problems in sentences with such words, by their names or by the same words in prose."""
    said = [text for text in sentences(page.read_text(encoding="utf-8")) if NOT_LOOKED_FOR.search(text)]
    return {kind for kind in ProblemKind for text in said if _names(text, kind)}


def _names(text: str, kind: ProblemKind) -> bool:
    return re.search(rf"\b{kind.replace('_', '[_ -]')}s?\b", text, re.IGNORECASE) is not None


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.name)
def test_no_page_denies_a_problem_that_is_looked_for(page: Path) -> None:
    """No page says of a problem with a check that this version does not evaluate it."""
    assert not _said_not_to_be_looked_for(page) & set(CHECKS)


@pytest.mark.parametrize("name", ["metrics.md", "runbooks.md"])
def test_pages_say_which_problems_are_not_looked_for(name: str) -> None:
    """Each problem without a check is named as one that this version does not evaluate."""
    (page,) = (page for page in PAGES if page.name == name)
    assert _said_not_to_be_looked_for(page) == set(ProblemKind) - set(CHECKS)


# --- the plugin -----------------------------------------------------------------------------------


def test_every_option_of_the_plugin_is_documented(plugin_options: set[str]) -> None:
    """The table of nagios.md has each option of check_smtp_tls, and no other."""
    documented = {word for row in list(rows("nagios.md", "Options"))[1:] for word in code_words(row[0])}
    assert documented == plugin_options - {"-vvv"}


def test_icinga_offers_every_option(plugin_options: set[str]) -> None:
    """The CheckCommand has an argument for each option, except those that only print, and --output, which Icinga could not read."""
    offered = set(re.findall(r'^    "(-[^"]+)" = \{', ICINGA, re.MULTILINE))
    long = {option for option in plugin_options if option.startswith("--")} | {"-4", "-6"}
    assert offered == long - {"--help", "--version", "--output"}


def test_variables_of_icinga_are_documented() -> None:
    """The table of nagios.md gives each argument of the CheckCommand with its variable."""
    used = re.findall(
        r'^    "(-[^"]+)" = \{\n\s+(?:value|set_if) = "\$(smtp_tls_\w+)\$"', ICINGA, re.MULTILINE
    )
    table = list(rows("nagios.md", "Icinga 2"))[1:]
    assert [(option.strip("`"), variable.strip("`")) for variable, option in table] == used


def test_nagios_uses_only_options_that_exist(plugin_options: set[str]) -> None:
    """Commands and example services give check_smtp_tls options that it has."""
    text = (DEPLOY / "nagios" / "smtp-tls.cfg").read_text(encoding="utf-8")
    assert options(re.sub(r"/\S+", "", text)) <= plugin_options


# --- the files that are copied --------------------------------------------------------------------


@pytest.mark.parametrize("path", COPIED, ids=lambda path: str(path.relative_to(TOP)))
def test_copied_files_say_what_to_adapt(path: Path) -> None:
    """Each begins with what it is and what to adapt, as a comment; a syntax line may come before."""
    head = [line.lstrip("#/; ") for line in path.read_text(encoding="utf-8").splitlines()[:4]]
    assert any(line.startswith("Adapt: ") for line in head[1:]), head


@pytest.mark.parametrize("path", COPIED, ids=lambda path: str(path.relative_to(TOP)))
def test_copied_files_use_only_flags_that_exist(path: Path, known_options: set[str]) -> None:
    """Wherever a file starts the exporter, its flags are flags of the exporter."""
    for words in re.findall(
        r"smtp-tls-exporter[\"' ,]*((?:--[\w.-]+\S* ?)+)", path.read_text(encoding="utf-8")
    ):
        assert options(words) <= known_options


@pytest.mark.parametrize("name", ["scrape-metrics.yml", "scrape-probe.yml"])
def test_scrape_jobs_fit_the_rules(name: str) -> None:
    """Every job of the examples has a name that the rules and the alerts look for."""
    content = yaml.safe_load((DEPLOY / "prometheus" / name).read_text(encoding="utf-8"))
    assert all(job["job_name"].startswith("smtp-tls") for job in content["scrape_configs"])


def test_pages_name_every_copied_file() -> None:
    """Every file that is made for copying is named by some page."""
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    for path in COPIED:
        if path.suffix != ".dockerignore":
            assert str(path.relative_to(TOP)) in text, path
