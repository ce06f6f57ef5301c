"""Lists of targets in Prometheus' service discovery format, from files and over HTTP.

    [{"targets": ["mx1.example.org:25", "[2001:db8::1]"], "labels": {"site": "fra", "__mode": "starttls"}}]

Labels that begin with two underscores are our settings, spelled as in the file (`__names: a, b`), the others
become labels of the series. What begins with `__meta_` belongs to whoever made the list and is left out.

Specification: https://prometheus.io/docs/prometheus/latest/http_sd/
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from exporter import hosts
from exporter.config import ConfigError, nodes, schema, settings, wording
from exporter.config.faults import Faults, KeyPath, Node
from exporter.config.sources import Template
from exporter.model import Target

_LISTS = frozenset({"names", "trust_stores", "revocation", "key_types"})
_SETTINGS = frozenset(schema.Target.model_fields) - {"host", "labels", "expiry", "severities", "transaction"}


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads lists; `stores` are the names of the trust stores that there are."""

    stores: frozenset[str]

    def __call__(self, name: str, text: str, template: Template) -> tuple[Target, ...]:
        """The targets of a list that is called by this name.

        Raises:
            ConfigError: not even one target is taken from a list with mistakes; it carries all of them.
        """
        faults = Faults()
        found: list[Target] = []
        try:
            root = nodes.parse(text, faults)
            for path, entry in _entries(root, faults):
                found += self._targets(root, path, entry, template, faults)
        except nodes.Unreadable:
            pass
        if faults:
            raise ConfigError(faults.messages(name))
        return tuple(found)

    def _targets(
        self, root: Node, path: KeyPath, entry: dict[str, Any], template: Template, faults: Faults
    ) -> Iterator[Target]:
        for unknown in sorted({*entry.get("trust_stores", ())} - self.stores):
            faults.add(root.find(path), f"there is no trust store {unknown!r}")
        try:
            checked = schema.Target.model_validate(entry)
        except ValidationError as error:
            for message in wording.messages(error):
                faults.add(root.find(path), message)
            return
        adapted = replace(
            template,
            own=settings.module(checked, "").above(template.own),
            port=checked.port or template.port,
            key_types=tuple(checked.key_types or template.key_types),
        )
        labels = tuple((checked.labels or {}).items())
        yield from adapted.targets(checked.host, name=checked.target or "", labels=labels)


def _entries(root: Node, faults: Faults) -> Iterator[tuple[KeyPath, dict[str, Any]]]:
    """Each target of a list as an entry of the configuration file."""
    if not isinstance(root.data, list):
        faults.add(root.find(()), "must be a list of groups, each with `targets`")
        return
    for number, group in enumerate(root.data):
        path: KeyPath = (number,)
        names = group.get("targets") if isinstance(group, dict) else None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            faults.add(root.find((*path, "targets")), "must be a group with `targets`, a list of strings")
            continue
        given = dict(_settings(root, (*path, "labels"), group.get("labels"), faults))
        for index, name in enumerate(names):
            try:
                host, port = hosts.host_and_port(name)
            except ValueError as error:
                faults.add(root.find((*path, "targets", index)), str(error))
            else:
                own = {"host": host} if port is None else {"host": host, "port": port}
                yield (*path, "targets", index), {**given, **own}


def _settings(root: Node, path: KeyPath, labels: object, faults: Faults) -> Iterator[tuple[str, object]]:
    """The settings among the labels of a group, and its labels."""
    if not isinstance(labels, dict | None) or any(
        isinstance(v, dict | list) for v in (labels or {}).values()
    ):
        faults.add(root.find(path), "must be a mapping of strings")
        return
    given = {name: _as_text(value) for name, value in (labels or {}).items()}
    yield "labels", {name: text for name, text in given.items() if text and not name.startswith("__")}
    for name, text in given.items():
        key = name.removeprefix("__")
        if key == name or name.startswith("__meta_"):
            continue
        if key not in _SETTINGS:
            faults.add(root.find((*path, name), at_key=True), "there is no such setting")
        else:
            yield key, _value(key, text)


def _as_text(value: object) -> str:
    """YAML takes `__port: 587` for a number, Prometheus for a string."""
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _value(key: str, text: str) -> object:
    """What the text of a label would be in the configuration file."""
    if key in _LISTS:
        return [part.strip() for part in text.split(",") if part.strip()]
    return nodes.scalar(text) if key == "port" else text
