"""What the demo's authorities publish: their certificates and revocation lists, on a web server of its own.

In: files by name. Out: URLs on loopback that answer GET with them (RFC 5280 sections 4.2.2.1 and 4.2.1.13).
They let the demo prove a missing intermediate and a revocation without asking anything off this machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from exporter.demo.authority import DAY
from exporter.demo.wire import Listener, Wire

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.demo.authority import Issued

_TYPES = {"crt": "application/pkix-cert", "crl": "application/pkix-crl"}


class Site(Listener):
    """Serves `files`, which may be added at any time."""

    def __init__(self) -> None:
        super().__init__(self._answer)
        self.files: dict[str, bytes] = {}

    def url(self, name: str) -> str:
        """What goes into the certificates; the port is known once the site has started."""
        return f"http://{self.host}:{self.port}/{name}"

    async def _answer(self, wire: Wire) -> None:
        request = await wire.line()
        while await wire.line():
            pass  # the rest of the request, up to its empty line, does not matter
        name = request.decode("latin-1").partition(" /")[2].partition(" ")[0]
        body = self.files.get(name)
        status = "404 Not Found" if body is None else "200 OK"
        kind = _TYPES.get(name.rpartition(".")[2], "text/plain")
        head = f"Content-Type: {kind}\r\nContent-Length: {len(body or b'')}\r\nConnection: close\r\n\r\n"
        await wire.send(f"HTTP/1.1 {status}\r\n{head}".encode() + (body or b""))
        await wire.finish()


def revocation_list(issuer: Issued, revoked: Mapping[int, x509.ReasonFlags] | None = None) -> bytes:
    """An authority's list as DER (RFC 5280 section 5): made a day before its `now`, due in six days.

    Args:
        issuer: who signs it.
        revoked: reasons by serial number; each was revoked two days before `now`.
    """
    builder = x509.CertificateRevocationListBuilder(
        issuer_name=issuer.certificate.subject,
        last_update=issuer.now - DAY,
        next_update=issuer.now + 6 * DAY,
    ).add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key()), critical=False
    )
    for serial, reason in (revoked or {}).items():
        entry = x509.RevokedCertificateBuilder(serial, issuer.now - 2 * DAY)
        builder = builder.add_revoked_certificate(
            entry.add_extension(x509.CRLReason(reason), critical=False).build()
        )
    digest = None if isinstance(issuer.key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(issuer.key, digest).public_bytes(serialization.Encoding.DER)
