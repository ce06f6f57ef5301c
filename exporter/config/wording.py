"""Validation errors in our words: what pydantic found comes in, faults with positions go out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pydantic import BaseModel

from exporter.config import schema
from exporter.config.faults import Faults, KeyPath, Node, spell
from exporter.config.fields import UnknownWord, describe

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

_KINDS = {
    "string_type": "a string",
    "string_unicode": "a string of valid Unicode",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_IN_KEY = "[key]"
_SECTIONS: Mapping[str, type[BaseModel]] = {
    "defaults": schema.Defaults,
    "modules": schema.Module,
    "probe": schema.Probe,
    "limits": schema.Limits,
    "evidence": schema.Evidence,
}
"""What a section of the file holds, or each of its parts."""
_STORE_TYPES = tuple(schema.STORES)


def tell(error: ValidationError, root: Node, faults: Faults) -> None:
    """Add every error of a validation to the faults."""
    for details in error.errors(include_url=False):
        _tell_one(details, root, faults)


def messages(error: ValidationError) -> Iterator[str]:
    """What is wrong with a single target, each with its key."""
    for details in error.errors(include_url=False):
        yield f"{spell(_path(details))}: {words(details)}"


def _tell_one(details: ErrorDetails, root: Node, faults: Faults) -> None:
    path, kind = _path(details), details["type"]
    at_key = kind == "extra_forbidden" or _IN_KEY in details["loc"]
    message = words(details) + _suggestion(details, path, faults)
    faults.add(root.find(path, at_key=at_key), message)


def _path(details: ErrorDetails) -> KeyPath:
    """The keys that lead to the error, without what pydantic adds about its own types."""
    path = tuple(part for part in details["loc"] if part != _IN_KEY)
    if path[:1] == ("trust_stores",) and path[2:3] and path[2] in _STORE_TYPES:
        path = path[:2] + path[3:]
    if path[:1] == ("targets",):
        path = path[:2] + path[3:]  # the kind of entry
    return (*path, "type") if details["type"].startswith("union_tag") else path


def words(details: ErrorDetails) -> str:
    """What is wrong, without where."""
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    if kind in _KINDS:
        return f"must be {_KINDS[kind]}, not {describe(value)}{_quotes(kind, value)}"
    if kind == "value_error":
        return str(context["error"])
    if kind == "union_tag_invalid":
        return f"must be one of {', '.join(_STORE_TYPES)}, not {describe(value['type'])}"
    if kind == "missing" and details["loc"][0] == "targets" and details["loc"][3:] == ("host",):
        return f"is missing: a target has one of {', '.join(schema.TARGETS)}"
    if kind == "extra_forbidden" and details["loc"][0] == "targets" and details["loc"][3] in schema.TARGETS:
        return f"cannot stand beside `{details['loc'][2]}`"
    return {
        "missing": "is missing",
        "union_tag_not_found": f"is missing: one of {', '.join(_STORE_TYPES)}",
        "extra_forbidden": "unknown key",
        "greater_than_equal": f"must be at least {context.get('ge')}, not {describe(value)}",
        "less_than_equal": f"must be at most {context.get('le')}, not {describe(value)}",
        "too_short": "must not be empty",
    }.get(kind, details["msg"])


def _quotes(kind: str, value: object) -> str:
    scalar = isinstance(value, bool | int | float)
    return ": put it in quotes" if kind == "string_type" and scalar else ""


def _suggestion(details: ErrorDetails, path: KeyPath, faults: Faults) -> str:
    if details["type"] == "extra_forbidden" and path[-1] not in schema.TARGETS:
        return faults.nearest(str(path[-1]), _keys(details["loc"][:-1]))
    if details["type"] == "union_tag_invalid":
        return faults.nearest(str(details["input"]["type"]), _STORE_TYPES)
    error = details.get("ctx", {}).get("error")
    return faults.nearest(error.word, error.known) if isinstance(error, UnknownWord) else ""


def _keys(path: KeyPath) -> list[str]:
    """The keys that the mapping at a path of pydantic's may have."""
    return list(_model(path).model_fields)


def _model(path: KeyPath) -> type[BaseModel]:
    match path:
        case ("defaults", "expiry") | ("modules", _, "expiry") | ("targets", _, _, "expiry"):
            return schema.Expiry
        case ("targets", _, kind, *_):
            return schema.TARGETS[str(kind)]
        case ("trust_stores", _, kind):
            return schema.STORES[str(kind)]
        case (section, *_):
            return _SECTIONS[str(section)]
        case _:
            return schema.File
