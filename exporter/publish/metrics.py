"""Results as Prometheus series, in the text format 0.0.4.

In: finished results. Out: their lines, and whole expositions of many of them. `/metrics` and `/probe` both use
it, so a metric has one name and one meaning. It must not know which metrics there are: `families` does.

A line begins with the name of its metric and the labels of its target. What follows, the ending, is the same
for many targets. So that is what is kept, each ending once, and the beginnings are put before them when somebody
asks: with fifty thousand targets that saves a third of the memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from types import MappingProxyType
from typing import NamedTuple

from exporter.model import Result, Target
from exporter.publish.families import CHANGES, FAMILIES, RESERVED_LABELS, Family, Sample
from exporter.publish.labels import number, pair, pairs
from exporter.publish.whole import WHOLE_FAMILIES

BATCH = 250
"""Results whose lines are joined at once; keeps each step of a large answer short."""
SHARED = 32
"""Samples of one family and result that are remembered for other results."""


_NEXT = "\0"
"""Between two endings; no text has it, since `text.one_line` spells it out."""

Group = tuple[str, ...]
"""For each family, in their order, the endings of its lines; empty where it has none."""


class Rendered(NamedTuple):
    """The lines of one result without their beginnings, grouped by what makes them change.

    `timed` differ from probe to probe, `observed` with what the server shows, `steady` with the verdict. `counted` is
    the counter. `whole` are, with the first result of a target, the lines about the target as a whole.
    """

    labels: str
    """Those of the target, with the brace before them; every line but those of `whole` has them."""
    timed: Group
    observed: Group
    steady: Group
    counted: Group = ("",)
    whole: tuple[str, ...] = ()


Known = Mapping[str, tuple[Result, Rendered]]
"""Earlier results of a target and their lines, by address."""

_TIMED = tuple(family for family in FAMILIES if family.timed)
_OBSERVED = tuple(family for family in FAMILIES if family.observed)
_STEADY = tuple(family for family in FAMILIES if not family.timed and not family.observed)


class _Row(NamedTuple):
    """A family of the exposition: its header, its name, and in which group of the rendered lines it is, and where there."""

    header: str
    name: str
    group: int
    place: int


def _row(family: Family, *, openmetrics: bool) -> _Row:
    groups = enumerate((_TIMED, _OBSERVED, _STEADY, (CHANGES,)), start=1)
    group, place = next((group, of.index(family)) for group, of in groups if family in of)
    header = family.header
    if openmetrics and family is CHANGES:
        header = header.replace(f"{CHANGES.name} ", f"{CHANGES.name[:-6]} ")
    return _Row(header, family.name, group, place)


_ROWS = {
    openmetrics: tuple(_row(family, openmetrics=openmetrics) for family in (*FAMILIES, CHANGES))
    for openmetrics in (False, True)
}
"""All families, by whether they are for OpenMetrics."""


def render(result: Result, known: tuple[Result, Rendered] | None = None) -> Rendered:
    """The lines of one result.

    Every series has the labels `target` and `address` and the target's own ones. Where one of those has the
    name of a label of ours, ours counts, since a repeated label would make the whole answer invalid.

    Args:
        result: what is to be told.
        known: an earlier result of the same target and address, and its lines. Where nothing has
            changed since, most of them are the same.
    """
    timed = tuple([_endings(family.samples(result)) for family in _TIMED])
    if known is None or result.grounds is None or result.grounds is not known[0].grounds:
        return Rendered(_target_labels(result), timed, _group(_OBSERVED, result), _group(_STEADY, result))
    last, lines = known
    same = result.observation is last.observation
    labels = lines.labels if result.target is last.target else _target_labels(result)
    return Rendered(labels, timed, lines.observed if same else _group(_OBSERVED, result), lines.steady)


def _group(families: Sequence[Family], result: Result) -> Group:
    return tuple([_kept(samples) if (samples := family.samples(result)) else "" for family in families])


def _kept(samples: Sequence[Sample]) -> str:
    """The same object as for other targets. A chain of fifty certificates should not fill that memory."""
    return _shared(tuple(samples)) if len(samples) <= SHARED else _endings(samples)


def _endings(samples: Sequence[Sample]) -> str:
    """Two samples with equal labels would be an error, so the last one counts."""
    distinct = samples if len(samples) == 1 else dict(samples).items()
    return _NEXT.join(
        [f",{own}}} {number(value)}\n" if own else f"}} {number(value)}\n" for own, value in distinct]
    )


_shared = lru_cache(maxsize=1024)(_endings)


def render_all(
    results: Sequence[Result], changes: Mapping[str, int] | None = None, known: Known = MappingProxyType({})
) -> tuple[Rendered, ...]:
    """The lines of all results of one target; those about the target as a whole are with the first.

    Args:
        results: one for each address.
        changes: how often each address was seen with another certificate; None where nobody remembers.
        known: what was rendered before.
    """
    counts, whole = changes or {}, _whole_again(results, known) or tuple(_whole(results))
    rendered = []
    for result in results:
        labels, timed, observed, steady, *_ = render(result, known.get(result.observation.address))
        rendered.append(Rendered(labels, timed, observed, steady, (_counted(result, counts),), whole))
        whole = ()
    return tuple(rendered)


def _counted(result: Result, changes: Mapping[str, int]) -> str:
    """The one counter, which follows from more than a result."""
    count = changes.get(result.observation.address)
    return _shared((("", count),)) if count is not None and result.verdict.chain else ""


def _whole_again(results: Sequence[Result], known: Known) -> tuple[str, ...] | None:
    """What was told of the one address of a target, if it would be told again."""
    if len(results) != 1 or len(known) != 1:
        return None
    last, lines = known.get(results[0].observation.address, (None, None))
    same = last is not None and last.verdict is results[0].verdict and last.target is results[0].target
    return lines.whole if same and lines else None


def _whole(results: Sequence[Result]) -> Iterator[str]:
    """What is about the target, and not about one of its addresses."""
    if not results:
        return
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
    for row in _ROWS[openmetrics]:
        due = row.header
        for batch in batches:
            if lines := _lines(row, batch):
                yield due + lines
                due = ""
    yield from _wholes(batches)


def _lines(row: _Row, batch: Sequence[Rendered]) -> str:
    """Those of one family, each ending behind its beginning."""
    _, name, group, place = row
    return "".join(
        [
            (start := name + one.labels) + endings.replace(_NEXT, start)
            for one in batch
            if (endings := one[group][place])
        ]
    )


def _wholes(batches: Sequence[Sequence[Rendered]]) -> Iterator[str]:
    """Those about targets as a whole."""
    for place, family in enumerate(WHOLE_FAMILIES):
        header = family.header
        for batch in batches:
            if lines := "".join([one.whole[place] for one in batch if one.whole]):
                yield header + lines
                header = ""


def _batches(results: Iterable[Rendered]) -> Iterator[Sequence[Rendered]]:
    remaining = iter(results)
    while batch := tuple(islice(remaining, BATCH)):
        yield batch


def _target_labels(result: Result) -> str:
    own = _own_labels(result.target)
    return "{" + ",".join([pairs(target=result.target.name, address=result.observation.address), *own])


def _own_labels(target: Target) -> Sequence[str]:
    return [pair(name, value) for name, value in target.labels if name not in RESERVED_LABELS]
