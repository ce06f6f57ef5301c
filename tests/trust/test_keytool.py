"""Trust stores that Java's keytool makes, with the roots of the demo's company."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import pytest

from exporter import trust
from exporter.demo.cases import Pki
from exporter.trust import StoreError
from tests.programs import program

pytestmark = pytest.mark.servers

PASSWORD = "contoso trusts"
FORMATS: Mapping[str, tuple[str, ...]] = {
    "JKS": ("-storetype", "JKS"),
    "JCEKS": ("-storetype", "JCEKS"),
    "PKCS12": ("-storetype", "PKCS12"),
    "legacy": ("-storetype", "PKCS12", "-J-Dkeystore.pkcs12.legacy"),
}
KINDS = {"JKS": "jks", "JCEKS": "jks", "PKCS12": "pkcs12", "legacy": "pkcs12"}


def _keytool(*arguments: str | Path) -> None:
    command = (program("keytool"), *arguments, "-storepass", PASSWORD)
    subprocess.run(command, check=True, capture_output=True, timeout=120)


@pytest.fixture(scope="module")
def pki(now: datetime) -> Pki:
    """The company's authorities."""
    return Pki(now)


@pytest.fixture(scope="module", params=FORMATS)
def store(request: pytest.FixtureRequest, pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with both roots and a key of its own; its suffix is the format's name."""
    name: str = request.param
    directory = tmp_path_factory.mktemp("keytool")
    file = directory / f"trust.{name}"
    for alias, root in (("contoso", pki.root), ("contoso-2", pki.root_2)):
        source = directory / f"{alias}.cer"
        source.write_text(root.pem)
        _keytool(
            "-importcert", "-noprompt", "-alias", alias, "-file", source, "-keystore", file, *FORMATS[name]
        )
    own = ("-genkeypair", "-alias", "own", "-keyalg", "EC", "-dname", "CN=own", "-keypass", PASSWORD)
    _keytool(*own, "-keystore", file, *FORMATS[name])
    (directory / "password").write_text(PASSWORD + "\n")
    return file


def _load(store: Path, password: Path) -> tuple[bytes, ...]:
    return trust.load("java", KINDS[store.suffix[1:]], (store,), password).anchors


def test_same_anchors_in_every_format(store: Path, pki: Pki) -> None:
    """Every format gives both roots, and not the certificate of the store's own key."""
    assert sorted(_load(store, store.with_name("password"))) == sorted((pki.root.der, pki.root_2.der))


def test_detected(store: Path) -> None:
    """The kind of each is told by its content."""
    assert trust.detect(store) == KINDS[store.suffix[1:]]


def test_wrong_password(store: Path, tmp_path: Path) -> None:
    """A wrong password is an error that says so and names the file."""
    (tmp_path / "password").write_text("changeit")
    with pytest.raises(StoreError) as caught:
        _load(store, tmp_path / "password")
    assert str(caught.value) == f"{store}: wrong password (or it is damaged)"


def test_truncated(store: Path, tmp_path: Path) -> None:
    """A file that ends too early is called truncated, and never blamed on the password."""
    whole = store.read_bytes()
    cut = tmp_path / store.name
    for length in (*range(8, len(whole), 37), len(whole) - 1):
        cut.write_bytes(whole[:length])
        with pytest.raises(StoreError) as caught:
            _load(cut, store.with_name("password"))
        assert str(caught.value).startswith(f"{cut}: truncated")


@pytest.mark.parametrize("store", ["JCEKS"], indirect=True)
def test_secret_key_of_jceks(store: Path, tmp_path: Path) -> None:
    """A secret key that Java made is named as what stands in the way."""
    mixed = tmp_path / "mixed"
    mixed.write_bytes(store.read_bytes())
    secret = ("-genseckey", "-alias", "aes", "-keyalg", "AES", "-keysize", "128", "-keypass", PASSWORD)
    _keytool(*secret, "-keystore", mixed, *FORMATS["JCEKS"])
    with pytest.raises(StoreError, match="entry 'aes' is a secret key"):
        trust.load("java", "jks", (mixed,), store.with_name("password"))
