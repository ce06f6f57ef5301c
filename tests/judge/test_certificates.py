"""Certificates read, with `openssl x509` as the second opinion."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

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


def test_broken_extension_hides_nothing_else(root: Issued, tmp_path: Path) -> None:
    """A certificate whose names cannot be decoded still has its dates, subject and digest."""
    issued = root.issue(Leaf("CN=mail.example.org", dns=("mail.example.org",)))
    broken = issued.der.replace(b"\x82\x10mail.example.org", b"\x8e\x10mail.example.org")
    assert broken != issued.der
    facts = read_certificate(broken)
    assert (facts.subject, facts.sans) == ("CN=mail.example.org", ())
    assert facts.not_after == issued.certificate.not_valid_after_utc


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
