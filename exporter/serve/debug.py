"""The answer to `/probe?debug=true`: what the probe did, for a person.

In: a question and its results. Out: plain text in the three sections of blackbox_exporter's answer.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from exporter.model import Result, Target
from exporter.publish.sections import transcript
from exporter.publish.text import one_line


def explain(target: Target, results: Sequence[Result], metrics: str) -> str:
    """The log of the probe, the metrics that would have been returned, and the settings that were used."""
    parts = [
        "Logs for the probe:",
        *(line for result in results for line in _log(result)),
        "",
        "Metrics that would have been returned:",
        metrics,
        "Settings of the target, with the module applied:",
        *_settings(target),
    ]
    return "\n".join(parts) + "\n"


def _log(result: Result) -> Iterator[str]:
    observation, verdict = result.observation, result.verdict
    yield (
        f"{result.time:%Y-%m-%dT%H:%M:%S.%fZ} address {one_line(observation.address) or '(none)'}, "
        f"{result.duration:.3f} s in all"
    )
    for stage, seconds in result.phases.items():
        yield f"  stage {stage}: {seconds * 1000:.1f} ms"
    yield from (f"  {line}" for line in transcript(observation))
    if observation.tls:
        tls = observation.tls
        yield one_line(f"  TLS {tls.version}, cipher {tls.cipher}, group {tls.group}")
    if observation.failure:
        failure = observation.failure
        yield f"  failed at stage {failure.stage}: {failure.reason} {one_line(failure.detail)}".rstrip()
    for position, facts in enumerate(verdict.chain):
        yield f"  certificate {position}: subject {one_line(facts.subject)}, issuer {one_line(facts.issuer)}"
    for store in verdict.stores:
        yield f"  store {one_line(store.store)}: code {store.code}, depth {store.depth}, {one_line(store.reason)}"
    for problem in verdict.problems:
        yield f"  {problem.severity.name.lower()} {problem.kind}: {one_line(problem.summary, limit=1000)}"
    yield f"  state {verdict.state.name.lower()}"


def _settings(target: Target) -> Iterator[str]:
    for field in dataclasses.fields(target):
        value = getattr(target, field.name)
        if dataclasses.is_dataclass(value):
            for inner in dataclasses.fields(value):
                yield f"  {inner.name}: {_written(getattr(value, inner.name))}"
        else:
            yield f"  {field.name}: {_written(value)}"


def _written(value: object) -> str:
    if isinstance(value, tuple) and all(isinstance(item, str) for item in value):
        return one_line(", ".join(value), limit=1000) or "(none)"
    return one_line(str(value), limit=1000) or "(none)"
