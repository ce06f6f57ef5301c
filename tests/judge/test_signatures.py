"""Who signed what, with old algorithms too."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from exporter.demo.authority import Root, self_signed
from exporter.judge.certificates import read_certificate
from exporter.judge.signatures import signed_by

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def made_by_openssl(directory: Path, *options: str) -> x509.Certificate:
    """A self-signed certificate from the openssl command, which still makes those of old algorithms."""
    command: list[str | Path] = [
        "openssl",
        "req",
        "-x509",
        "-nodes",
        "-subj",
        "/CN=x",
        "-days",
        "9",
        "-keyout",
        directory / "key.pem",
    ]
    run = subprocess.run([*command, *options], capture_output=True, check=True, timeout=30)
    return x509.load_pem_x509_certificate(run.stdout)


ALGORITHMS = {
    "RSA, SHA-1": ("-newkey", "rsa:2048", "-sha1"),
    "RSA, SHA-256": ("-newkey", "rsa:2048", "-sha256"),
    "RSA-PSS": ("-newkey", "rsa:2048", "-sha256", "-sigopt", "rsa_padding_mode:pss"),
    "ECDSA, SHA-1": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-sha1"),
    "Ed25519": ("-newkey", "ed25519"),
    "Ed448": ("-newkey", "ed448"),
}


@pytest.mark.parametrize("options", ALGORITHMS.values(), ids=ALGORITHMS)
def test_own_signature(tmp_path: Path, options: tuple[str, ...]) -> None:
    """A signature of any algorithm is recognised, and a wrong one of the same algorithm is not."""
    certificate, other = (made_by_openssl(tmp_path, *options) for _ in range(2))
    assert signed_by(certificate, certificate) is True
    assert signed_by(certificate, other) is False


def test_names_must_fit() -> None:
    """A key alone does not make an issuer."""
    one = self_signed(Root("CN=One"), NOW)
    two = self_signed(Root("CN=Two", key=one.key), NOW)
    assert signed_by(one.certificate, two.certificate) is False


def test_what_cannot_be_checked_is_unknown(tmp_path: Path) -> None:
    """A signature with MD5 is neither right nor wrong; one of another kind than the key is not the key's."""
    old = made_by_openssl(tmp_path, "-newkey", "rsa:2048", "-md5")
    assert signed_by(old, old) is None
    assert read_certificate(old.public_bytes(serialization.Encoding.DER)).self_signed
    ec_root = self_signed(Root("CN=Same"), NOW)
    rsa_root = self_signed(Root("CN=Same", key="rsa-2048"), NOW)
    assert signed_by(ec_root.certificate, rsa_root.certificate) is False
