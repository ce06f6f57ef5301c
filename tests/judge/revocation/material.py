"""Evidence to be read: OCSP responses and lists of every kind, right and wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.x509 import ocsp

from exporter.demo.authority import DAY, Intermediate, Issued, Leaf, Root, self_signed
from exporter.judge.certificates import read_certificate
from exporter.model import Policy, RevocationMethod, RevocationQuestion, Target

if TYPE_CHECKING:
    from cryptography.x509.oid import ObjectIdentifier

    from exporter.demo.smtpd import Server

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
OCSP_SIGNING = x509.oid.ExtendedKeyUsageOID.OCSP_SIGNING
LIST = "http://pki.contoso.com/sub.crl"


@dataclass(frozen=True)
class Pki:
    """An authority and a certificate of it."""

    root: Issued
    sub: Issued
    leaf: Issued

    @property
    def question(self) -> RevocationQuestion:
        """Whether the leaf is revoked."""
        return question(self.leaf, self.sub)

    def delegate(
        self, *purposes: ObjectIdentifier, by: Issued | None = None, ends: timedelta = DAY
    ) -> Issued:
        """A responder that the authority, or another one, certified."""
        return (by or self.sub).issue(Leaf("CN=responder", purposes=purposes, ends=ends))


def pki(key: str = "ec-p256", leaf: Leaf | None = None) -> Pki:
    """A new one, whose issuing authority has this kind of key."""
    root = self_signed(Root("CN=Root"), NOW)
    sub = root.issue(Intermediate("CN=Sub", key=key))
    return Pki(root, sub, sub.issue(leaf or Leaf("CN=mail", dns=("mail.test",), crl_urls=(LIST,))))


def question(certificate: Issued, issuer: Issued, position: int = 0) -> RevocationQuestion:
    """Whether a certificate is revoked."""
    return RevocationQuestion(
        position=position, certificate=read_certificate(certificate.der), issuer=read_certificate(issuer.der)
    )


def watched(server: Server, *methods: RevocationMethod) -> Target:
    """A running server as a target, judged by the trust store `root`."""
    return Target(
        name="mail",
        host=server.host,
        port=server.port,
        names=("mail.test",),
        ehlo_name="monitor.test",
        timeout=30,
        policy=Policy(stores=("root",), revocation=methods),
    )


def digest_for(signer: Issued) -> hashes.SHA256 | None:
    """The hash to sign with."""
    return None if isinstance(signer.key, ed25519.Ed25519PrivateKey) else hashes.SHA256()


def response(
    of: Pki,
    status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
    *,
    about: Issued | None = None,
    issuer: Issued | None = None,
    by: Issued | None = None,
    made: timedelta = -HOUR,
    due: timedelta | None = HOUR,
    algorithm: hashes.HashAlgorithm | None = None,
) -> bytes:
    """A responder's answer as DER; `by` signs it, and is enclosed when it is not the authority itself."""
    revoked = status is ocsp.OCSPCertStatus.REVOKED
    signer = by or of.sub
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=(about or of.leaf).certificate,
        issuer=(issuer or of.sub).certificate,
        algorithm=algorithm or hashes.SHA1(),
        cert_status=status,
        this_update=NOW + made,
        next_update=None if due is None else NOW + due,
        revocation_time=NOW - DAY if revoked else None,
        revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, signer.certificate)
    if by is not None:
        builder = builder.certificates([by.certificate])
    return builder.sign(signer.key, digest_for(signer)).public_bytes(serialization.Encoding.DER)


def crl(
    by: Issued,
    revoked: dict[int, x509.ReasonFlags | None] | None = None,
    *extensions: tuple[x509.ExtensionType, bool],
    made: timedelta = -HOUR,
    due: timedelta = HOUR,
    signer: Issued | None = None,
) -> bytes:
    """A list as DER."""
    builder = x509.CertificateRevocationListBuilder(
        issuer_name=by.certificate.subject, last_update=NOW + made, next_update=NOW + due
    )
    for serial, reason in (revoked or {}).items():
        entry = x509.RevokedCertificateBuilder(serial, NOW - DAY)
        if reason:
            entry = entry.add_extension(x509.CRLReason(reason), critical=False)
        builder = builder.add_revoked_certificate(entry.build())
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    key = (signer or by).key
    return builder.sign(key, digest_for(signer or by)).public_bytes(serialization.Encoding.DER)
