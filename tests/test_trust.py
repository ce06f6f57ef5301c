"""Trust stores from files, directories and the system."""

from __future__ import annotations

import logging
import os
import ssl
import subprocess
from pathlib import Path

import pytest

from exporter import trust
from exporter.demo.authority import Issued, Leaf
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
    (tmp_path / "dangling.pem").symlink_to("gone.pem")
    assert set(trust.load("x", "pem", (tmp_path,)).anchors) == plain == {root.der, intermediate.der}


def test_broken_certificate_is_left_out(
    tmp_path: Path, root: Issued, caplog: pytest.LogCaptureFixture
) -> None:
    """One certificate that cannot be read costs a warning that names it, not the store."""
    file = tmp_path / "bundle.pem"
    broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    file.write_text(broken + root.pem)
    with caplog.at_level(logging.WARNING):
        assert trust.load("x", "pem", (file,)).anchors == (root.der,)
    assert f"certificate 1 of {file} is left out" in caplog.text


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
    ],
)
def test_unusable_stores(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    """A store that cannot be used is an error that names the file and the reason."""
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(StoreError, match=message) as caught:
        trust.load("x", "pem", (file,))
    assert name in str(caught.value)


def test_unknown_type() -> None:
    """A type that does not exist is refused by name."""
    with pytest.raises(StoreError, match="'floppy'"):
        trust.load("x", "floppy", ())


def test_system_follows_openssls_variables(
    tmp_path: Path, root: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SSL_CERT_FILE and SSL_CERT_DIR replace the system's own store, as they do for OpenSSL."""
    (tmp_path / "root.pem").write_text(root.pem)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "root.pem"))
    assert trust.system().anchors == (root.der,)
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    store = trust.system()
    assert (store.label, store.anchors) == ("system", (root.der,))


def test_system_without_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, root: Issued) -> None:
    """Without variables the distribution's bundle is used, and where there is none that is said."""
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(variable, raising=False)
    nowhere = ssl.DefaultVerifyPaths("", "", "SSL_CERT_FILE", "/nowhere", "SSL_CERT_DIR", "/nowhere")
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nowhere)
    monkeypatch.setattr(trust, "_BUNDLES", (os.devnull + "/x", str(tmp_path / "bundle.crt")))
    with pytest.raises(StoreError, match="no certificate found in this system"):
        trust.system()
    (tmp_path / "bundle.crt").write_text(root.pem)
    assert trust.system().anchors == (root.der,)


def test_equal_anchors_make_equal_stores(tmp_path: Path, root: Issued) -> None:
    """Two stores with the same anchors are equal whatever they are called, and others are not."""
    (tmp_path / "root.pem").write_text(root.pem)
    (tmp_path / "other.pem").write_text(root.issue(Leaf("CN=x")).pem)
    first, second = (trust.load(label, "pem", (tmp_path / "root.pem",)) for label in ("a", "b"))
    other = trust.load("a", "pem", (tmp_path / "other.pem",))
    assert first == second
    assert len({first, second, other}) == 2
