"""Results as Prometheus series, in the text format 0.0.4.

In: finished results. Out: their lines, and whole expositions of many of them. `/metrics` and `/probe` both use
it, so a metric has one name and one meaning. It must not know which metrics there are: `families` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType

from exporter.model import Result, State, Target
from exporter.publish.families import CHANGES, FAMILIES, RESERVED_LABELS, Family, Sample, timestamp
from exporter.publish.labels import number, pair, pairs
from exporter.publish.whole import WHOLE_FAMILIES

BATCH = 250
"""Results whose lines are joined at once; keeps each step of a large answer short."""


_HEADERS = (
    *(family.header for family in (*FAMILIES, CHANGES)),
    *(family.header for family in WHOLE_FAMILIES),
)
_OPENMETRICS_HEADERS = tuple(
    header.replace(f"{CHANGES.name} ", f"{CHANGES.name[:-6]} ") for header in _HEADERS
)

_TIMED = tuple((at, family) for at, family in enumerate(FAMILIES) if family.timed)
_OBSERVED = tuple((at, family) for at, family in enumerate(FAMILIES) if family.timed or family.observed)

Rendered = tuple[str, ...]
"""The finished lines of one result, one text for each family in the order of the headers; empty where there are none."""
Known = Mapping[str, tuple[Result, Rendered]]
"""Earlier results of a target and their lines, by address."""


def render(result: Result, known: tuple[Result, Rendered] | None = None) -> Rendered:
    """The finished lines of one result.

    Every series has the labels `target` and `address` and the target's own ones. Where one of those has the
    name of a label of ours, ours counts, since a repeated label would make the whole answer invalid.

    Args:
        result: what is to be told.
        known: an earlier result of the same target and address, and its lines. Where nothing has
            changed since, most of them are the same.
    """
    common = _target_labels(result)
    if known is None or result.grounds is None or result.grounds is not known[0].grounds:
        return tuple([_family_lines(family, common, result) for family in FAMILIES])
    lines = list(known[1][: len(FAMILIES)])
    for at, family in _TIMED if result.observation is known[0].observation else _OBSERVED:
        lines[at] = _family_lines(family, common, result)
    return tuple(lines)


def _family_lines(family: Family, common: str, result: Result) -> str:
    samples = family.samples(result)
    return _lines(f"{family.name}{{{common}", samples) if samples else ""


def render_all(
    results: Sequence[Result], changes: Mapping[str, int] | None = None, known: Known = MappingProxyType({})
) -> tuple[Rendered, ...]:
    """The finished lines of all results of one target; those about the target as a whole are with the first.

    Args:
        results: one for each address.
        changes: how often each address was seen with another certificate; None where nobody remembers.
        known: what was rendered before.
    """
    counts = changes or {}
    lines = [
        (*render(result, known.get(result.observation.address)), _counted(result, counts))
        for result in results
    ]
    if lines:
        lines[0] = (*lines[0], *_whole(results))
    return tuple(lines)


def _counted(result: Result, changes: Mapping[str, int]) -> str:
    """The one counter, which follows from more than a result."""
    address = result.observation.address
    if address not in changes or not result.verdict.chain:
        return ""
    return f"{CHANGES.name}{{{_target_labels(result)}}} {changes[address]}\n"


def _whole(results: Sequence[Result]) -> Iterator[str]:
    """What is about the target, and not about one of its addresses."""
    target = results[0].target
    common = ",".join([pair("target", target.name), *_own_labels(target)])
    for family in WHOLE_FAMILIES:
        value = family.value(results)
        yield "" if value is None else f"{family.name}{{{common}}} {number(value)}\n"


def exposition(rendered: Iterable[Rendered], *, openmetrics: bool = False) -> Iterator[str]:
    """All results as one text in chunks: each family once, its header first, its lines together.

    Args:
        openmetrics: whether the headers are those of OpenMetrics, where a counter has no `_total`.
        rendered: what `render` or `render_all` made of the results. Two results of one target need different addresses.
    """
    results = tuple(rendered)
    for at, header in enumerate(_OPENMETRICS_HEADERS if openmetrics else _HEADERS):
        due = header
        for batch in _batches(results):
            lines = "".join([one[at] for one in batch if at < len(one)])
            if lines:
                yield due + lines
                due = ""


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


def _lines(start: str, samples: Sequence[Sample]) -> str:
    """The lines of one family. Two samples with equal labels would be an error, so the last one counts."""
    if len(samples) == 1:
        own, value = samples[0]
        return f"{start},{own}}} {number(value)}\n" if own else f"{start}}} {number(value)}\n"
    return "".join([f"{start},{own}}} {number(value)}\n" for own, value in dict(samples).items()])


def _batches(results: Sequence[Rendered]) -> Iterator[Sequence[Rendered]]:
    remaining = iter(results)
    while batch := tuple(islice(remaining, BATCH)):
        yield batch


def _passed(results: Sequence[Result]) -> bool:
    return bool(results) and all(r.success and r.verdict.state is not State.CRITICAL for r in results)


def _target_labels(result: Result) -> str:
    own = _own_labels(result.target)
    return ",".join([pairs(target=result.target.name, address=result.observation.address), *own])


def _own_labels(target: Target) -> Sequence[str]:
    return [pair(name, value) for name, value in target.labels if name not in RESERVED_LABELS]
