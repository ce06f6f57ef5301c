"""What the machine itself trusts, on Unix and on Windows."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import pytest

from exporter import trust
from exporter.demo.authority import Issued, Leaf, Root, self_signed
from exporter.trust import StoreError, machine

SERVER_AUTH = "1.3.6.1.5.5.7.3.1"
CODE_SIGNING = "1.3.6.1.5.5.7.3.3"


@pytest.fixture
def without_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenSSL's variables are not set."""
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(variable, raising=False)


@pytest.mark.usefixtures("without_variables")
def test_openssls_variables(tmp_path: Path, root: Issued, monkeypatch: pytest.MonkeyPatch) -> None:
    """SSL_CERT_FILE and SSL_CERT_DIR replace the system's own store, as they do for OpenSSL."""
    (tmp_path / "root.pem").write_text(root.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "root.pem"))
    assert trust.system().anchors == (root.der,)
    monkeypatch.delenv("SSL_CERT_FILE")
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    store = trust.system()
    assert (store.label, store.anchors) == ("system", (root.der,))


@pytest.mark.usefixtures("without_variables")
def test_distributions_bundle(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, root: Issued) -> None:
    """Without variables the distribution's bundle is used, and where there is none that is said."""
    nowhere = ssl.DefaultVerifyPaths("", "", "SSL_CERT_FILE", "/nowhere", "SSL_CERT_DIR", "/nowhere")
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nowhere)
    monkeypatch.setattr(machine, "_BUNDLES", (os.devnull + "/x", str(tmp_path / "bundle.crt")))
    with pytest.raises(StoreError, match="no certificate found in this system"):
        trust.system()
    (tmp_path / "bundle.crt").write_text(root.pem)
    assert trust.system().anchors == (root.der,)


@pytest.mark.usefixtures("without_variables")
def test_windows_stores(monkeypatch: pytest.MonkeyPatch, root: Issued, intermediate: Issued) -> None:
    """Of Windows' stores only X.509 trusted for servers counts, and of CA nothing that is self-signed."""
    other = self_signed(Root("CN=Someone"), root.now)
    leaf = intermediate.issue(Leaf("CN=x"))
    listed = {
        "ROOT": [
            (root.der, "x509_asn", True),
            (other.der, "x509_asn", frozenset({CODE_SIGNING})),
            (other.der, "x509_asn", frozenset()),
            (other.der, "x509_asn", False),
            (other.der, "pkcs_7_asn", True),
            (b"rubbish", "x509_asn", True),
        ],
        "CA": [
            (intermediate.der, "x509_asn", frozenset({CODE_SIGNING, SERVER_AUTH})),
            (other.der, "x509_asn", True),
            (b"rubbish", "x509_asn", True),
        ],
        "MY": [(leaf.der, "x509_asn", True)],
    }
    monkeypatch.setattr(ssl, "enum_certificates", listed.__getitem__, raising=False)
    assert trust.system().anchors == (root.der, intermediate.der)


@pytest.mark.usefixtures("without_variables")
def test_broken_certificate_of_windows(
    monkeypatch: pytest.MonkeyPatch, root: Issued, caplog: pytest.LogCaptureFixture
) -> None:
    """A certificate that cannot be read is named by its store and its number there."""
    listed = [(root.der, "x509_asn", True), (b"rubbish", "x509_asn", True)]
    monkeypatch.setattr(ssl, "enum_certificates", lambda _store: listed, raising=False)
    assert trust.system().anchors == (root.der,)
    for store in ("ROOT", "CA"):
        assert f"certificate 2 of the Windows store {store} is left out" in caplog.text


@pytest.mark.usefixtures("without_variables")
def test_windows_denies_access(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store of Windows that may not be read is an error."""

    def denied(_store: str) -> list[tuple[bytes, str, bool]]:
        raise PermissionError(13, "Access is denied")

    monkeypatch.setattr(ssl, "enum_certificates", denied, raising=False)
    with pytest.raises(StoreError, match="system: Access is denied"):
        trust.system()


def test_the_files_that_are_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Those of OpenSSL's variables, else the machine's bundle or directory."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    usual = trust.system_files()
    assert usual
    assert all(path.exists() for path in usual)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "bundle.pem"))
    assert trust.system_files() == (tmp_path / "bundle.pem",)
