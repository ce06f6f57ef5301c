"""What is wanted: targets, the policies they are judged by, and trust stores."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from exporter.model.transaction import Transaction
from exporter.words import Addresses, IpFamily, KeyType, Mode, ProblemKind, RevocationMethod, State

DEFAULT_SEVERITIES: Mapping[ProblemKind, State] = {
    kind: State.WARNING
    if kind
    in {
        ProblemKind.REVOCATION_UNKNOWN,
        ProblemKind.WEAK_KEY,
        ProblemKind.WEAK_SIGNATURE,
        ProblemKind.LEGACY_TLS,
    }
    else State.CRITICAL
    for kind in ProblemKind
}
"""Severity of each problem unless the policy says otherwise. `expires_soon` takes its from the
threshold that was crossed."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A range of remaining lifetime outside which an alert is due (inside, when `inside` is set).

    `low` and `high` are days, or fractions of the certificate's lifetime when `ratio` is set. The
    same shape as a range of the monitoring-plugins guidelines, so that `21`, `21:`, `@0:5` and
    `33%` are all one thing to the judge.
    """

    low: float
    high: float = math.inf
    inside: bool = False
    ratio: bool = False

    def crossed(self, days: float, fraction: float) -> bool:
        """Whether an alert is due with this many days, or this fraction of the lifetime, left."""
        value = fraction if self.ratio else days
        return (self.low <= value <= self.high) is self.inside


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How one target is judged."""

    stores: tuple[str, ...] = ("system",)
    warning: Threshold = Threshold(21.0)
    critical: Threshold = Threshold(7.0)
    severities: Mapping[ProblemKind, State] = field(default_factory=dict)
    """Overrides of DEFAULT_SEVERITIES. `State.OK` turns a problem off."""
    revocation: tuple[RevocationMethod, ...] = ()
    """How revocation is found out; empty where nobody asked."""

    def severity(self, kind: ProblemKind) -> State:
        """The severity that a finding of this kind has for this target."""
        return self.severities.get(kind, DEFAULT_SEVERITIES[kind])


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One endpoint: where it is, how to look at it and how to judge it.

    `interval` and `timeout` are seconds. `names` are the names that the certificate must carry;
    `sni` is the name sent to the server, empty for none. `domain` is the one whose mail the host
    takes, where it was found by that; then `host` is empty if no exchange of the domain is known.
    """

    name: str
    host: str
    domain: str = ""
    port: int = 25
    mode: Mode = Mode.STARTTLS
    names: tuple[str, ...] = ()
    sni: str = ""
    ehlo_name: str = ""
    """Name to greet with; empty stands for this machine's fully qualified name."""
    labels: tuple[tuple[str, str], ...] = ()
    interval: float = 3600.0
    timeout: float = 15.0
    addresses: Addresses = Addresses.ALL
    ip_family: IpFamily = IpFamily.ANY
    key_type: KeyType | None = None
    """The only kind of certificate that is accepted; None for whichever the server prefers."""
    policy: Policy = field(default_factory=Policy)
    transaction: Transaction | None = None
    """What is tried after TLS; None, so that nothing is, unless somebody asks for it."""
    id: str = field(init=False, compare=False, repr=False)
    """A short stable identity for URLs and hashing, derived from where the target is."""

    def __post_init__(self) -> None:
        where = f"{self.name}\0{self.host}\0{self.port}\0{self.mode}"
        if self.domain:
            where += f"\0{self.domain}\0mx"
        if self.key_type is not None:
            where += f"\0{self.key_type}"
        digest = hashlib.sha256(where.encode("utf-8", "surrogatepass")).hexdigest()
        object.__setattr__(self, "id", digest[:12])


@dataclass(frozen=True, eq=False)
class TrustStore:
    """A named set of certificates that one kind of client trusts.

    `anchors` are DER certificates. Those that are not self-signed also serve as intermediates. Stores
    with the same anchors are equal, whatever their labels, since their verdicts are.
    """

    label: str
    anchors: tuple[bytes, ...]

    @cached_property
    def fingerprint(self) -> bytes:
        """SHA-256 over the anchors."""
        digest = hashlib.sha256()
        for anchor in self.anchors:
            digest.update(hashlib.sha256(anchor).digest())
        return digest.digest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TrustStore) and self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)
