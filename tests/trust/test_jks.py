"""JKS and JCEKS, written by hand; test_keytool.py has those that Java makes."""

from __future__ import annotations

import contextlib
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter import trust
from exporter.demo.authority import Issued
from exporter.model import TrustStore
from exporter.trust import StoreError, jks
from tests.trust.keystores import JCEKS, JKS, keystore, private_key, secret_key, trusted


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the store will be."""
    return tmp_path / "trust.jks"


def _load(file: Path, data: bytes, password: str | None = "changeit") -> TrustStore:
    file.write_bytes(data)
    if password is None:
        return trust.load("java", "jks", (file,))
    secret = file.with_name("password")
    secret.write_text(password + "\n", encoding="utf-8")
    return trust.load("java", "jks", (file,), secret)


@pytest.mark.parametrize("magic", [JKS, JCEKS], ids=["jks", "jceks"])
@pytest.mark.parametrize("version", [1, 2])
def test_trusted_certificates(
    file: Path, root: Issued, intermediate: Issued, magic: bytes, version: int
) -> None:
    """Both formats in both versions give their certificates in the order of the file."""
    entries = [trusted(name, one.der, version=version) for name, one in (("a", root), ("b", intermediate))]
    store = _load(file, keystore(*entries, magic=magic, version=version))
    assert store.anchors == (root.der, intermediate.der)


def test_chain_of_a_private_key_is_not_trusted(file: Path, root: Issued, intermediate: Issued) -> None:
    """Java does not trust the authorities of its own key, unless they are entries themselves."""
    own = private_key("own", intermediate.der, root.der)
    assert _load(file, keystore(own, trusted("root", root.der))).anchors == (root.der,)
    with pytest.raises(StoreError, match="one that belongs to a private key does not count"):
        _load(file, keystore(own))


def test_wrong_password(file: Path, root: Issued) -> None:
    """A password that does not fit is an error, and so is a changed byte with the right one."""
    data = keystore(trusted("root", root.der), password="right")
    assert _load(file, data, "right").anchors == (root.der,)
    for content, password in ((data, "wrong"), (data[:-1] + bytes([data[-1] ^ 1]), "right")):
        with pytest.raises(StoreError) as caught:
            _load(file, content, password)
        assert str(caught.value) == f"{file}: wrong password (or it is damaged)"


def test_password_beyond_ascii(file: Path, root: Issued) -> None:
    """Passwords are UTF-16 to Java."""
    assert _load(file, keystore(trusted("root", root.der), password="pässwört €😀"), "pässwört €😀").anchors


@pytest.mark.parametrize(("password", "warned"), [("changeit", False), ("other", True)])
def test_without_a_password_file(
    file: Path, root: Issued, caplog: pytest.LogCaptureFixture, password: str, *, warned: bool
) -> None:
    """Without a password the usual one is tried; if it does not fit, a warning says what was not checked."""
    assert _load(file, keystore(trusted("root", root.der), password=password), None).anchors == (root.der,)
    assert (f"{file} is used without checking that it is intact" in caplog.text) is warned


def test_broken_certificate_is_left_out(file: Path, root: Issued, caplog: pytest.LogCaptureFixture) -> None:
    """A certificate that cannot be read costs a warning with its alias, harmless to a terminal."""
    entries = (
        trusted("bad\x1b[2J", b"\x30\x01"),
        trusted("pgp", b"?", kind="PGP"),
        trusted("root", root.der),
    )
    assert _load(file, keystore(*entries)).anchors == (root.der,)
    assert f"certificate 'bad\\x1b[2J' of {file} is left out: " in caplog.text
    assert f"certificate 'pgp' of {file} is left out: its type is 'PGP'" in caplog.text


def test_secret_key(file: Path, root: Issued) -> None:
    """A secret key ends the reading, with the reason."""
    data = keystore(trusted("root", root.der), secret_key("aes"), magic=JCEKS)
    with pytest.raises(StoreError, match="entry 'aes' is a secret key"):
        _load(file, data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (keystore(version=3), "version 3 of the format is unknown"),
        (keystore(secret_key("aes")), "entry 'aes' is of the unknown type 3; the file is damaged"),
        (JKS + struct.pack(">II", 2, 0xFFFF_FFFF), "truncated"),
        (JKS + struct.pack(">IIIH", 2, 1, 2, 0xFFFF) + b"alias", "truncated"),
        (keystore(private_key("own")[:-8] + b"\xff" * 8), "truncated"),
        (keystore(private_key("own")[:-4] + b"\xff" * 4), "truncated"),
        (keystore(trusted("root", b"")[:-4] + b"\xff" * 4), "truncated"),
    ],
    ids=["version", "secret in JKS", "count", "alias", "key", "chain", "certificate"],
)
def test_damaged_file(file: Path, data: bytes, message: str) -> None:
    """Whatever a length or a number claims, the file's name and the reason come back."""
    with pytest.raises(StoreError) as caught:
        _load(file, data)
    assert str(caught.value).startswith(f"{file}: {message}")


def test_every_truncation(file: Path, root: Issued) -> None:
    """Wherever the file ends too early, it is called truncated; only its first four bytes say that it is one."""
    whole = keystore(private_key("own", root.der), trusted("root", root.der))
    for length in range(4, len(whole)):
        with pytest.raises(StoreError, match=r"^truncated: "):
            jks.parse(whole[:length])
    with pytest.raises(StoreError, match="not a JKS or JCEKS file"):
        _load(file, whole[:3])


def test_bytes_behind_the_end(file: Path, root: Issued) -> None:
    """Java reads no further than the digest, so what follows is of no interest."""
    assert _load(file, keystore(trusted("root", root.der)) + b"padding").anchors == (root.der,)


@given(
    st.binary()
    | st.builds(
        lambda magic, version, count, rest: magic + struct.pack(">II", version, count) + rest,
        st.sampled_from([JKS, JCEKS]),
        st.integers(0, 3),
        st.integers(0, 2**32 - 1),
        st.binary()
        | st.builds(
            lambda tag, rest: struct.pack(">I", tag) + rest, st.integers(0, 4), st.binary(min_size=10)
        ),
    )
)
def test_any_bytes(data: bytes) -> None:
    """No bytes make the reader raise anything but its own error."""
    with contextlib.suppress(StoreError):
        store = jks.parse(data)
        assert data.startswith(store.body + store.digest)


@given(st.data())
def test_any_change(data: st.DataObject) -> None:
    """A store with some bytes changed is refused, or fails the check of its password."""
    whole = keystore(private_key("own", b"leaf", b"root"), trusted("root", b"certificate"))
    begin = data.draw(st.integers(0, len(whole) - 1))
    change = data.draw(st.binary(min_size=1, max_size=8))
    changed = whole[:begin] + change + whole[begin + len(change) :]
    with contextlib.suppress(StoreError):
        assert jks.parse(changed).fits("changeit") is changed.startswith(whole)
