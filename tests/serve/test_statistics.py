"""What the exporter counts about itself, and how it is published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

from exporter import __version__
from exporter.model import Reason, Stage
from exporter.serve import own_metrics
from exporter.serve.statistics import Statistics
from tests import results

if TYPE_CHECKING:
    from collections.abc import Mapping


def published(statistics: Statistics) -> Mapping[str, float]:
    """The samples by their name and labels, as text."""
    text = own_metrics.exposition(own_metrics.registry(statistics)).decode()
    return {
        sample.name
        + "".join(f",{name}={value}" for name, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_every_address_counts_as_a_probe() -> None:
    """An examination of two addresses is two probes; failures are counted where they ended."""
    statistics = Statistics()
    statistics.finished([results.result(), results.failed(Stage.EHLO, Reason.TIMEOUT)])
    assert statistics.probes == 2
    assert {stage for stage, count in statistics.failures.items() if count} == {"ehlo"}


def test_a_failure_after_the_certificate_is_none() -> None:
    """A server that hangs up once its certificate is known was probed successfully."""
    statistics = Statistics()
    after = results.failed(chain=(results.LEAF,))
    statistics.finished([after])
    assert after.success
    assert not any(statistics.failures.values())


def test_counters_are_published_from_the_first_scrape() -> None:
    """Every stage is there with 0, so that a rate sees the first failure."""
    samples = published(Statistics(targets=7))
    assert samples["smtp_tls_exporter_targets"] == 7
    assert samples["smtp_tls_exporter_probes_total"] == 0
    stages = [name for name in samples if name.startswith("smtp_tls_exporter_probe_failures_total,")]
    assert len(stages) == len(Stage) + 1
    assert {samples[name] for name in stages} == {0}


def test_readings_are_those_of_the_scrape() -> None:
    """Nothing is copied when the registry is made."""
    statistics = Statistics()
    registry = own_metrics.registry(statistics)
    statistics.in_flight = 3
    statistics.schedule_lag = 1.5
    statistics.broken()
    text = own_metrics.exposition(registry).decode()
    assert "smtp_tls_exporter_probes_in_flight 3.0\n" in text
    assert "smtp_tls_exporter_schedule_lag_seconds 1.5\n" in text
    assert 'smtp_tls_exporter_probe_failures_total{stage="internal"} 1.0\n' in text


def test_the_names_of_the_contract_are_all_there() -> None:
    """Dashboards and alerts about the exporter itself depend on them, and nothing is called _created."""
    names = {name.partition(",")[0] for name in published(Statistics())}
    promised = (
        "build_info config_last_reload_successful config_last_reload_success_timestamp_seconds targets "
        "probes_total probe_failures_total probes_in_flight schedule_lag_seconds"
    )
    assert {f"smtp_tls_exporter_{name}" for name in promised.split()} <= names
    assert not [name for name in names if name.endswith("_created")]
    assert "process_cpu_seconds_total" in names
    assert "python_info" in names


def test_the_version_is_told() -> None:
    """`build_info` says which version runs."""
    assert [name for name in published(Statistics()) if f",version={__version__}" in name]
