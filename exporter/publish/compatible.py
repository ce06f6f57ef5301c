"""What `/probe` gives beside our own metrics, for alerts that were written for blackbox_exporter.

In: the results of one examination. Out: their series in the text format 0.0.4, under the names that blackbox_exporter uses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from exporter.model import Result, State
from exporter.publish.families import timestamp
from exporter.publish.labels import number, pair


def compatible(results: Sequence[Result], duration: float) -> str:
    """The series that alerts written for blackbox_exporter expect from a probe.

    They have no target label, so several addresses share them: the probe succeeded when each address did,
    and the certificate that expires first counts. `duration` is seconds.
    """
    ends = [timestamp(c.not_after) for r in results if r.success for c in r.verdict.chain]
    versions = {r.observation.tls.version: 1.0 for r in results if r.observation.tls}
    return "".join(
        [
            _block("probe_success", "Whether nothing critical was found", {"": _passed(results)}),
            _block("probe_duration_seconds", "How long the probe took", {"": duration}),
            _block(
                "probe_ssl_earliest_cert_expiry",
                "When the first of the presented certificates expires, as Unix time",
                {"": min(ends)} if ends else {},
            ),
            _block(
                "probe_tls_version_info",
                "The TLS version that was negotiated",
                {pair("version", version.replace("TLSv", "TLS ")): 1 for version in versions},
            ),
        ]
    )


def _block(name: str, text: str, samples: Mapping[str, float]) -> str:
    lines = "".join(
        [
            f"{name}{{{own}}} {number(value)}\n" if own else f"{name} {number(value)}\n"
            for own, value in samples.items()
        ]
    )
    return f"# HELP {name} {text}\n# TYPE {name} gauge\n{lines}" if lines else ""


def _passed(results: Sequence[Result]) -> bool:
    return bool(results) and all(r.success and r.verdict.state is not State.CRITICAL for r in results)
