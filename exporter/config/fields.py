"""The types of single values: plain data in, model values or ValueError with the reason out.

Every type says how a JSON Schema describes it, since validators written in Python are opaque to one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, WithJsonSchema

from exporter import hosts
from exporter.config import AUTO, networks, units
from exporter.model import (
    Addresses,
    AuthMechanism,
    IpFamily,
    KeyType,
    Mode,
    ProblemKind,
    RevocationMethod,
    State,
    Threshold,
    check_mailbox,
)

RESERVED_LABELS = frozenset(
    {
        "target",
        "address",
        "store",
        "name",
        "problem",
        "position",
        "phase",
        "stage",
        "reason",
        "version",
        "cipher",
        "group",
        "subject",
        "issuer",
        "serial",
        "sha1",
        "sha256",
        "key",
        "signature",
        "code",
        "depth",
        "method",
        "command",
        "key_type",
        "mx",
        "preference",
        "status",
        "le",
        "quantile",
    }
)
"""Label names that the metrics use themselves."""

MODES: Mapping[str, Mode | Literal["auto"]] = {AUTO: AUTO, **{mode.value: mode for mode in Mode}}
ADDRESSES: Mapping[str, Addresses] = {choice.value: choice for choice in Addresses}
FAMILIES: Mapping[str, IpFamily] = {family.value: family for family in IpFamily}
SEVERITIES: Mapping[str, State] = {state.name.lower(): state for state in State}
METHODS: Mapping[str, RevocationMethod] = {method.value: method for method in RevocationMethod}
MECHANISMS: Mapping[str, AuthMechanism] = {mechanism.value: mechanism for mechanism in AuthMechanism}
KEY_TYPES: Mapping[str, KeyType] = {kind.value: kind for kind in KeyType}
PROBLEMS: Mapping[str, ProblemKind] = {kind.value: kind for kind in ProblemKind}

_LABEL_PATTERN = "^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$"
_LABEL = re.compile("[a-zA-Z_][a-zA-Z0-9_]*")
_SHOWN = 80


class UnknownWord(ValueError):  # noqa: N818 - named for what it is about
    """A word that is not in a closed list; whoever tells it can suggest the most similar."""

    def __init__(self, word: str, known: tuple[str, ...], what: str = "") -> None:
        choices = f"must be one of {', '.join(known)}, not {word!r}"
        super().__init__(f"there is no {what} {word!r}" if what else choices)
        self.word = word
        self.known = known


def describe(value: object) -> str:
    """A value for a message: itself, shortened, or its kind when it has parts."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def one_of(options: Mapping[str, Any], what: str = "") -> PlainValidator:
    """One of a few words, or of the many that are called `what`."""
    known = tuple(options)

    def validate(value: object) -> Any:  # noqa: ANN401 - whatever the options hold
        if not isinstance(value, str):
            raise _wrong(f"one of {', '.join(known)}", value)
        if value not in options:
            raise UnknownWord(value, known, what)
        return options[value]

    return PlainValidator(validate)


def _wrong(wanted: str, value: object) -> ValueError:
    return ValueError(f"must be {wanted}, not {describe(value)}")


def _words(options: Mapping[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "enum": list(options)})


def _duration(low: str, high: str) -> PlainValidator:
    """A duration within bounds, in seconds."""
    bounds = units.parse_duration(low), units.parse_duration(high)

    def validate(value: object) -> float:
        if not isinstance(value, str):
            raise _wrong(f"a duration with its unit, such as {low} or {high}", value)
        seconds = units.parse_duration(value)
        if not bounds[0] <= seconds <= bounds[1]:
            raise ValueError(f"must be between {low} and {high}, not {value}")
        return seconds

    return PlainValidator(validate)


def threshold(value: object) -> Threshold:
    """A threshold from its text or a number of days.

    Raises:
        ValueError: it is neither, or out of range.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _wrong("days (21d) or a share of the lifetime (33%)", value)
    return units.parse_threshold(value if isinstance(value, str) else f"{value}")


def _label_name(name: str) -> str:
    if name.startswith("__"):
        raise ValueError("label names that begin with `__` belong to Prometheus")
    if not _LABEL.fullmatch(name):
        raise ValueError("a label name has letters, digits and `_`, and does not begin with a digit")
    if name in RESERVED_LABELS:
        raise ValueError(f"the label `{name}` is set by the exporter itself")
    return name


def printable(value: str) -> str:
    """Text that has something in it and no control characters.

    Raises:
        ValueError: it is not.
    """
    if not value.strip():
        raise ValueError("must not be empty")
    if not value.isprintable():
        raise ValueError(f"must not have control characters: {describe(value)}")
    return value


def _sender(value: str) -> str:
    return check_mailbox(value) if value else value


def _username(value: str) -> str:
    if not value or not value.isprintable():
        raise ValueError("must be a name without control characters")
    return value


def _expected_name(value: str) -> str:
    return value if hosts.is_address(value) else hosts.check_name(value).removesuffix(".")


def _sni(value: str) -> str:
    if hosts.is_address(value):
        raise ValueError(f"must be a host name, not the address {value!r}: leave it out to send none")
    return hosts.check_name(value).removesuffix(".") if value else ""


def _allowed(value: object) -> IPv4Network | IPv6Network | str:
    """A network, or a pattern of host names such as `*.example.org`."""
    if not isinstance(value, str):
        raise _wrong("a name such as *.contoso.com, or a network such as 10.1.0.0/16", value)
    if value[:1].isdigit() or ":" in value or "/" in value:
        return networks.parse_network(value)
    try:
        hosts.check_name(value.replace("*", "x"))
    except ValueError:
        raise _wrong("a host name, with * for anything", value) from None
    return value.lower().removesuffix(".")


def _network(value: object) -> IPv4Network | IPv6Network:
    if not isinstance(value, str):
        raise _wrong("a network such as 10.1.0.0/16, or an address", value)
    return networks.parse_network(value)


def _as_list(value: object) -> object:
    if not isinstance(value, str | list):
        raise _wrong("a path or a list of paths", value)
    return [value] if isinstance(value, str) else value


def _pattern(value: str) -> str:
    if "**" in value or any(sign in value.rpartition("/")[0] for sign in "*?["):
        raise ValueError(f"only the last part of the path may have wildcards, not {describe(value)}")
    return value


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        hosts.check_host(parts.hostname or "")
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not printable(value).isascii() or " " in value:
        raise ValueError(f"must be an http or https URL, not {describe(value)}")
    if "@" in parts.netloc:
        raise ValueError("must not hold a password")
    return value


_DURATION_SCHEMA = WithJsonSchema({"type": "string", "pattern": units.DURATION_PATTERN})

Text = Annotated[str, AfterValidator(printable), WithJsonSchema({"type": "string", "minLength": 1})]
Port = Annotated[int, Field(ge=1, le=65535)]
Interval = Annotated[float, _duration("1s", "30d"), _DURATION_SCHEMA]
Refresh = Annotated[float, _duration("5s", "1d"), _DURATION_SCHEMA]
Timeout = Annotated[float, _duration("100ms", "5m"), _DURATION_SCHEMA]
EvidenceTimeout = Annotated[float, _duration("100ms", "1m"), _DURATION_SCHEMA]
Delay = Annotated[float, _duration("0s", "1h"), _DURATION_SCHEMA]
Limit = Annotated[
    Threshold,
    PlainValidator(threshold),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": units.THRESHOLD_PATTERN}, {"type": "number", "minimum": 0}]}
    ),
]
Host = Annotated[str, AfterValidator(hosts.check_host), WithJsonSchema({"type": "string", "minLength": 1})]
Domain = Annotated[str, AfterValidator(hosts.check_name), WithJsonSchema({"type": "string", "minLength": 1})]
Url = Annotated[str, AfterValidator(_url), WithJsonSchema({"type": "string", "pattern": "^https?://"})]
Network = Annotated[
    IPv4Network | IPv6Network,
    PlainValidator(_network),
    WithJsonSchema({"type": "string", "pattern": networks.CIDR_PATTERN}),
]
Allowed = Annotated[
    IPv4Network | IPv6Network | str,
    PlainValidator(_allowed),
    WithJsonSchema({"type": "string", "minLength": 1}),
]
Names = list[Annotated[str, AfterValidator(_expected_name)]]
Sni = Annotated[str, AfterValidator(_sni)]
Mailbox = Annotated[str, AfterValidator(check_mailbox)]
Sender = Annotated[str, AfterValidator(_sender)]
UserName = Annotated[str, AfterValidator(_username)]
Mechanism = Annotated[AuthMechanism, one_of(MECHANISMS), _words(MECHANISMS)]
EhloName = Annotated[str, AfterValidator(hosts.check_ehlo_name)]
ModeChoice = Annotated[Mode | Literal["auto"], one_of(MODES), _words(MODES)]
AddressesChoice = Annotated[Addresses, one_of(ADDRESSES), _words(ADDRESSES)]
FamilyChoice = Annotated[IpFamily, one_of(FAMILIES), _words(FAMILIES)]
StoreNames = list[str]
Methods = Annotated[
    list[Annotated[RevocationMethod, one_of(METHODS)]],
    WithJsonSchema(
        {"type": "array", "items": {"type": "string", "enum": list(METHODS)}, "uniqueItems": True}
    ),
]
KeyTypes = Annotated[
    list[Annotated[KeyType, one_of(KEY_TYPES)]],
    Field(min_length=1),
    WithJsonSchema(
        {
            "type": "array",
            "items": {"type": "string", "enum": list(KEY_TYPES)},
            "minItems": 1,
            "uniqueItems": True,
        }
    ),
]
Severities = Annotated[
    dict[Annotated[ProblemKind, one_of(PROBLEMS, "problem")], Annotated[State, one_of(SEVERITIES)]],
    WithJsonSchema(
        {
            "type": "object",
            "propertyNames": {"enum": list(PROBLEMS)},
            "additionalProperties": {"type": "string", "enum": list(SEVERITIES)},
        }
    ),
]
Labels = Annotated[
    dict[Annotated[str, AfterValidator(_label_name)], str],
    WithJsonSchema(
        {
            "type": "object",
            "propertyNames": {"pattern": _LABEL_PATTERN, "not": {"enum": sorted(RESERVED_LABELS)}},
            "additionalProperties": {"type": "string"},
        }
    ),
]
_PATHS_SCHEMA = WithJsonSchema(
    {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
)
Paths = Annotated[
    list[Annotated[str, AfterValidator(printable)]],
    Field(min_length=1),
    BeforeValidator(_as_list),
    _PATHS_SCHEMA,
]
Patterns = Annotated[
    list[Annotated[str, AfterValidator(printable), AfterValidator(_pattern)]],
    Field(min_length=1),
    BeforeValidator(_as_list),
    _PATHS_SCHEMA,
]
