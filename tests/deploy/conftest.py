"""What the exporter really publishes, and which options its programs really have."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter import config, gathering, pipeline, trust
from exporter.demo import Demo
from exporter.model import RevocationMethod
from exporter.publish.compatible import compatible
from exporter.publish.metrics import exposition, render_all
from exporter.serve.own_metrics import OwnMetrics
from exporter.serve.statistics import SourceStatistics, Statistics
from tests.deploy.scraping import scraping_the_demo

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from exporter.model import Result
    from tests.deploy.scraping import Prometheus

Labels = dict[str, frozenset[str]]
"""Label names by metric."""


async def _examine_demo() -> list[Result]:
    async with Demo() as demo:
        loaded = config.load(demo.config_path, trust.load)
        async with gathering.sources(allow_networks=loaded.evidence.allow_networks) as sources:
            ways = gathering.evidence(sources)
            found = await asyncio.gather(
                *(pipeline.examine(target, loaded.stores, evidence=ways) for target in loaded.targets)
            )
    return [result for results in found for result in results]


def _labels(samples: Iterable[tuple[str, Mapping[str, str]]]) -> Labels:
    found: dict[str, set[str]] = defaultdict(set)
    for name, labels in samples:
        found[name] |= set(labels)
    return {name: frozenset(labels) for name, labels in found.items()}


def _parsed(text: str) -> Labels:
    families = text_string_to_metric_families(text)
    return _labels((sample.name, sample.labels) for family in families for sample in family.samples)


@pytest.fixture(scope="session")
def demo_results() -> list[Result]:
    """One examination of every server of the demo."""
    return asyncio.run(_examine_demo())


@pytest.fixture(scope="session")
def target_series(demo_results: list[Result]) -> Labels:
    """Every metric about targets with its labels, as the demo's servers fill them."""
    labels = _parsed(
        "".join(
            exposition(
                one
                for result in demo_results
                for one in render_all([result], {result.observation.address: 0})
            )
        )
    )
    # `cause` is a label of the demo's own configuration.
    return {name: names - {"cause"} for name, names in labels.items()}


@pytest.fixture(scope="session")
def compatible_series(demo_results: list[Result]) -> Labels:
    """The metrics that /probe adds for alerts written for blackbox_exporter."""
    return _parsed(compatible(demo_results, 1.0))


@pytest.fixture(scope="session")
def own_series() -> Labels:
    """The exporter's metrics about itself."""
    statistics = Statistics(sources={("mx", "contoso.com"): SourceStatistics()})
    statistics.evidence.fetched(RevocationMethod.CRL, "pki.contoso.com", 1.0, failed=True)
    families = OwnMetrics(statistics).collect()
    return _labels((sample.name, sample.labels) for family in families for sample in family.samples)


@pytest.fixture(scope="session")
def recorded_series(target_series: Labels) -> Labels:
    """What the recording rules make."""
    return {
        "smtp_tls:problem:known": target_series["smtp_tls_problem"],
        "smtp_tls:expires_soon:timestamp_seconds": frozenset({"target", "address"}),
        "job_problem:smtp_tls_problem:count": frozenset({"problem"}),
        "job_state:smtp_tls_state:count": frozenset({"state"}),
        "job:smtp_tls_cert_days_to_expiry:min": frozenset(),
    }


@pytest.fixture(scope="session")
def all_series(
    target_series: Labels, compatible_series: Labels, own_series: Labels, recorded_series: Labels
) -> Labels:
    """Every metric with its labels, and what Prometheus and its client library add."""
    scraped = frozenset({"job", "instance"})
    process = dict.fromkeys(("process_resident_memory_bytes", "process_cpu_seconds_total"), frozenset[str]())
    published = {
        **target_series, **compatible_series, **own_series, **recorded_series, **process, "up": frozenset(),
    }  # fmt: skip
    return {name: labels | scraped for name, labels in published.items()}


@pytest.fixture(scope="package")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus with the example's jobs and the rules, once it has seen every server of the demo."""
    with scraping_the_demo(tmp_path_factory.mktemp("prometheus")) as asking:
        yield asking
