"""Certificates read, with `openssl x509` as the second opinion."""

from __future__ import annotations

import contextlib
import functools
import subprocess
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.demo.authority import CLIENT_AUTH, SERVER_AUTH, Issued, Leaf, Root, self_signed
from exporter.judge.certificates import MAX_CACHED, UnreadableCertificateError, read_certificate

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def openssl(issued: Issued, *options: str) -> str:
    """What `openssl x509` prints of a certificate."""
    command = ["openssl", "x509", "-noout", *options]
    return subprocess.run(
        command, input=issued.pem, capture_output=True, text=True, check=True, timeout=30
    ).stdout


def test_facts_are_openssls(root: Issued) -> None:
    """Digests, serial, names and dates equal what openssl prints."""
    issued = root.issue(Leaf("CN=mail.example.org,O=Contoso", dns=("mail.example.org",), ips=("192.0.2.1",)))
    facts = read_certificate(issued.der)
    sha1 = openssl(issued, "-fingerprint", "-sha1").partition("=")[2].strip()
    sha256 = openssl(issued, "-fingerprint", "-sha256").partition("=")[2].strip()
    assert (facts.sha1, facts.sha256) == (sha1.replace(":", ""), sha256.replace(":", ""))
    assert facts.serial.zfill(40) == openssl(issued, "-serial").partition("=")[2].strip().zfill(40)
    assert f"subject={facts.subject}" == openssl(issued, "-subject", "-nameopt", "RFC2253").strip()
    assert f"issuer={facts.issuer}" == openssl(issued, "-issuer", "-nameopt", "RFC2253").strip()
    end = openssl(issued, "-enddate", "-dateopt", "iso_8601").partition("=")[2].strip()
    assert f"{facts.not_after:%Y-%m-%d %H:%M:%SZ}" == end
    assert facts.sans == ("DNS:mail.example.org", "IP:192.0.2.1")
    assert facts.common_name == "mail.example.org"


@pytest.mark.parametrize(
    ("key", "described", "bits", "signature"),
    [
        ("ec-p256", "EC secp256r1", 256, "ECDSA-SHA256"),
        ("ec-p384", "EC secp384r1", 384, "ECDSA-SHA256"),
        ("rsa-1024", "RSA 1024", 1024, "RSA-SHA256"),
        ("ed25519", "Ed25519", 256, "ED25519"),
    ],
)
def test_keys_and_signatures(key: str, described: str, bits: int, signature: str) -> None:
    """Key, its size and the signature algorithm are named as administrators do."""
    facts = read_certificate(self_signed(Root("CN=Root", key=key), NOW).der)
    assert (facts.key, facts.key_bits, facts.signature) == (described, bits, signature)
    assert facts.self_signed


@pytest.mark.parametrize(
    ("template", "allowed"),
    [
        (Leaf("CN=x", purposes=(), usage=()), True),
        (Leaf("CN=x", purposes=(SERVER_AUTH, CLIENT_AUTH)), True),
        (Leaf("CN=x", purposes=(CLIENT_AUTH,)), False),
        (Leaf("CN=x", usage=("key_agreement",)), True),
        (Leaf("CN=x", usage=("crl_sign",)), False),
        (Root("CN=x"), True),
        (Root("CN=x", purposes=(CLIENT_AUTH,)), False),
    ],
    ids=["none", "both", "client only", "key agreement", "CRL signing", "authority", "client authority"],
)
def test_usage(template: Leaf | Root, allowed: bool) -> None:
    """Key usage and extended key usage allow a server or do not, as openssl's purposes say."""
    issued = self_signed(template, NOW)
    purpose = "SSL server CA" if isinstance(template, Root) else "SSL server"
    assert f"\n{purpose} : {'Yes' if allowed else 'No'}" in openssl(issued, "-purpose")
    assert read_certificate(issued.der).usage_allows_server is allowed


def test_addresses_of_further_evidence(root: Issued) -> None:
    """AIA issuers, OCSP responders and CRL distribution points of every scheme are read."""
    urls = {
        "aia_issuers": ("http://pki.example/ca.crt", "ldap:///cn=ca"),
        "ocsp_urls": ("http://ocsp.example/",),
        "crl_urls": ("ldap:///cn=ca?certificateRevocationList", "http://pki.example/ca.crl"),
    }
    facts = read_certificate(root.issue(Leaf("CN=x", **urls)).der)  # type: ignore[arg-type] # three fields of one type
    assert {name: getattr(facts, name) for name in urls} == urls


def test_self_issued_is_not_self_signed(root: Issued) -> None:
    """A certificate that carries its own name as issuer but another key's signature is not self-signed."""
    facts = read_certificate(self_signed(Leaf("CN=x", signing_key=root.key), NOW).der)
    assert (facts.self_issued, facts.self_signed) == (True, False)


@pytest.mark.parametrize("der", [b"", b"not a certificate", b"\x30\x03\x02\x01\x01"])
def test_rubbish(der: bytes) -> None:
    """Bytes that are no certificate raise the one documented error."""
    with pytest.raises(UnreadableCertificateError):
        read_certificate(der)


NAMES, LISTS, AIA = "2.5.29.17", "2.5.29.31", "1.3.6.1.5.5.7.1.1"
BROKEN = {
    "no DER": (LISTS, "05"),
    "lists without structure": (LISTS, "3003020105"),
    "names of a reserved type": (NAMES, "30048e026161"),
    "an address of five bytes": (NAMES, "300787050102030405"),
    "a name that is not ASCII": (NAMES, "3004820263e9"),
    "an X.400 address among the names": (NAMES, "300882026161a3023000"),
    "an EDI party among the names": (NAMES, "3004a5023000"),
    "an X.400 address to fetch from": (AIA, "300e300c06082b06010505073002a300"),
    "an X.400 address of a list": (LISTS, "300a3008a006a004a3023000"),
}


@pytest.mark.parametrize(("number", "value"), BROKEN.values(), ids=BROKEN)
def test_broken_extension_hides_nothing_else(root: Issued, number: str, value: str) -> None:
    """A certificate with an extension that cannot be read still has everything else."""
    broken = x509.UnrecognizedExtension(x509.ObjectIdentifier(number), bytes.fromhex(value))
    names = () if number == NAMES else ("mail.example.org",)
    issued = root.issue(
        Leaf("CN=mail.example.org", dns=names, extensions=((broken, False),), purposes=(CLIENT_AUTH,))
    )
    facts = read_certificate(issued.der)
    assert (facts.subject, facts.sans) == ("CN=mail.example.org", tuple(f"DNS:{name}" for name in names))
    assert facts.not_after == issued.certificate.not_valid_after_utc
    assert facts.usage_allows_server is False
    assert (facts.aia_issuers, facts.crl_urls) == ((), ())


def test_an_extension_that_is_there_twice_is_not_read(root: Issued) -> None:
    """Which of the two counts nobody can say (RFC 5280 section 4.2), but the others count."""
    twice = root.issue(
        Leaf("CN=x", dns=("a.example",), crl_urls=("http://a.example/",), purposes=(CLIENT_AUTH,))
    )
    names = bytes.fromhex("0603551d11")  # subjectAltName
    lists = bytes.fromhex("0603551d1f")  # cRLDistributionPoints
    facts = read_certificate(twice.der.replace(lists, names))
    assert (facts.sans, facts.crl_urls, facts.usage_allows_server) == ((), (), False)


@settings(deadline=None)  # a busy machine is no failure
@given(
    changes=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=4),
)
def test_any_change_is_read_or_refused(root: Issued, changes: list[tuple[int, int]]) -> None:
    """No byte of a certificate makes reading it raise anything but its own error."""
    der = bytearray(_everything(root))
    for place, byte in changes:
        der[place % len(der)] = byte
    with contextlib.suppress(UnreadableCertificateError):
        read_certificate(bytes(der))


@functools.cache
def _everything(root: Issued) -> bytes:
    """A certificate with all that is read."""
    leaf = Leaf(
        "CN=a,O=x,C=DE",
        dns=("a.example",),
        ips=("192.0.2.1",),
        emails=("a@b.example",),
        aia_issuers=("http://a.example/",),
        ocsp_urls=("http://b.example/",),
        crl_urls=("http://c.example/",),
    )
    return root.issue(leaf).der


def test_the_same_bytes_are_read_once(root: Issued) -> None:
    """Equal certificates are one value; huge ones are not kept."""
    issued = root.issue(Leaf("CN=x"))
    assert read_certificate(issued.der) is read_certificate(bytes(bytearray(issued.der)))
    huge = root.issue(Leaf("CN=x", dns=tuple(f"{n:05}.example.org" for n in range(MAX_CACHED // 15))))
    first, second = read_certificate(huge.der), read_certificate(huge.der)
    assert first is not second
    assert first == second
    assert len({first, second}) == 1


def test_lifetime(root: Issued) -> None:
    """The lifetime is counted in days."""
    facts = read_certificate(root.issue(Leaf("CN=x", begins=timedelta(0), ends=timedelta(days=47))).der)
    assert facts.lifetime_days == 47
