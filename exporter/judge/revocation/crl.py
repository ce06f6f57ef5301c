"""Revocation lists (RFC 5280 section 5): whether a list counts, and what it says of a certificate.

Reading a list costs some 50 milliseconds per 10,000 entries and is done once; afterwards a certificate is
looked up in microseconds. The list itself is not kept, only a table of what was revoked when and why.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from exporter.judge.extensions import UNREADABLE
from exporter.judge.revocation.readings import invalid, unsupported, what_came
from exporter.judge.revocation.table import RevokedTable
from exporter.judge.signatures import Signed
from exporter.model import CertificateFacts, Reading, RevocationStatus, Statement

_PEM = b"-----BEGIN X509 CRL-----"
_KNOWN = (
    x509.AuthorityKeyIdentifier,
    x509.CRLNumber,
    x509.IssuingDistributionPoint,
    x509.FreshestCRL,
    x509.IssuerAlternativeName,
    x509.AuthorityInformationAccess,
)


@dataclass(frozen=True, slots=True, eq=False)
class RevocationList:
    """A list that its issuer signed, ready to be searched."""

    revoked: RevokedTable
    this_update: datetime
    next_update: datetime | None
    scope: x509.IssuingDistributionPoint | None

    @property
    def usable(self) -> bool:
        """A list that could not be used would not have become one of these."""
        return True

    @property
    def size(self) -> int:
        """Bytes in memory, about."""
        return 1024 + self.revoked.size

    def about(self, certificate: CertificateFacts) -> Statement:
        """What the list says of a certificate of its issuer."""
        if fault := self._not_covered(certificate):
            return self._statement(RevocationStatus.INVALID, fault)
        entry = self.revoked.find(int(certificate.serial, 16))
        if entry is None:
            return self._statement(RevocationStatus.GOOD)
        seconds, reason = entry
        if reason == x509.ReasonFlags.remove_from_crl.value:
            return self._statement(RevocationStatus.GOOD, "it was taken off the list")
        return Statement(
            status=RevocationStatus.REVOKED,
            this_update=self.this_update,
            next_update=self.next_update,
            revoked_at=datetime.fromtimestamp(seconds, UTC),
            reason=reason,
        )

    def _statement(self, status: RevocationStatus, detail: str = "") -> Statement:
        return Statement(
            status=status, detail=detail, this_update=self.this_update, next_update=self.next_update
        )

    def _not_covered(self, certificate: CertificateFacts) -> str | None:
        """Why the list is about other certificates (RFC 5280 section 6.3.3 b 2)."""
        scope = self.scope
        if scope is None:
            return None
        if scope.only_contains_user_certs and certificate.is_ca:
            return "a list of end entities' certificates alone"
        if scope.only_contains_ca_certs and not certificate.is_ca:
            return "a list of authorities' certificates alone"
        names = {one.value for one in scope.full_name or () if isinstance(one.value, str)}
        if names and certificate.crl_urls and names.isdisjoint(certificate.crl_urls):
            return "a list for certificates that name another distribution point"
        return None


def read_crl(body: bytes, issuer: CertificateFacts) -> Reading:
    """What a list says, whatever the time: to be searched for certificates of this issuer.

    Args:
        body: the list as it came, DER or PEM.
        issuer: who must have signed it.
    """
    try:
        crl, der = _load(body)
        authority = x509.load_der_x509_certificate(issuer.der)
        if crl.issuer != authority.subject:
            return invalid(f"a list by another issuer ({crl.issuer.rfc4514_string()[:200]})")
        if not _may_sign_lists(authority):
            return invalid("a list by an authority whose certificate is not for signing lists")
        fits = Signed.parse(der).fits(authority.public_key())
        if fits is None:
            return unsupported("the signature of the list is of a kind that cannot be checked")
        if not fits:
            return invalid("the signature of the list does not hold")
        return _unsupported(crl) or _searchable(crl)
    except UnsupportedAlgorithm as error:
        return unsupported(f"a list that cannot be read: {error}")
    except (*UNREADABLE, x509.InvalidVersion) as error:
        return invalid(f"{what_came(body, 'a revocation list')} ({error})")


def _may_sign_lists(authority: x509.Certificate) -> bool:
    """RFC 5280 section 6.3.3 f: its key usage, if it has any, names cRLSign."""
    try:
        return authority.extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign
    except x509.ExtensionNotFound:
        return True


def _load(body: bytes) -> tuple[x509.CertificateRevocationList, bytes]:
    if _PEM in body[:4096]:
        crl = x509.load_pem_x509_crl(body)
        return crl, crl.public_bytes(Encoding.DER)
    return x509.load_der_x509_crl(body), body


def _unsupported(crl: x509.CertificateRevocationList) -> Reading | None:
    """Lists that may not be read as if they were complete (RFC 5280 sections 5.2.4 and 5.2.5)."""
    for extension in crl.extensions:
        match extension.value:
            case x509.DeltaCRLIndicator():
                return unsupported("a delta CRL, which is ignored")
            case x509.IssuingDistributionPoint() as scope if scope.indirect_crl:
                return unsupported("an indirect CRL")
            case x509.IssuingDistributionPoint() as scope if scope.only_some_reasons:
                return unsupported("a list of some reasons only")
            case x509.IssuingDistributionPoint() as scope if scope.only_contains_attribute_certs:
                return unsupported("a list of attribute certificates")
            case value if extension.critical and not isinstance(value, _KNOWN):
                return unsupported(
                    f"a list with the unknown critical extension {extension.oid.dotted_string}"
                )
    return None


def _searchable(crl: x509.CertificateRevocationList) -> RevocationList:
    try:
        scope = crl.extensions.get_extension_for_class(x509.IssuingDistributionPoint).value
    except x509.ExtensionNotFound:
        scope = None
    return RevocationList(RevokedTable.of(crl), crl.last_update_utc, crl.next_update_utc, scope)
