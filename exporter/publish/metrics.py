"""Results as Prometheus series, in the text format 0.0.4.

In: finished results. Out: their lines, and whole expositions of many of them. `/metrics` and `/probe` both use
it, so a metric has one name and one meaning. It must not know which metrics there are: `families` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import NamedTuple

from exporter.model import Result, State, Target
from exporter.publish.families import CHANGES, FAMILIES, RESERVED_LABELS, Family, Sample, timestamp
from exporter.publish.labels import number, pair, pairs
from exporter.publish.whole import WHOLE_FAMILIES, WholeFamily

BATCH = 250
"""Results whose lines are joined at once; keeps each step of a large answer short."""


Lines = tuple[str, ...]
"""A text for each family of a group, in their order; empty where it has no lines."""


class Rendered(NamedTuple):
    """The finished lines of one result, grouped by what makes them change.

    `timed` differ from probe to probe, `observed` with what the server shows, `steady` with the verdict. `further` are
    the counter and, with the first result of a target, what is about the target as a whole.
    """

    timed: Lines
    observed: Lines
    steady: Lines
    further: Lines = ()

    def text(self) -> str:
        """All of them."""
        return "".join(line for group in self for line in group)


Known = Mapping[str, tuple[Result, Rendered]]
"""Earlier results of a target and their lines, by address."""

_TIMED = tuple(family for family in FAMILIES if family.timed)
_OBSERVED = tuple(family for family in FAMILIES if family.observed)
_STEADY = tuple(family for family in FAMILIES if not family.timed and not family.observed)
_FURTHER: Sequence[Family | WholeFamily] = (CHANGES, *WHOLE_FAMILIES)
_GROUPS: Sequence[Sequence[Family | WholeFamily]] = (_TIMED, _OBSERVED, _STEADY, _FURTHER)
_PLACES = {
    family.name: (group, place)
    for group, families in enumerate(_GROUPS)
    for place, family in enumerate(families)
}
"""In which group of the rendered lines a family is, and where there."""


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
    timed = _group(_TIMED, common, result)
    if known is None or result.grounds is None or result.grounds is not known[0].grounds:
        return Rendered(timed, _group(_OBSERVED, common, result), _group(_STEADY, common, result))
    last, lines = known
    same = result.observation is last.observation
    return Rendered(timed, lines.observed if same else _group(_OBSERVED, common, result), lines.steady)


def _group(families: Sequence[Family], common: str, result: Result) -> Lines:
    return tuple([_family_lines(family, common, result) for family in families])


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
    counts, whole = changes or {}, tuple(_whole(results)) if results else ()
    rendered = []
    for result in results:
        timed, observed, steady, _ = render(result, known.get(result.observation.address))
        rendered.append(Rendered(timed, observed, steady, (_counted(result, counts), *whole)))
        whole = ()
    return tuple(rendered)


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
    batches = tuple(_batches(rendered))
    every: Sequence[Family | WholeFamily] = (*FAMILIES, *_FURTHER)
    for family in every:
        due, (group, place) = family.header, _PLACES[family.name]
        if openmetrics and family is CHANGES:
            due = due.replace(f"{CHANGES.name} ", f"{CHANGES.name[:-6]} ")
        for batch in batches:
            lines = "".join([groups[group][place] for groups in batch if place < len(groups[group])])
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


def _batches(results: Iterable[Rendered]) -> Iterator[Sequence[Rendered]]:
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
