"""What was concluded: verdicts, problems and results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from exporter.model.certificates import CertificateFacts
from exporter.model.revocation import RevocationAnswer, RevocationVerdict
from exporter.model.seen import Observation, Phases
from exporter.model.wanted import Target, TrustStore
from exporter.words import ProblemKind, State


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreVerdict:
    """What OpenSSL says of the presented chain against one trust store.

    `valid` counts dates, `trusted` ignores them. `code`, `depth` and `reason` are the first error
    (0, None, "ok" when valid). `path` is the verified path, leaf first, empty when none was found.
    """

    store: str
    valid: bool
    trusted: bool
    code: int
    depth: int | None
    reason: str
    path: tuple[CertificateFacts, ...] = ()
    problems: frozenset[ProblemKind] = frozenset()
    """The causes that this store shows."""
    undetermined: frozenset[ProblemKind] = frozenset()
    """Causes of which this store can say neither yes nor no."""
    missing: tuple[CertificateFacts, ...] = ()
    """The intermediates that the server should send too, where they are known."""
    invalid: tuple[int, int | None] | None = None
    """Code and depth of the error behind `chain_invalid`, which another error may precede in `code`."""

    @property
    def valid_until(self) -> datetime | None:
        """When the first certificate of the verified path expires."""
        return min((c.not_after for c in self.path), default=None)


@dataclass(frozen=True, slots=True)
class NameVerdict:
    """Whether the leaf carries an expected name, and which of its names (or why not)."""

    name: str
    match: bool | None
    matched: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One cause: the facts of this server in a sentence, what to do, and what clients say.

    `remedy` has one step per line. `clients` maps a client's name to its words.
    """

    kind: ProblemKind
    severity: State
    summary: str
    remedy: str = ""
    clients: Mapping[str, str] = field(default_factory=dict)
    stores: tuple[str, ...] = ()
    """The trust stores that show it; empty when the problem does not depend on any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Everything that follows from an observation at one moment.

    `problems` are those found, worst first. `evaluated` are all that could be decided, found or
    not.
    """

    state: State
    problems: tuple[Problem, ...] = ()
    evaluated: frozenset[ProblemKind] = frozenset()
    chain: tuple[CertificateFacts, ...] = ()
    stores: tuple[StoreVerdict, ...] = ()
    names: tuple[NameVerdict, ...] = ()
    revocation: tuple[RevocationVerdict, ...] = ()
    revoked: bool | None = None
    """Whether any certificate of the path is; None when nobody asked, or not for all there was an answer."""
    chain_complete: bool | None = None
    """Whether every intermediate is sent; None when that cannot be told."""
    notes: tuple[str, ...] = ()
    """What is untidy about the presented chain, though no client minds: order, duplicates, …"""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grounds:
    """What a verdict without problems rests on: as long as all of it is the same, so is the verdict.

    `chain`, `staple`, `version` and `offered` are what the server showed, as in `Observation`. `since` and `until`
    (exclusive, aware UTC) are the moments between which no date, threshold or evidence makes a difference.
    """

    target: Target
    stores: tuple[TrustStore, ...]
    chain: tuple[bytes, ...]
    staple: bytes
    version: str
    offered: bool | None
    revocation: tuple[RevocationAnswer, ...]
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One finished probe of one address of a target.

    `time` is when it began (aware UTC), `duration` seconds, the sum of `phases`. `seen` is the latest observation that
    obtained a certificate and `seen_at` when: this one, or an earlier one when this probe failed,
    since the last good facts outlive a failed probe. `verdict` is about `seen`, judged now. `days_left` until the
    leaf's notAfter (negative after it) and the part of its lifetime that is left, 0 to 1, are None without one.
    What has not changed since the probe before is the same object: observation, verdict, grounds.
    """

    target: Target
    observation: Observation
    verdict: Verdict
    time: datetime
    duration: float
    phases: Phases = field(default_factory=dict)
    days_left: float | None = None
    lifetime_left: float | None = None
    seen: Observation | None = None
    seen_at: datetime | None = None
    grounds: Grounds | None = field(default=None, compare=False, repr=False)
    """Those of the verdict, None where it must be reached anew each time. Shared by all results that rest on them."""

    @property
    def success(self) -> bool:
        """Whether this probe obtained the server's certificate."""
        return bool(self.observation.chain)
