"""What the texts of one problem need to know about the server that has it.

In: whatever `problems` found out, as plain values and types of the model. Out: the same, with the few
questions that several texts ask of it. It holds no opinion: `summaries`, `remedies` and `clients` spell
it, and none of them looks at anything else.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime

from exporter.judge.names import match_name
from exporter.model import CertificateFacts, Failure, Mode, Reason, RevocationVerdict

_SAID_BY_SERVER = frozenset(
    {Reason.TEMPORARY_FAILURE, Reason.REJECTED, Reason.STARTTLS_REFUSED, Reason.PROTOCOL_ERROR}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemContext:
    """One problem of one server. Fields that a kind of problem does not need stay empty.

    `names` are the expected names, `unmatched` those of them that the leaf does not carry. `chain` holds
    the presented certificates, leaf first. `code` and `depth` are OpenSSL's first verify error.
    """

    host: str
    """The name or address that is asked, as configured."""
    domain: str = ""
    """The one whose exchanges are not known, so that there is no host."""
    port: int
    mode: Mode
    now: datetime
    address: str = ""
    """The IP address that was tried, empty when there is none."""
    names: tuple[str, ...] = ()
    unmatched: tuple[str, ...] = ()
    chain: tuple[CertificateFacts, ...] = ()
    culprit: CertificateFacts | None = None
    """The certificate at fault: the expired one, the one of wrong usage, the top of an untrusted chain,
    the one whose issuer is missing. None stands for the leaf."""
    missing_issuer: str = ""
    """RFC 4514 name of the certificate that is not sent (`missing_intermediate`), or that no store holds
    (`untrusted_root`)."""
    missing: tuple[CertificateFacts, ...] = ()
    """The certificates that the server should send too, where they are known."""
    aia_url: str = ""
    """Where the culprit says that its issuer's certificate is, of any scheme."""
    aia_detail: str = ""
    """Why nothing could be fetched from there, when that was tried."""
    stores: tuple[str, ...] = ()
    """Labels of the trust stores that show the problem."""
    code: int = 0
    depth: int | None = None
    unreadable: str = ""
    """Which certificate could not be read, and why, where that is what is wrong with the chain."""
    failure: Failure | None = None
    reply: str = ""
    """Code and text of the server's last reply, as received."""
    capabilities: tuple[str, ...] = ()
    """The lines of the EHLO reply, for `starttls_missing`."""
    injected: bytes = b""
    """The plaintext of `plaintext_injection`."""
    revocation: tuple[RevocationVerdict, ...] = ()
    """The answers that matter to `revoked` and `revocation_unknown`."""
    tls_version: str = ""
    """The newest version that could be negotiated, for `legacy_tls`."""

    @property
    def leaf(self) -> CertificateFacts | None:
        """The server's own certificate."""
        return self.chain[0] if self.chain else None

    @property
    def fault(self) -> CertificateFacts | None:
        """The certificate that the problem is about: the culprit, or else the leaf."""
        return self.culprit or self.leaf

    @property
    def at_leaf(self) -> bool:
        """Whether the problem is about the server's own certificate."""
        return self.culprit is None or self.leaf is None or self.culprit.sha256 == self.leaf.sha256

    @property
    def issuer_unknown(self) -> bool:
        """Whether nothing is known above the leaf, so that a missing intermediate looks the same."""
        return self.at_leaf and self.fault is not None and not self.fault.self_issued

    @property
    def root_sent(self) -> bool:
        """Whether the untrusted chain ends in a self-signed certificate that the server sends."""
        return self.fault is not None and self.fault.self_signed

    @property
    def expected(self) -> tuple[str, ...]:
        """All names that the certificate shall carry; the host itself when nothing else is known."""
        return self.names or (self.host,)

    @property
    def lacking(self) -> tuple[str, ...]:
        """The expected names that the certificate does not carry."""
        return self.unmatched or self.expected

    @property
    def said(self) -> str:
        """The server's reply where it is the reason of the failure, and not merely its last word."""
        return self.reply if self.failure and self.failure.reason in _SAID_BY_SERVER else ""

    @property
    def by_common_name(self) -> bool:
        """Whether the leaf does carry those names, but as Common Name only.

        RFC 9525 section 2 does not count that; OpenSSL, Java and .NET on Linux do.
        """
        leaf = self.leaf
        return leaf is not None and all(match_name(leaf, name).matched for name in self.lacking)


def dns_names(certificate: CertificateFacts) -> tuple[str, ...]:
    """The DNS names among the subject alternative names, without their prefix."""
    return _with_prefix(certificate, "DNS:")


def ip_addresses(certificate: CertificateFacts) -> tuple[str, ...]:
    """The addresses among the subject alternative names, without their prefix."""
    return _with_prefix(certificate, "IP:")


def is_address(name: str) -> bool:
    """Whether an expected name is an IP address rather than a host name."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _with_prefix(certificate: CertificateFacts, prefix: str) -> tuple[str, ...]:
    return tuple(san[len(prefix) :] for san in certificate.sans if san.startswith(prefix))
