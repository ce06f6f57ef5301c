"""What reading a piece of evidence gives when it is about one certificate, or about none that can be used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from exporter.model import CertificateFacts, RevocationStatus, Statement

_USABLE = {RevocationStatus.GOOD, RevocationStatus.REVOKED}
_SHOWN = 32


@dataclass(frozen=True, slots=True)
class Said:
    """A reading that makes the same statement about every certificate: an OCSP answer, or a fault."""

    statement: Statement

    @property
    def usable(self) -> bool:
        """Whether it answers the question."""
        return self.statement.status in _USABLE

    @property
    def next_update(self) -> datetime | None:
        """When newer evidence is due."""
        return self.statement.next_update

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        return 1024

    def about(self, certificate: CertificateFacts) -> Statement:  # noqa: ARG002 - the same about each
        """The statement."""
        return self.statement


def invalid(detail: str) -> Said:
    """Evidence that is not what was asked for."""
    return Said(Statement(status=RevocationStatus.INVALID, detail=detail))


def unsupported(detail: str) -> Said:
    """Evidence of a kind that is not understood here."""
    return Said(Statement(status=RevocationStatus.UNSUPPORTED, detail=detail))


def what_came(data: bytes, wanted: str) -> str:
    """What else than the wanted thing some bytes are, as far as their beginning tells."""
    if not data:
        return f"an empty answer instead of {wanted}"
    return f"{len(data)} bytes that are not {wanted} and begin with {bytes(data[:_SHOWN])!r}"
