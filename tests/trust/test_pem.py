"""PEM files, DER files and directories of both."""

from __future__ import annotations

import logging
import subprocess
from pathlib import Path

import pytest

from exporter import trust
from exporter.demo.authority import Issued
from exporter.trust import StoreError


def test_file_with_several_certificates(tmp_path: Path, root: Issued, intermediate: Issued) -> None:
    """A PEM file may hold several certificates and text around them; each counts once."""
    file = tmp_path / "bundle.pem"
    file.write_text(f"# Contoso\n{root.pem}\nsome text\n{intermediate.pem}{root.pem}")
    assert trust.load("contoso", "pem", (file,)).anchors == (root.der, intermediate.der)


def test_several_files(tmp_path: Path, root: Issued, intermediate: Issued) -> None:
    """A store may consist of several files, DER among them."""
    (tmp_path / "a.pem").write_text(root.pem)
    (tmp_path / "b.cer").write_bytes(intermediate.der)
    store = trust.load("x", "pem", (tmp_path / "a.pem", tmp_path / "b.cer"))
    assert store.anchors == (root.der, intermediate.der)


def test_directory_with_hash_links(tmp_path: Path, root: Issued, intermediate: Issued) -> None:
    """A directory counts each certificate once, with or without the links that c_rehash makes."""
    (tmp_path / "root.pem").write_text(root.pem)
    (tmp_path / "sub.pem").write_text(intermediate.pem)
    (tmp_path / "notes.txt").write_text("not a certificate")
    (tmp_path / "subdirectory").mkdir()
    plain = set(trust.load("x", "pem", (tmp_path,)).anchors)
    subprocess.run(["openssl", "rehash", tmp_path], check=True, capture_output=True, timeout=30)
    assert any(entry.is_symlink() for entry in tmp_path.iterdir())
    assert set(trust.load("x", "pem", (tmp_path,)).anchors) == plain == {root.der, intermediate.der}


@pytest.mark.parametrize("leads_to", ["gone.pem", "link.pem"], ids=["nowhere", "itself"])
def test_bad_link_is_left_out(
    tmp_path: Path, root: Issued, caplog: pytest.LogCaptureFixture, leads_to: str
) -> None:
    """A link in a directory that leads nowhere costs a warning that names it, not the store."""
    (tmp_path / "root.pem").write_text(root.pem)
    (tmp_path / "link.pem").symlink_to(leads_to)
    assert trust.load("x", "pem", (tmp_path,)).anchors == (root.der,)
    assert f"{tmp_path / 'link.pem'}: " in caplog.text
    assert "is left out" in caplog.text


@pytest.mark.parametrize(
    "broken",
    [
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----\n",
    ],
    ids=["no certificate", "no base64"],
)
def test_broken_certificate_is_left_out(
    tmp_path: Path, root: Issued, caplog: pytest.LogCaptureFixture, broken: bytes
) -> None:
    """One certificate that cannot be read costs a warning that names it, not the store."""
    file = tmp_path / "bundle.pem"
    file.write_bytes(broken + root.pem.encode())
    with caplog.at_level(logging.WARNING):
        assert trust.load("x", "pem", (file,)).anchors == (root.der,)
    assert f"certificate 1 of {file} is left out" in caplog.text


def test_certificate_of_an_unknown_version_is_left_out(
    tmp_path: Path, root: Issued, caplog: pytest.LogCaptureFixture
) -> None:
    """A version of X.509 that does not exist is like any other fault of a certificate."""
    version_3, version_7 = b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x06"
    (tmp_path / "a.cer").write_bytes(root.der.replace(version_3, version_7, 1))
    (tmp_path / "b.cer").write_bytes(root.der)
    assert trust.load("x", "pem", (tmp_path,)).anchors == (root.der,)
    assert f"certificate 1 of {tmp_path / 'a.cer'} is left out" in caplog.text


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.pem", None, "No such file or directory"),
        ("empty.pem", b"", "no certificate found in"),
        (
            "key.pem",
            b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            "no certificate found in",
        ),
        ("rubbish.der", b"\x30\x82rubbish", "no certificate found in"),
        ("java.pem", b"\xfe\xed\xfe\xed", "no certificate found in .*; it looks like type jks"),
    ],
    ids=["missing", "empty", "key", "rubbish", "java"],
)
def test_unusable_stores(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    """A store that cannot be used is an error that names the file and the reason."""
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(StoreError, match=message) as caught:
        trust.load("x", "pem", (file,))
    assert name in str(caught.value)
