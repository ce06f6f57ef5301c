"""Certificates come out as their template says, and OpenSSL reads them the same way."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from OpenSSL import crypto

from exporter.demo.authority import (
    CLIENT_AUTH,
    DAY,
    SERVER_AUTH,
    Intermediate,
    Issued,
    Leaf,
    Root,
    Template,
    critical_extension,
    self_signed,
)

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def root() -> Issued:
    """The offline root."""
    return self_signed(Root("CN=Contoso Offline Root CA"), NOW)


def verify(leaf: Issued, *others: Issued, root: Issued) -> tuple[int, int]:
    """Return OpenSSL's verify code and depth at `NOW` for a chain against one root; 0, 0 when it is good."""
    store = crypto.X509Store()
    store.add_cert(crypto.X509.from_cryptography(root.certificate))
    store.set_time(NOW)
    chain = [crypto.X509.from_cryptography(one.certificate) for one in others]
    try:
        crypto.X509StoreContext(
            store, crypto.X509.from_cryptography(leaf.certificate), chain
        ).verify_certificate()
    except crypto.X509StoreContextError as error:
        code, depth, _ = error.errors
        return code, depth
    return 0, 0


def test_chain_verifies(root: Issued) -> None:
    """Root > intermediate > leaf, all by default: OpenSSL accepts the chain."""
    sub = root.issue(Intermediate("CN=Contoso Subordinate CA,DC=int,DC=contoso,DC=com"))
    leaf = sub.issue(Leaf("CN=mail.example.org", dns=("mail.example.org",)))
    assert verify(leaf, sub, root=root) == (0, 0)
    assert verify(leaf, root=root) == (20, 0)


def test_subject_is_written_most_general_part_first(root: Issued) -> None:
    """The domain components come first in the certificate, as Active Directory writes them."""
    sub = root.issue(Intermediate("CN=Contoso Subordinate CA,DC=int,DC=contoso,DC=com"))
    values = [str(attribute.value) for attribute in sub.certificate.subject]
    assert values == ["com", "contoso", "int", "Contoso Subordinate CA"]
    assert sub.certificate.issuer == root.certificate.subject


def test_dates_count_from_the_issuers_now(root: Issued) -> None:
    """`begins` and `ends` are added to the moment that the root was given."""
    leaf = root.issue(Leaf("CN=a", begins=-2 * DAY, ends=timedelta(hours=-1)))
    assert leaf.certificate.not_valid_before_utc == NOW - 2 * DAY
    assert leaf.certificate.not_valid_after_utc == NOW - timedelta(hours=1)


@pytest.mark.parametrize(
    ("key", "kind", "bits"),
    [
        ("ec-p224", ec.EllipticCurvePrivateKey, 224),
        ("ec-p256", ec.EllipticCurvePrivateKey, 256),
        ("ec-p521", ec.EllipticCurvePrivateKey, 521),
        ("rsa-1024", rsa.RSAPrivateKey, 1024),
        ("ed25519", ed25519.Ed25519PrivateKey, None),
    ],
)
def test_key_types(key: str, kind: type, bits: int | None) -> None:
    """A key is of the type and size that was asked for, and can sign its own certificate."""
    issued = self_signed(Leaf("CN=a", key=key), NOW)
    assert isinstance(issued.key, kind)
    assert getattr(issued.key, "key_size", None) == bits
    issued.certificate.verify_directly_issued_by(issued.certificate)


def test_keys_are_used_again_only_where_harmless() -> None:
    """RSA keys are made once per subject and size; EC keys are never used twice unless handed over."""
    one = self_signed(Root("CN=a", key="rsa-1024"), NOW)
    assert self_signed(Root("CN=a", key="rsa-1024"), NOW).key is one.key
    assert self_signed(Root("CN=b", key="rsa-1024"), NOW).key is not one.key
    two = self_signed(Root("CN=a"), NOW)
    assert self_signed(Root("CN=a"), NOW).key is not two.key
    assert self_signed(Root("CN=a", key=two.key), NOW).key is two.key


def test_every_knob_is_written(root: Issued) -> None:
    """Names, purposes, usage and locations appear in the certificate as given."""
    template = Leaf(
        "CN=a",
        dns=("a.example", "*.b.example"),
        ips=("192.0.2.1", "2001:db8::1"),
        emails=("postmaster@a.example",),
        purposes=(CLIENT_AUTH, SERVER_AUTH),
        usage=("digital_signature",),
        aia_issuers=("http://pki.example/ca.crt",),
        ocsp_urls=("http://ocsp.example/",),
        crl_urls=("http://pki.example/ca.crl", "ldap:///CN=ca"),
        serial=4711,
        hash="sha384",
    )
    certificate = root.issue(template).certificate
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["a.example", "*.b.example"]
    assert names.get_values_for_type(x509.IPAddress) == [
        ipaddress.ip_address(ip) for ip in ("192.0.2.1", "2001:db8::1")
    ]
    assert names.get_values_for_type(x509.RFC822Name) == ["postmaster@a.example"]
    purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [CLIENT_AUTH, SERVER_AUTH]
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.digital_signature, usage.key_encipherment) == (True, False)
    access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    assert [one.access_location.value for one in access] == [
        "http://pki.example/ca.crt",
        "http://ocsp.example/",
    ]
    points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    urls = [point.full_name[0].value for point in points if point.full_name]
    assert urls == ["http://pki.example/ca.crl", "ldap:///CN=ca"]
    assert certificate.serial_number == 4711
    assert certificate.signature_hash_algorithm is not None
    assert certificate.signature_hash_algorithm.name == "sha384"


def test_a_bare_template_has_no_extension(root: Issued) -> None:
    """What a template leaves empty is left out, so that a certificate can have a Common Name alone."""
    bare = root.issue(Template("CN=only.example", key_identifiers=False))
    assert list(bare.certificate.extensions) == []


def test_names_are_critical_without_a_subject(root: Issued) -> None:
    """An empty subject makes the alternative names critical, as RFC 5280 section 4.2.1.6 asks."""
    certificate = root.issue(Leaf("", dns=("a.example",))).certificate
    assert not certificate.subject.rdns
    assert certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).critical


def test_wrong_signature(root: Issued) -> None:
    """`signing_key` gives the issuer's name with a signature that its key did not make."""
    stranger = self_signed(Root("CN=b"), NOW)
    forged = root.issue(Leaf("CN=a", signing_key=stranger.key))
    with pytest.raises(InvalidSignature):
        forged.certificate.verify_directly_issued_by(root.certificate)
    assert verify(forged, root=root) == (7, 0)


def test_wrong_issuer_name(root: Issued) -> None:
    """`issuer` writes another name, so that nobody finds the certificate that signed."""
    leaf = root.issue(Leaf("CN=a", issuer="CN=Nobody"))
    assert leaf.certificate.issuer == x509.Name.from_rfc4514_string("CN=Nobody")
    assert verify(leaf, root=root) == (20, 0)


@pytest.mark.parametrize(
    ("sub", "leaf", "expected"),
    [
        pytest.param(
            Intermediate("CN=s", permitted_dns=("a.example",)),
            Leaf("CN=l", dns=("b.example",)),
            (47, 0),
            id="name constraints: permitted",
        ),
        pytest.param(
            Intermediate("CN=s", excluded_dns=("b.example",)),
            Leaf("CN=l", dns=("b.example",)),
            (48, 0),
            id="name constraints: excluded",
        ),
        pytest.param(
            Intermediate("CN=s"),
            Leaf("CN=l", extensions=(critical_extension(),)),
            (34, 0),
            id="unknown critical extension",
        ),
    ],
)
def test_constraints_bite(root: Issued, sub: Template, leaf: Template, expected: tuple[int, int]) -> None:
    """OpenSSL refuses a chain (root > sub > leaf) for exactly the constraint that a template sets."""
    issuer = root.issue(sub)
    assert verify(issuer.issue(leaf), issuer, root=root) == expected


def test_path_length(root: Issued) -> None:
    """root > sub (path length 0) > another sub > leaf: one authority too many."""
    sub = root.issue(Intermediate("CN=s", path_length=0))
    another = sub.issue(Intermediate("CN=t"))
    assert verify(another.issue(Leaf("CN=l")), another, sub, root=root) == (25, 2)


def test_pem(root: Issued) -> None:
    """The PEM of a chain holds the certificates in the order given; the key can be read back."""
    leaf = root.issue(Leaf("CN=a"))
    certificates = x509.load_pem_x509_certificates(leaf.chain_pem(root).encode())
    assert certificates == [leaf.certificate, root.certificate]
    assert leaf.pem + root.pem == leaf.chain_pem(root)
    assert x509.load_der_x509_certificate(leaf.der) == leaf.certificate
    assert crypto.load_privatekey(crypto.FILETYPE_PEM, leaf.key_pem.encode()).bits() == 256


def test_the_key_is_not_shown(root: Issued) -> None:
    """A failing assertion that prints a certificate does not print its private key."""
    assert "key" not in repr(root)
