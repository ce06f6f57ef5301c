"""Revocation: which certificates are asked about, what came, and what that says of each.

A question is about one certificate of a verified path. Each method that was asked gives an answer, which
is a reading of signed evidence, or the reason why there is none. A reading makes a statement about a
certificate; the verdict is that statement seen at one moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from exporter.model.certificates import CertificateFacts
from exporter.words import RevocationMethod, RevocationStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationQuestion:
    """A certificate whose revocation is to be found out, and the one whose key signed it.

    `position` is that in the presented chain; certificates of the path that were not presented come after
    those that were.
    """

    position: int
    certificate: CertificateFacts
    issuer: CertificateFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What a piece of evidence says of one certificate, whatever the time. Times are aware UTC."""

    status: RevocationStatus
    detail: str = ""
    this_update: datetime | None = None
    next_update: datetime | None = None
    revoked_at: datetime | None = None
    reason: str | None = None
    """As RFC 5280 section 5.3.1 spells it, for example `keyCompromise`; None when it is not given."""


class Reading(Protocol):
    """Evidence that was parsed and whose signature was checked. It may be kept until `next_update`."""

    @property
    def usable(self) -> bool:
        """Whether it is what was asked for, rightly signed, and of a supported kind."""

    @property
    def next_update(self) -> datetime | None:
        """When newer evidence is due (aware UTC); None when it does not say."""

    @property
    def size(self) -> int:
        """Bytes that it takes in memory, about."""

    def about(self, certificate: CertificateFacts) -> Statement:
        """What it says of a certificate of the issuer that it was read for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationAnswer:
    """What asking one place about one certificate gave: a reading, or a status and a detail."""

    position: int
    method: RevocationMethod
    url: str = ""
    reading: Reading | None = None
    status: RevocationStatus = RevocationStatus.UNREACHABLE
    """Why there is no reading: `unreachable` or `unsupported`."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class RevocationVerdict:
    """What one method says, at one moment, of the certificate at one position."""

    position: int
    method: RevocationMethod
    status: RevocationStatus
    detail: str = ""
    url: str = ""
    this_update: datetime | None = None
    next_update: datetime | None = None
    revoked_at: datetime | None = None
    reason: str | None = None
