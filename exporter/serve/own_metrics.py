"""The exporter's metrics about itself, for `/metrics` only.

In: the statistics. Out: their exposition, built anew at each request, together with the usual ones about the
process and the interpreter.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector

from exporter import __version__
from exporter.model import RevocationMethod
from exporter.publish.text import well_formed
from exporter.serve.statistics import Statistics


class OwnMetrics(Collector):
    """Collects from the statistics at scrape time. Families made here carry no `_created` series."""

    def __init__(self, statistics: Statistics) -> None:
        self._statistics = statistics

    def describe(self) -> Iterator[Metric]:
        """The families, so that the registry finds a name that is used twice."""
        return self.collect()

    def collect(self) -> Iterator[Metric]:
        """One family after the other."""
        yield _build_info()
        for name, text, value in self._gauges():
            yield GaugeMetricFamily(f"smtp_tls_exporter_{name}", text, value=value)
        yield CounterMetricFamily(
            "smtp_tls_exporter_probes",
            "Finished probes, one for each address of a target",
            value=self._statistics.probes,
        )
        failures = CounterMetricFamily(
            "smtp_tls_exporter_probe_failures",
            "Probes that obtained no certificate, by the stage where they ended; internal is a fault of ours",
            labels=["stage"],
        )
        for stage, count in self._statistics.failures.items():
            failures.add_metric([stage], count)
        yield failures
        yield from self._workers()
        yield from self._discovery()
        yield from self._evidence()

    def _workers(self) -> Iterator[Metric]:
        """The processes that probe."""
        workers = self._statistics.workers
        yield GaugeMetricFamily(
            "smtp_tls_exporter_workers",
            "Processes that probe; without --workers it is the one that serves",
            value=workers.running if workers else 1,
        )
        yield CounterMetricFamily(
            "smtp_tls_exporter_worker_restarts",
            "Processes that probed, ended and were replaced",
            value=workers.restarts if workers else 0,
        )

    def _discovery(self) -> Iterator[Metric]:
        """How the sources of targets fare."""
        labels = ["kind", "source"]
        successful = GaugeMetricFamily(
            "smtp_tls_exporter_discovery_successful",
            "Whether the source of targets could be asked the last time, and its answer used",
            labels=labels,
        )
        named = GaugeMetricFamily(
            "smtp_tls_exporter_discovery_targets", "Targets that the source names", labels=labels
        )
        for (kind, source), now in self._statistics.sources.items():
            successful.add_metric([kind, well_formed(source)], now.successful)
            named.add_metric([kind, well_formed(source)], now.targets)
        yield from (successful, named)

    def _evidence(self) -> Iterator[Metric]:
        """What was fetched about revocation, and what is kept of it."""
        fetched = self._statistics.evidence
        counts = CounterMetricFamily(
            "smtp_tls_exporter_evidence_fetches",
            "OCSP answers and revocation lists that were fetched; what the cache had is not counted",
            labels=["method"],
        )
        seconds = CounterMetricFamily(
            "smtp_tls_exporter_evidence_fetch_seconds", "Time that these fetches took", labels=["method"]
        )
        for method in (RevocationMethod.OCSP, RevocationMethod.CRL):
            counts.add_metric([method.value], fetched.fetches[method])
            seconds.add_metric([method.value], fetched.seconds[method])
        yield counts
        yield seconds
        failures = CounterMetricFamily(
            "smtp_tls_exporter_evidence_failures",
            "Fetches that gave nothing, by the host of the URL; beyond 100 hosts they are counted as other",
            labels=["method", "host"],
        )
        for (method, host), count in fetched.failures.items():
            failures.add_metric([method.value, well_formed(host)], count)
        yield failures
        for name, text, value in (
            ("entries", "Answers and lists that are kept", fetched.entries()),
            ("bytes", "Memory that they take, about", fetched.size()),
        ):
            yield GaugeMetricFamily(f"smtp_tls_exporter_evidence_cache_{name}", text, value=value)

    def _gauges(self) -> tuple[tuple[str, str, float], ...]:
        now = self._statistics
        return (
            ("config_last_reload_successful", "Whether the configuration was loaded", now.config_loaded),
            (
                "config_last_reload_success_timestamp_seconds",
                "When the configuration was last loaded",
                now.config_loaded_at,
            ),
            ("targets", "Configured targets", now.targets),
            ("probes_in_flight", "Targets that are being examined", now.in_flight),
            ("schedule_lag_seconds", "How late the latest scheduled probe began", now.schedule_lag),
        )


def _build_info() -> Metric:
    info = GaugeMetricFamily(
        "smtp_tls_exporter_build_info", "Which version runs", labels=["version", "pythonversion"]
    )
    info.add_metric([__version__, platform.python_version()], 1)
    return info


def registry(statistics: Statistics) -> CollectorRegistry:
    """A registry of its own with everything about this process."""
    own = CollectorRegistry()
    own.register(OwnMetrics(statistics))
    ProcessCollector(registry=own)
    PlatformCollector(registry=own)
    GCCollector(registry=own)
    return own


def exposition(own: CollectorRegistry, *, openmetrics: bool = False) -> bytes:
    """The text of the registry in the format 0.0.4, or in OpenMetrics 1.0 without its end."""
    if openmetrics:
        text: bytes = generate_openmetrics(own)  # type: ignore[no-untyped-call]
        return text.removesuffix(b"# EOF\n")
    return generate_latest(own)
