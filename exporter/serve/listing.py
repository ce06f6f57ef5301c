"""The targets in Prometheus' HTTP service discovery format, for scraping each through `/probe`.

Specification: https://prometheus.io/docs/prometheus/latest/http_sd/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypedDict

from exporter.model import Target
from exporter.publish.text import well_formed

PREFIX = "__meta_smtp_tls_"


class Group(TypedDict):
    """Targets with equal labels."""

    targets: Sequence[str]
    labels: Mapping[str, str]


def groups(targets: Iterable[Target]) -> Sequence[Group]:
    """One group for each name that `/probe` can be asked for.

    The target's own labels are meta labels like the rest, since `/probe` puts them on its series anyway.
    """
    named: dict[str, Target] = {}
    for target in targets:
        if target.host:
            named.setdefault(target.name, target)
    return [{"targets": [well_formed(name)], "labels": _labels(target)} for name, target in named.items()]


def _labels(target: Target) -> Mapping[str, str]:
    where = {"host": target.host, "port": str(target.port), "mode": target.mode.value}
    own = {f"label_{name}": text for name, text in target.labels}
    return {f"{PREFIX}{name}": well_formed(text) for name, text in {**where, **own}.items()}
