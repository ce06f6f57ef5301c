"""One certificate as it was read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


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
    must_staple: bool = False
    """Whether it demands a stapled OCSP answer (RFC 7633: the TLS feature `status_request`)."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CertificateFacts) and self.der == other.der

    def __hash__(self) -> int:
        return hash(self.sha256)

    @property
    def lifetime_days(self) -> float:
        """From notBefore to notAfter."""
        return (self.not_after - self.not_before).total_seconds() / 86400
