"""Settings that override those of a target, wherever they come from."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from exporter.model import (
    Addresses,
    IpFamily,
    Mode,
    ProblemKind,
    RevocationMethod,
    State,
    Target,
    Threshold,
    Transaction,
)

AUTO: Literal["auto"] = "auto"
"""The mode that depends on the port, see `Mode.for_port`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A set of overrides. None means not set: the target keeps what it has.

    `interval` and `timeout` are seconds. `severities` override problem by problem.
    """

    mode: Mode | Literal["auto"] | None = None
    names: tuple[str, ...] | None = None
    sni: str | None = None
    interval: float | None = None
    timeout: float | None = None
    ehlo_name: str | None = None
    addresses: Addresses | None = None
    ip_family: IpFamily | None = None
    stores: tuple[str, ...] | None = None
    warning: Threshold | None = None
    critical: Threshold | None = None
    revocation: tuple[RevocationMethod, ...] | None = None
    severities: Mapping[ProblemKind, State] = field(default_factory=dict)
    transaction: Transaction | Literal[False] | None = None
    """False: none, whatever the target has."""

    def apply(self, target: Target) -> Target:
        """The target with exactly the settings of this module replaced."""
        changes = self._set("names", "sni", "interval", "timeout", "ehlo_name", "addresses", "ip_family")
        if self.transaction is not None:
            changes["transaction"] = self.transaction or None
        if self.mode is not None:
            changes["mode"] = Mode.for_port(target.port) if self.mode == AUTO else self.mode
        policy = self._set("stores", "warning", "critical", "revocation")
        if self.severities:
            policy["severities"] = {**target.policy.severities, **self.severities}
        if policy:
            changes["policy"] = dataclasses.replace(target.policy, **policy)
        return dataclasses.replace(target, **changes) if changes else target

    def above(self, below: Module) -> Module:
        """The settings of both, where this one's count more."""
        own = {
            one.name: value
            for one in dataclasses.fields(self)
            if (value := getattr(self, one.name)) is not None
        }
        return dataclasses.replace(below, **{**own, "severities": {**below.severities, **self.severities}})

    def _set(self, *names: str) -> dict[str, Any]:
        return {name: value for name in names if (value := getattr(self, name)) is not None}
