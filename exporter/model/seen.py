"""What was seen: the facts of one look at one address, and the evidence that was fetched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from exporter.model.transaction import TransactionFacts
from exporter.words import Reason, Stage


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

    `chain` holds the presented certificates as DER, leaf first. How long anything took is no part of it, so that two
    looks at a server on which nothing has changed are equal.
    """

    address: str
    stage: Stage
    failure: Failure | None = None
    smtp: SmtpFacts = field(default_factory=SmtpFacts)
    tls: TlsFacts | None = None
    chain: tuple[bytes, ...] = ()
    staple: bytes = b""
    """The stapled OCSP response as it came (RFC 6066 section 8), empty when there was none."""
    transaction: TransactionFacts | None = None
    """What became of the transaction; None unless one was asked for and TLS was agreed on."""


Phases = Mapping[Stage, float]
"""Seconds that each part of a probe took, in their order."""


@dataclass(frozen=True, slots=True)
class IssuerAnswer:
    """What the `caIssuers` URL of a certificate gave (RFC 5280 section 4.2.2.1).

    `certificates` are DER as they came, nothing about them has been checked; without any, `detail` says
    why there are none.
    """

    url: str
    certificates: tuple[bytes, ...] = ()
    detail: str = ""
