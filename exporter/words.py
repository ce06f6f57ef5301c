"""The closed lists: every word that is a label value, a configuration's value or a state.

The standard library's `enum` alone, so that what answers in an instant can name a state without the values of
`exporter.model`, which is where everything else takes these words from.
"""

from __future__ import annotations

import enum

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


class AuthMechanism(enum.StrEnum):
    """How a password is shown (RFC 4954). Both need TLS, and nothing else is spoken without it."""

    PLAIN = "plain"
    """RFC 4616."""
    LOGIN = "login"
    """Never standardised; Exchange offers nothing else."""


class RevocationMethod(enum.StrEnum):
    """How revocation is found out; the names are label values."""

    STAPLE = "staple"
    """The OCSP answer that the server sends in the handshake (RFC 6066 section 8)."""
    OCSP = "ocsp"
    """The responder that the certificate names (RFC 6960)."""
    CRL = "crl"
    """The list that the certificate names (RFC 5280 section 5)."""


class RevocationStatus(enum.StrEnum):
    """What one method says of one certificate; the names are label values."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"
    """The responder answered that it does not know, or that it cannot tell now."""
    UNREACHABLE = "unreachable"
    """Nothing usable could be fetched: refused, timed out, forbidden, too large."""
    STALE = "stale"
    """The evidence is past its `nextUpdate`, is seven days old and names none, or is not in force yet."""
    INVALID = "invalid"
    """What came is not what was asked for, or its signature does not hold."""
    UNSUPPORTED = "unsupported"
    """There is nothing to ask, or only in a way that is not spoken here; the detail says which."""


class Stage(enum.StrEnum):
    """The steps of a probe in order; also the phases whose duration is measured."""

    RESOLVE = "resolve"
    CONNECT = "connect"
    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    HANDSHAKE = "handshake"
    TRANSACTION = "transaction"
    VERIFY = "verify"
    REVOCATION = "revocation"

    __hash__ = str.__hash__  # Enum's own is a function of Python, and a probe looks a dozen stages up


class Reason(enum.StrEnum):
    """Why a probe obtained no certificate. A closed list: these are label values."""

    NAME_NOT_FOUND = "name_not_found"
    """The name does not exist, or has no address of the wanted family."""
    NULL_MX = "null_mx"
    """The domain says that it takes no mail (RFC 7505)."""
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
