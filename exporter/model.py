"""The vocabulary that every other module speaks.

Frozen values and closed lists, standard library only. They come in three kinds, one per package:
what is wanted (`Target`, `Policy`, `TrustStore`), what was seen (`Observation` and its parts), and
what was concluded (`CertificateFacts`, the verdicts, `Problem`, `Result`).

Text that came from the network is kept here as it was received; every rendering escapes it for its
own medium.
"""

from __future__ import annotations

import enum
import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

IMPLICIT_TLS_PORT = 465
"""RFC 8314 section 7.3: submissions, TLS from the first byte."""


# --- what is wanted -------------------------------------------------------------------------------


class Mode(enum.StrEnum):
    """How TLS begins on a connection."""

    STARTTLS = "starttls"
    TLS = "tls"

    @classmethod
    def for_port(cls, port: int) -> Mode:
        """Implicit TLS on port 465 (RFC 8314 section 3.3), STARTTLS on every other one."""
        return cls.TLS if port == IMPLICIT_TLS_PORT else cls.STARTTLS


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

    def severity(self, kind: ProblemKind) -> State:
        """The severity that a finding of this kind has for this target."""
        return self.severities.get(kind, DEFAULT_SEVERITIES[kind])


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One endpoint: where it is, how to look at it and how to judge it.

    `interval` and `timeout` are seconds. `names` are the names that the certificate must carry;
    `sni` is the name sent to the server, empty for none.
    """

    name: str
    host: str
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
    policy: Policy = field(default_factory=Policy)

    @property
    def id(self) -> str:
        """A short stable identity for URLs and hashing, derived from where the target is."""
        where = f"{self.name}\0{self.host}\0{self.port}\0{self.mode}"
        return hashlib.sha256(where.encode("utf-8", "surrogateescape")).hexdigest()[:12]


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


# --- what was seen --------------------------------------------------------------------------------


class Stage(enum.StrEnum):
    """The steps of a probe in order; also the phases whose duration is measured."""

    RESOLVE = "resolve"
    CONNECT = "connect"
    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    HANDSHAKE = "handshake"
    VERIFY = "verify"
    REVOCATION = "revocation"


class Reason(enum.StrEnum):
    """Why a probe obtained no certificate. A closed list: these are label values."""

    NAME_NOT_FOUND = "name_not_found"
    """The name does not exist, or has no address of the wanted family."""
    DNS_FAILURE = "dns_failure"
    """The resolver could not answer."""
    CONNECTION_REFUSED = "connection_refused"
    NETWORK_UNREACHABLE = "network_unreachable"
    """No route to the address, or the network forbids it."""
    TIMEOUT = "timeout"
    CONNECTION_RESET = "connection_reset"
    CONNECTION_CLOSED = "connection_closed"
    TEMPORARY_FAILURE = "temporary_failure"
    """A 421 or other 4xx reply: nothing can be said about the server's TLS."""
    REJECTED = "rejected"
    """A 5xx reply to the connection or to EHLO."""
    STARTTLS_NOT_OFFERED = "starttls_not_offered"
    STARTTLS_REFUSED = "starttls_refused"
    """Offered, but answered with a 5xx reply."""
    PLAINTEXT_INJECTION = "plaintext_injection"
    """Bytes followed the 220 reply to STARTTLS before TLS began."""
    PROTOCOL_ERROR = "protocol_error"
    """What came is not SMTP."""
    LIMIT_EXCEEDED = "limit_exceeded"
    """A reply, or the whole dialogue, grew beyond the caps."""
    TLS_ALERT = "tls_alert"
    """The server ended the handshake with an alert."""
    TLS_ERROR = "tls_error"
    """What the server sent is not a TLS handshake that this OpenSSL can follow."""
    NO_CERTIFICATE = "no_certificate"
    """The handshake ended without a certificate (anonymous key exchange)."""
    INTERNAL_ERROR = "internal_error"
    """A fault of this program."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Where and why a probe ended without a certificate; `detail` is for people."""

    stage: Stage
    reason: Reason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """One SMTP reply (RFC 5321 section 4.2): its code, and the text of each line without it."""

    code: int
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """All lines as one."""
        return " ".join(self.lines)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One command (empty for the greeting) and the reply to it, None when none came."""

    command: str
    reply: Reply | None


@dataclass(frozen=True, slots=True)
class SmtpFacts:
    """The dialogue as it went. `starttls_offered` is None when it did not get that far."""

    exchanges: tuple[Exchange, ...] = ()
    capabilities: tuple[str, ...] = ()
    starttls_offered: bool | None = None
    injected: bytes = b""
    """Plaintext that followed the 220 reply to STARTTLS."""

    @property
    def greeting(self) -> Reply | None:
        """The server's first reply."""
        return self.exchanges[0].reply if self.exchanges else None


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """What was negotiated. Values that the library does not tell are None."""

    version: str
    cipher: str | None
    bits: int | None
    group: str | None
    signature: str | None = None
    aborted: str | None = None
    """What ended the handshake after the certificate had been received, for example an alert
    because the server demands a client certificate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What one look at one address showed. It exists however early the look ended.

    `chain` holds the presented certificates as DER, leaf first. `phases` are seconds.
    """

    address: str
    stage: Stage
    failure: Failure | None = None
    smtp: SmtpFacts = field(default_factory=SmtpFacts)
    tls: TlsFacts | None = None
    chain: tuple[bytes, ...] = ()
    phases: Mapping[Stage, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class IssuerAnswer:
    """What the `caIssuers` URL of a certificate gave (RFC 5280 section 4.2.2.1).

    `certificates` are DER as they came, nothing about them has been checked; without any, `detail` says
    why there are none.
    """

    url: str
    certificates: tuple[bytes, ...] = ()
    detail: str = ""


# --- what was concluded ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CertificateFacts:
    """One certificate, read once. Times are aware UTC; digests and serial are upper-case hex.

    Two of them are equal when they are the same certificate. `subject` and `issuer` are RFC 4514 strings; `sans` are `DNS:…`, `IP:…` and the like.
    """

    der: bytes
    subject: str
    issuer: str
    common_name: str | None
    serial: str
    sha1: str
    sha256: str
    not_before: datetime
    not_after: datetime
    key: str
    key_bits: int | None
    signature: str
    sans: tuple[str, ...]
    self_issued: bool
    self_signed: bool
    is_ca: bool
    usage_allows_server: bool
    """Extended key usage and key usage allow TLS server authentication (RFC 5280 4.2.1.12)."""
    aia_issuers: tuple[str, ...] = ()
    ocsp_urls: tuple[str, ...] = ()
    crl_urls: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CertificateFacts) and self.der == other.der

    def __hash__(self) -> int:
        return hash(self.sha256)

    @property
    def lifetime_days(self) -> float:
        """From notBefore to notAfter."""
        return (self.not_after - self.not_before).total_seconds() / 86400


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


@dataclass(frozen=True, slots=True)
class RevocationVerdict:
    """The answer of one method (`staple ocsp crl`) for the certificate at one position."""

    position: int
    method: str
    status: str
    detail: str = ""


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
    not. `days_left` and `lifetime_left` are the leaf's, None without one.
    """

    state: State
    problems: tuple[Problem, ...] = ()
    evaluated: frozenset[ProblemKind] = frozenset()
    chain: tuple[CertificateFacts, ...] = ()
    stores: tuple[StoreVerdict, ...] = ()
    names: tuple[NameVerdict, ...] = ()
    revocation: tuple[RevocationVerdict, ...] = ()
    chain_complete: bool | None = None
    """Whether every intermediate is sent; None when that cannot be told."""
    notes: tuple[str, ...] = ()
    """What is untidy about the presented chain, though no client minds: order, duplicates, …"""
    days_left: float | None = None
    lifetime_left: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One finished probe of one address of a target.

    `time` is when it began (aware UTC), `duration` seconds. `seen` is the latest observation that
    obtained a certificate and `seen_at` when: this one, or an earlier one when this probe failed,
    since the last good facts outlive a failed probe. `verdict` is about `seen`, judged now.
    """

    target: Target
    observation: Observation
    verdict: Verdict
    time: datetime
    duration: float
    seen: Observation | None = None
    seen_at: datetime | None = None

    @property
    def success(self) -> bool:
        """Whether this probe obtained the server's certificate."""
        return bool(self.observation.chain)
