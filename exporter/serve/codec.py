"""Results as JSON and back, for a file that this program reads again.

In: values of `exporter.model`, or what was made of them. Out: the other. Nothing but data is ever made from what is read, so
that whoever can write the file can at most show something wrong. A certificate stands once in a document, however
many verdicts are about it.
"""

from __future__ import annotations

import base64
import dataclasses
import enum
import functools
import json
import types
import typing
import zlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from exporter.judge import remaining
from exporter.model import CertificateFacts, Observation, Phases, Result, Target, Verdict

MAX_BYTES = 16 * 1024 * 1024
"""Of one unpacked document; far more than the caps of a probe leave room for."""

_SAME = "same"
_PLAIN = (str, int, float, bool, type(None))


def pack(result: Result) -> bytes:
    """A result without its target, compressed."""
    certificates: dict[bytes, int] = {}
    facts: list[CertificateFacts] = []

    def refer(one: CertificateFacts) -> int:
        if one.der not in certificates:
            certificates[one.der] = len(facts)
            facts.append(one)
        return certificates[one.der]

    whole = {
        "observation": _encoded(result.observation, refer),
        "verdict": _encoded(result.verdict, refer),
        "time": result.time.isoformat(),
        "duration": result.duration,
        "phases": _encoded(result.phases, refer),
        "seen": _SAME if result.seen is result.observation else _encoded(result.seen, refer),
        "seen_at": result.seen_at and result.seen_at.isoformat(),
    }
    document = {"certificates": [_fields(one, refer) for one in facts], **whole}
    return zlib.compress(json.dumps(document, separators=(",", ":")).encode(), 1)


def unpack(packed: bytes, target: Target) -> Result:
    """A result of this target.

    Raises:
        ValueError: the data are not what `pack` made, or what another version did.
    """
    try:
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(packed, MAX_BYTES)
        return _result(json.loads(text), target)
    except (zlib.error, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise ValueError(f"not a result: {error!r}") from error


def _result(document: dict[str, Any], target: Target) -> Result:
    facts: list[CertificateFacts] = [_made(CertificateFacts, given, ()) for given in document["certificates"]]
    observation: Observation = _decoded(Observation, document["observation"], facts)
    same = document["seen"] == _SAME
    verdict: Verdict = _decoded(Verdict, document["verdict"], facts)
    time = datetime.fromisoformat(document["time"])
    days, ratio = remaining(verdict.chain, time)
    return Result(
        target=target,
        observation=observation,
        verdict=verdict,
        time=time,
        duration=float(document["duration"]),
        phases=_decoded(Phases, document.get("phases", ()), facts),
        days_left=days,
        lifetime_left=ratio,
        seen=observation if same else _decoded(Observation | None, document["seen"], facts),
        seen_at=datetime.fromisoformat(document["seen_at"]) if document["seen_at"] else None,
    )


# --- to JSON --------------------------------------------------------------------------------------


def _encoded(value: object, refer: Callable[[CertificateFacts], int]) -> Any:  # noqa: ANN401, PLR0911 - any JSON; one for each kind
    if isinstance(value, CertificateFacts):
        return refer(value)
    if dataclasses.is_dataclass(value):
        return _fields(value, refer)
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return [[_encoded(key, refer), _encoded(part, refer)] for key, part in value.items()]
    if isinstance(value, tuple | frozenset):
        return [_encoded(part, refer) for part in value]
    assert isinstance(value, _PLAIN), value
    return value


def _fields(value: Any, refer: Callable[[CertificateFacts], int]) -> dict[str, Any]:  # noqa: ANN401 - a dataclass
    return {one.name: _encoded(getattr(value, one.name), refer) for one in dataclasses.fields(value)}


# --- from JSON ------------------------------------------------------------------------------------


def _decoded(hint: Any, data: Any, facts: Sequence[CertificateFacts]) -> Any:  # noqa: ANN401 - one for each kind
    """What was encoded as a value of this type."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in {typing.Union, types.UnionType}:
        (wanted,) = [one for one in arguments if one is not type(None)]
        return None if data is None else _decoded(wanted, data, facts)
    if origin is tuple:
        several = arguments[:1] * len(data) if arguments[1:] == (...,) else arguments
        return tuple(_decoded(one, part, facts) for one, part in zip(several, data, strict=True))
    if origin is frozenset:
        return frozenset(_decoded(arguments[0], part, facts) for part in data)
    if origin is Mapping:
        return {_decoded(arguments[0], k, facts): _decoded(arguments[1], v, facts) for k, v in data}
    if hint is CertificateFacts:
        return facts[data]
    if dataclasses.is_dataclass(hint):
        return _made(hint, data, facts)
    return _scalar(hint, data)


def _scalar(hint: Any, data: Any) -> Any:  # noqa: ANN401 - any of the plain types
    if hint is bytes:
        return base64.b64decode(data, validate=True)
    if hint is datetime:
        return datetime.fromisoformat(data)
    if issubclass(hint, enum.Enum):
        return hint(data)
    if not isinstance(data, (int, float) if hint is float else hint):
        raise TypeError(f"{type(data)} instead of {hint}")
    return data


def _made(kind: Any, data: dict[str, Any], facts: Sequence[CertificateFacts]) -> Any:  # noqa: ANN401 - a dataclass
    """Fields that another version did not have keep their defaults."""
    return kind(
        **{name: _decoded(hint, data[name], facts) for name, hint in _hints(kind).items() if name in data}
    )


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {one.name: hints[one.name] for one in dataclasses.fields(kind)}
