"""What no single value shows: references, repetitions, duplicate targets, thresholds in the wrong order.

These rules read the plain data and not the models, so that they are told together with the errors that
keep the models from being built. What has a wrong type is skipped here: `schema` tells it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from exporter import hosts
from exporter.config import sources
from exporter.config.faults import Faults, KeyPath, Node
from exporter.config.fields import MODES, threshold
from exporter.config.units import format_threshold
from exporter.model import Mode, Policy, Target, Threshold

SYSTEM = "system"
"""The trust store that exists without being defined."""


def check(root: Node, faults: Faults) -> None:
    """Add everything that these rules find to the faults."""
    data = mapping(root.data)
    stores = sorted({SYSTEM, *mapping(data.get("trust_stores"))})
    defaults = mapping(data.get("defaults"))
    for path, settings in holders(data):
        _references((*path, "trust_stores"), settings.get("trust_stores"), stores, root, faults)
        for key in ("trust_stores", "names", "revocation", "key_types"):
            _repetitions((*path, key), settings.get(key), root, faults)
        _expiry_order((*path, "expiry"), settings, defaults, root, faults)
    evidence = mapping(data.get("evidence"))
    _repetitions(("evidence", "allow_networks"), evidence.get("allow_networks"), root, faults)
    if "password_file" in (ldap := mapping(evidence.get("ldap"))) and "bind_dn" not in ldap:
        faults.add(
            root.find(("evidence", "ldap", "password_file"), at_key=True), "a password needs a `bind_dn`"
        )
    _duplicates(data, root, faults)


def mapping(value: object) -> dict[str, Any]:
    """The value when it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}


def sequence(value: object) -> list[Any]:
    """The value when it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def uses_system_store(root: Node) -> bool:
    """Whether anything is judged against the store `system`, named or by default."""
    data = mapping(root.data)
    inherited = mapping(data.get("defaults")).get("trust_stores", [SYSTEM])
    used = [settings.get("trust_stores") for _, settings in holders(data)]
    if "allow" in mapping(data.get("probe")):
        used.append(inherited)
    used += [inherited for target in sequence(data.get("targets")) if "trust_stores" not in mapping(target)]
    return any(SYSTEM in sequence(stores) for stores in used)


def holders(data: dict[str, Any]) -> Iterator[tuple[KeyPath, dict[str, Any]]]:
    """Every mapping that can hold settings, with its path."""
    yield ("defaults",), mapping(data.get("defaults"))
    for index, target in enumerate(sequence(data.get("targets"))):
        yield ("targets", index), mapping(target)
    for name, module in mapping(data.get("modules")).items():
        yield ("modules", name), mapping(module)


def _references(path: KeyPath, used: object, stores: list[str], root: Node, faults: Faults) -> None:
    for index, name in enumerate(sequence(used)):
        if isinstance(name, str) and name not in stores:
            message = f"there is no trust store {name!r}{faults.nearest(name, stores)}"
            faults.add(root.find((*path, index)), message)


def _repetitions(path: KeyPath, values: object, root: Node, faults: Faults) -> None:
    seen = set()
    for index, value in enumerate(sequence(values)):
        if isinstance(value, str) and value in seen:
            faults.add(root.find((*path, index)), f"{value!r} is repeated")
        elif isinstance(value, str):
            seen.add(value)


def _expiry_order(
    path: KeyPath, settings: dict[str, Any], defaults: dict[str, Any], root: Node, faults: Faults
) -> None:
    if "expiry" not in settings:
        return
    own, inherited = mapping(settings["expiry"]), mapping(defaults.get("expiry"))
    warning = _threshold(own.get("warning", inherited.get("warning")), Policy().warning)
    critical = _threshold(own.get("critical", inherited.get("critical")), Policy().critical)
    if warning and critical and warning.ratio == critical.ratio and warning.low < critical.low:
        message = f"warning ({format_threshold(warning)}) is below critical ({format_threshold(critical)})"
        faults.add(root.find(path), message)


def _threshold(value: object, default: Threshold) -> Threshold | None:
    try:
        return default if value is None else threshold(value)
    except ValueError:
        return None


def _duplicates(data: dict[str, Any], root: Node, faults: Faults) -> None:
    seen: dict[object, int] = {}
    for index, entry in enumerate(sequence(data.get("targets"))):
        target = _identity(mapping(entry))
        if target is None:
            continue
        series = (target.name, frozenset((name, value) for name, value in target.labels if value))
        for key, what in ((series, "series labels"), (target.id, "name, host, port and mode")):
            if (first := seen.setdefault(key, index)) != index:
                line = root.find(("targets", first)).position.line
                message = f"has the same {what} as targets[{first}] on line {line}: give it another `target`"
                faults.add(root.find(("targets", index)), message)
                break


def _identity(entry: dict[str, Any]) -> Target | None:
    """As much of a target as says where it is and how its series are labelled; None when that is wrong."""
    host, mode = entry.get("host"), MODES.get(str(entry.get("mode", "auto")))
    port = entry.get("port", sources.default_port(mode))
    labels = mapping(entry.get("labels"))
    if not isinstance(host, str) or type(port) is not int or mode is None:
        return None
    name = entry.get("target", hosts.display_name(host, port))
    if not all(isinstance(text, str) for text in (name, *labels.values())):
        return None
    how = mode if isinstance(mode, Mode) else Mode.for_port(port)
    return Target(name=name, host=host, port=port, mode=how, labels=tuple(labels.items()))
