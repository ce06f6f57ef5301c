"""What is wanted: targets, the policies they are judged by, and trust stores."""

from __future__ import annotations

import enum
import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from exporter.model.revocation import RevocationMethod
from exporter.model.transaction import Transaction

IMPLICIT_TLS_PORT = 465
"""RFC 8314 section 7.3: submissions, TLS from the first byte."""


class Mode(enum.StrEnum):
    """How TLS begins on a connection."""

    STARTTLS = "starttls"
    TLS = "tls"

    @classmethod
    def for_port(cls, port: int) -> Mode:
        """Implicit TLS on port 465 (RFC 8314 section 3.3), STARTTLS on every other one."""
        return cls.TLS if port == IMPLICIT_TLS_PORT else cls.STARTTLS


class KeyType(enum.StrEnum):
    """Which of a server's certificates is asked for, when it has one for each kind of key."""

    RSA = "rsa"
    ECDSA = "ecdsa"


class Addresses(enum.StrEnum):
    """Which of a name's addresses are probed."""

    ALL = "all"
    FIRST = "first"


class IpFamily(enum.StrEnum):
    """Which address family may be used."""

    ANY = "any"
    IPV4 = "ipv4"
    IPV6 = "ipv6"


class State(enum.IntEnum):
    """The four states of the monitoring-plugins guidelines; the number is the exit code."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3

    @property
    def rank(self) -> int:
        """Position when the worst of several is wanted: ok, warning, unknown, critical."""
        return (0, 1, 3, 2)[self]


class ProblemKind(enum.StrEnum):
    """Every cause that can be found; the names are label values and a promise to users."""

    UNTRUSTED_ROOT = "untrusted_root"
    MISSING_INTERMEDIATE = "missing_intermediate"
    SELF_SIGNED = "self_signed"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRES_SOON = "expires_soon"
    HOSTNAME_MISMATCH = "hostname_mismatch"
    REVOKED = "revoked"
    REVOCATION_UNKNOWN = "revocation_unknown"
    WRONG_USAGE = "wrong_usage"
    CHAIN_INVALID = "chain_invalid"
    WEAK_KEY = "weak_key"
    WEAK_SIGNATURE = "weak_signature"
    LEGACY_TLS = "legacy_tls"
    STARTTLS_MISSING = "starttls_missing"
    PLAINTEXT_INJECTION = "plaintext_injection"
    UNREACHABLE = "unreachable"


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
