"""Throw-away certificates: any certificate a test or the demo wants, right or wrong.

In: templates (`Root`, `Intermediate`, `Leaf`) that say what a certificate contains, and a moment.
Out: `Issued` certificates with their keys, as objects, DER and PEM. It reads no clock, writes no
file, and does not check that a template makes sense: most of its users want certificates that do not.

    root = self_signed(Root("CN=Contoso Offline Root CA"), now)
    sub = root.issue(Intermediate("CN=Contoso Subordinate CA,DC=int,DC=contoso,DC=com"))
    leaf = sub.issue(Leaf("CN=mail.example.org", dns=("mail.example.org",), ends=-DAY))
    path.write_text(leaf.chain_pem(sub))
"""

from __future__ import annotations

import functools
import ipaddress
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509 import oid

if TYPE_CHECKING:
    from collections.abc import Iterator

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
Extension = tuple[x509.ExtensionType, bool]
"""An extension and whether it is critical."""

DAY = timedelta(days=1)
SERVER_AUTH = oid.ExtendedKeyUsageOID.SERVER_AUTH
CLIENT_AUTH = oid.ExtendedKeyUsageOID.CLIENT_AUTH

_CURVES = {
    f"ec-p{curve.key_size}": curve
    for curve in (ec.SECP192R1(), ec.SECP224R1(), ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1())
}
_HASHES = {each.name: each for each in (hashes.SHA224(), hashes.SHA256(), hashes.SHA384(), hashes.SHA512())}
_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


@dataclass(frozen=True)
class Template:
    """What a certificate shall contain. `begins` and `ends` are relative to the issuer's `now`.

    Empty tuples and None leave an extension out.
    """

    subject: str | x509.Name
    """RFC 4514 text, most specific part first (`CN=host,DC=example,DC=com`); "" for no subject."""
    _: KW_ONLY
    begins: timedelta = -30 * DAY
    ends: timedelta = 335 * DAY
    key: str | PrivateKey = "ec-p256"
    """`ec-p192` to `ec-p521`, `ed25519`, `rsa-BITS`, or a key to use again."""
    ca: bool | None = None
    """basicConstraints; None leaves the extension out."""
    path_length: int | None = None
    usage: tuple[str, ...] = ()
    """Bits of keyUsage by the names that `cryptography.x509.KeyUsage` gives them."""
    purposes: tuple[x509.ObjectIdentifier, ...] = ()
    """extendedKeyUsage."""
    dns: tuple[str, ...] = ()
    ips: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    permitted_dns: tuple[str, ...] = ()
    """nameConstraints of an authority, as are `excluded_dns`."""
    excluded_dns: tuple[str, ...] = ()
    aia_issuers: tuple[str, ...] = ()
    """URLs of the issuer's certificate."""
    ocsp_urls: tuple[str, ...] = ()
    crl_urls: tuple[str, ...] = ()
    key_identifiers: bool = True
    """Whether subject and authority key identifiers are present."""
    extensions: tuple[Extension, ...] = ()
    """Further extensions, see `critical_extension`."""
    serial: int | None = None
    hash: str = "sha256"
    """`sha224`, `sha256`, `sha384` or `sha512`; without meaning for Ed25519 issuers."""
    issuer: str | None = None
    """Writes another issuer name (RFC 4514) than that of the certificate that signs."""
    signing_key: PrivateKey | None = None
    """Signs with another key than the issuer's, so that the signature is wrong."""


@dataclass(frozen=True)
class Root(Template):
    """A self-signed authority, ten years long."""

    _: KW_ONLY
    begins: timedelta = -3650 * DAY / 2
    ends: timedelta = 3650 * DAY / 2
    ca: bool | None = True
    usage: tuple[str, ...] = ("key_cert_sign", "crl_sign")


@dataclass(frozen=True)
class Intermediate(Root):
    """An authority below another one, four years long."""

    _: KW_ONLY
    begins: timedelta = -730 * DAY
    ends: timedelta = 730 * DAY


@dataclass(frozen=True)
class Leaf(Template):
    """A server's certificate, one year long. It has no names but those in `dns`, `ips`, `emails`."""

    _: KW_ONLY
    ca: bool | None = False
    usage: tuple[str, ...] = ("digital_signature", "key_encipherment")
    purposes: tuple[x509.ObjectIdentifier, ...] = (SERVER_AUTH,)


@dataclass(frozen=True)
class Issued:
    """A certificate with its private key. `now` is the moment that its issues' dates count from."""

    certificate: x509.Certificate
    key: PrivateKey = field(repr=False)
    now: datetime

    @property
    def der(self) -> bytes:
        """The certificate as DER."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> str:
        """The certificate as PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")

    @property
    def key_pem(self) -> str:
        """The private key as unencrypted PKCS#8 PEM."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode("ascii")

    def chain_pem(self, *others: Issued) -> str:
        """This certificate and the others in the order given, as a server's chain file holds them."""
        return "".join(one.pem for one in (self, *others))

    def issue(self, template: Template) -> Issued:
        """Sign a new certificate with this one's key and name."""
        return _build(template, self.now, self)


def self_signed(template: Template, now: datetime) -> Issued:
    """Sign a new certificate with its own key: a root, or a self-signed leaf.

    From `now`, which is aware, count its dates and those of everything that it will issue.
    """
    return _build(template, now, None)


def critical_extension(number: str = "1.3.6.1.4.1.55555.1", value: bytes = b"\x05\x00") -> Extension:
    """A critical extension that no verifier knows, so that every one must refuse (RFC 5280 4.2)."""
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(number), value), True


def _build(template: Template, now: datetime, by: Issued | None) -> Issued:
    subject = _name(template.subject)
    key = _key(template.key, subject)
    signer = template.signing_key or (by.key if by else key)
    issuer = by.certificate.subject if by else subject
    builder = x509.CertificateBuilder(
        issuer_name=issuer if template.issuer is None else _name(template.issuer),
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=template.serial or x509.random_serial_number(),
        not_valid_before=now + template.begins,
        not_valid_after=now + template.ends,
        extensions=[],
    )
    for extension, critical in _extensions(template, key, by.key if by else key):
        builder = builder.add_extension(extension, critical)
    digest = None if isinstance(signer, ed25519.Ed25519PrivateKey) else _HASHES[template.hash]
    return Issued(builder.sign(signer, digest), key, now)


def _name(subject: str | x509.Name) -> x509.Name:
    return x509.Name.from_rfc4514_string(subject) if isinstance(subject, str) else subject


def _key(wanted: str | PrivateKey, subject: x509.Name) -> PrivateKey:
    if not isinstance(wanted, str):
        return wanted
    if wanted.startswith("rsa-"):
        return _rsa_key(int(wanted.removeprefix("rsa-")), subject)
    if wanted == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key(_CURVES[wanted])


@functools.cache
def _rsa_key(bits: int, _subject: x509.Name) -> rsa.RSAPrivateKey:
    """One key per size and subject, since making one takes up to a second.

    Two subjects never share a key: a certificate with its issuer's key is another test altogether.
    """
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def _extensions(template: Template, key: PrivateKey, issuer_key: PrivateKey) -> Iterator[Extension]:
    if template.ca is not None:
        yield x509.BasicConstraints(template.ca, template.path_length), True
    if template.usage:
        yield x509.KeyUsage(**{bit: bit in template.usage for bit in _USAGES}), True
    if template.purposes:
        yield x509.ExtendedKeyUsage(template.purposes), False
    if template.key_identifiers:
        yield x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False
        yield x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False
    yield from _names(template)
    yield from _locations(template)
    yield from template.extensions


def _names(template: Template) -> Iterator[Extension]:
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in template.dns]
    names += [x509.IPAddress(ipaddress.ip_address(ip)) for ip in template.ips]
    names += [x509.RFC822Name(email) for email in template.emails]
    if names:
        # RFC 5280 section 4.2.1.6: critical when the subject is empty.
        yield x509.SubjectAlternativeName(names), not _name(template.subject).rdns
    if template.permitted_dns or template.excluded_dns:
        permitted = [x509.DNSName(name) for name in template.permitted_dns]
        excluded = [x509.DNSName(name) for name in template.excluded_dns]
        yield x509.NameConstraints(permitted or None, excluded or None), True


def _locations(template: Template) -> Iterator[Extension]:
    uri, method = x509.UniformResourceIdentifier, oid.AuthorityInformationAccessOID
    access = [x509.AccessDescription(method.CA_ISSUERS, uri(url)) for url in template.aia_issuers]
    access += [x509.AccessDescription(method.OCSP, uri(url)) for url in template.ocsp_urls]
    if access:
        yield x509.AuthorityInformationAccess(access), False
    points = [x509.DistributionPoint([uri(url)], None, None, None) for url in template.crl_urls]
    if points:
        yield x509.CRLDistributionPoints(points), False
