"""PKCS#12 as OpenSSL writes it; test_keytool.py has what Java makes."""

from __future__ import annotations

import contextlib
import hmac
import subprocess
from pathlib import Path

import pytest

from exporter import trust
from exporter.demo.authority import Issued
from exporter.der import parse
from exporter.model import TrustStore
from exporter.trust import StoreError, encryption
from exporter.trust.bags import certificates
from tests.programs import program


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the store will be."""
    return tmp_path / "trust.p12"


def _export(file: Path, pem: str, *options: str, password: str = "changeit") -> None:
    source = file.with_suffix(".pem")
    source.write_text(pem)
    files = ("-in", str(source), "-out", str(file))
    command = (str(program("openssl")), "pkcs12", "-export", *files, *options, "-passout", f"pass:{password}")
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def _load(file: Path, password: str | None) -> TrustStore:
    if password is None:
        return trust.load("x", "pkcs12", (file,))
    secret = file.with_name("password")
    secret.write_text(password + "\n")
    return trust.load("x", "pkcs12", (file,), secret)


@pytest.mark.parametrize(
    ("options", "password", "given"),
    [
        ((), "secret", "secret"),
        (("-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1"), "secret", "secret"),
        ((), "changeit", None),
        ((), "", None),
        ((), "", ""),
        (("-keypbe", "NONE", "-certpbe", "NONE", "-nomac"), "", None),
        (("-keypbe", "NONE", "-certpbe", "NONE", "-nomac"), "", "any"),
        (("-keypbe", "NONE", "-certpbe", "NONE"), "secret", "secret"),
    ],
    ids=["pbes2", "legacy", "java's password", "empty", "empty line", "plain", "plain with any", "only mac"],
)
def test_certificates_without_keys(
    file: Path, root: Issued, intermediate: Issued, options: tuple[str, ...], password: str, given: str | None
) -> None:
    """However the certificates are protected, they are the anchors."""
    _export(file, root.pem + intermediate.pem, "-nokeys", *options, password=password)
    assert set(_load(file, given).anchors) == {root.der, intermediate.der}


def test_certificate_of_a_private_key_does_not_count(
    file: Path, root: Issued, intermediate: Issued, leaf: Issued
) -> None:
    """Of a file with a key the authorities are trusted, and not the key's own certificate."""
    _export(file, leaf.chain_pem(intermediate, root) + leaf.key_pem)
    assert set(_load(file, None).anchors) == {root.der, intermediate.der}
    _export(file, leaf.pem + leaf.key_pem)
    with pytest.raises(StoreError, match="one that belongs to a private key does not count"):
        _load(file, None)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("wrong", "wrong password (or it is damaged)"),
        ("", "wrong password (or it is damaged)"),
        (None, "needs a password, see password_file (or it is damaged)"),
    ],
    ids=["wrong", "empty", "none"],
)
def test_wrong_password(file: Path, root: Issued, given: str | None, message: str) -> None:
    """A password that does not fit, or is not there, is an error that says so and names the file."""
    _export(file, root.pem, "-nokeys", password="secret")
    with pytest.raises(StoreError) as caught:
        _load(file, given)
    assert str(caught.value) == f"{file}: {message}"


def test_every_truncation(file: Path, root: Issued) -> None:
    """Wherever the file ends too early, that is said, not that the password were wrong."""
    _export(file, root.pem, "-nokeys")
    whole = file.read_bytes()
    for length in (*range(7, len(whole), 13), len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(StoreError, match=f"{file.name}: truncated, {length} of {len(whole)} bytes"):
            _load(file, "changeit")


def test_damage(file: Path, root: Issued) -> None:
    """A file whose structure is broken is not blamed on its password."""
    _export(file, root.pem, "-nokeys")
    whole = file.read_bytes()
    file.write_bytes(whole[:20] + b"\xff" * 40 + whole[60:])
    with pytest.raises(StoreError, match=f"{file.name}: cannot be read: ") as caught:
        _load(file, "changeit")
    assert "password" not in str(caught.value)


_WAYS = [
    (("-certpbe", "NONE", "-nomac"), ""),
    (("-certpbe", "NONE", "-macalg", "sha512"), "secret"),
    ((), "secret"),
    ((), "changeit"),
    ((), ""),
    (("-certpbe", "AES-128-CBC", "-macalg", "sha1"), "secret"),
    (("-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1"), "secret"),
    (("-legacy", "-certpbe", "PBE-SHA1-RC2-40"), "secret"),
    (("-legacy", "-certpbe", "PBE-SHA1-RC2-128"), "secret"),
]
_WAY_NAMES = [
    "plain",
    "only mac",
    "pbes2",
    "java's password",
    "empty",
    "aes-128",
    "triple des",
    "rc2-40",
    "rc2-128",
]


@pytest.mark.parametrize(("options", "password"), _WAYS, ids=_WAY_NAMES)
def test_one_by_one(
    file: Path, root: Issued, intermediate: Issued, options: tuple[str, ...], password: str
) -> None:
    """Taken apart by us, a file has the certificates that OpenSSL put into it, and wants its password."""
    _export(file, root.pem + intermediate.pem, "-nokeys", *options, password=password)
    assert {found.der for found in certificates(file.read_bytes(), password)} == {root.der, intermediate.der}
    if options[-1:] != ("-nomac",):
        with pytest.raises(ValueError, match="checksum"):
            certificates(file.read_bytes(), "wrong")


def test_one_by_one_without_the_certificate_of_a_key(
    file: Path, root: Issued, intermediate: Issued, leaf: Issued
) -> None:
    """As with the library, the certificate of a private key does not count."""
    _export(file, leaf.chain_pem(intermediate, root) + leaf.key_pem, "-name", "mail")
    assert {found.der for found in certificates(file.read_bytes(), "changeit")} == {
        root.der,
        intermediate.der,
    }


def _break(file: Path) -> None:
    """Make an unencrypted file's first certificate one of version 7, which does not exist."""
    version_3, version_7 = b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x06"
    file.write_bytes(file.read_bytes().replace(version_3, version_7, 1))


def test_broken_certificate_is_left_out(
    file: Path, root: Issued, intermediate: Issued, caplog: pytest.LogCaptureFixture
) -> None:
    """One that cannot be read costs itself alone, and the warning names it."""
    _export(file, root.pem + intermediate.pem, "-nokeys", "-caname", "old", "-certpbe", "NONE", "-nomac")
    _break(file)
    assert _load(file, None).anchors == (intermediate.der,)
    assert f"certificate 'old' of {file} is left out: " in caplog.text


def test_broken_certificate_does_not_pass_the_checksum(
    file: Path, root: Issued, intermediate: Issued
) -> None:
    """Where a checksum shows that somebody changed the file, nothing of it is used."""
    _export(file, root.pem + intermediate.pem, "-nokeys", "-certpbe", "NONE", password="secret")
    _break(file)
    with pytest.raises(StoreError, match="wrong password \\(or it is damaged\\)"):
        _load(file, "secret")


def test_broken_certificate_within_a_checksum(
    file: Path, root: Issued, intermediate: Issued, caplog: pytest.LogCaptureFixture
) -> None:
    """The same for a certificate that was broken before the checksum was made."""
    _export(file, root.pem + intermediate.pem, "-nokeys", "-certpbe", "NONE", "-nomac")
    _break(file)
    plain = file.read_bytes()
    file.write_bytes(_sealed(plain, "secret"))
    assert _load(file, "secret").anchors == (intermediate.der,)
    assert f"certificate 1 of {file} is left out: " in caplog.text
    with pytest.raises(StoreError, match="wrong password"):
        _load(file, "other")


def _sealed(plain: bytes, password: str) -> bytes:
    """A file whose safes are those of a plain one, in a checksum as RFC 7292 wants it."""
    safes = _safes(plain)
    salt, rounds = b"saltsalt", 2
    key = encryption._derive("sha256", 3, encryption._secret(password), salt, rounds, 32)
    value = _tlv(
        0x30, bytes.fromhex("300d06096086480165030402010500") + _tlv(4, hmac.digest(key, safes, "sha256"))
    )
    checksum = _tlv(0x30, value + _tlv(4, salt) + _tlv(2, bytes([rounds])))
    whole = bytes(parse(plain).value)
    return _tlv(0x30, whole + checksum)


def _safes(file: bytes) -> bytes:
    return bytes(parse(file).children()[1].children()[1].children()[0].value)


@pytest.mark.parametrize(
    "way",
    [(3, "des-ede3-cbc", 24), (5, "rc2-cbc", 16), (6, "rc2-40-cbc", 5)],
    ids=["triple des", "rc2-128", "rc2-40"],
)
def test_broken_certificate_that_is_encrypted(
    file: Path,
    root: Issued,
    intermediate: Issued,
    caplog: pytest.LogCaptureFixture,
    way: tuple[int, str, int],
) -> None:
    """Windows and older keytools encrypt the certificates, too; OpenSSL does so here."""
    scheme, cipher, key_size = way
    _export(file, root.pem + intermediate.pem, "-nokeys", "-certpbe", "NONE", "-nomac")
    _break(file)
    plain = bytes(parse(_safes(file.read_bytes())).children()[0].children()[1].children()[0].value)
    salt, rounds, secret = b"saltsalt", 2, encryption._secret("secret")
    key, iv = (
        encryption._derive("sha1", purpose, secret, salt, rounds, size)
        for purpose, size in ((1, key_size), (2, 8))
    )
    command = (str(program("openssl")), "enc", "-provider", "legacy", "-provider", "default", f"-{cipher}")
    secrets = ("-K", key.hex(), "-iv", iv.hex())
    hidden = subprocess.run((*command, *secrets), input=plain, check=True, capture_output=True, timeout=60)
    file.write_bytes(_encrypted(hidden.stdout, scheme, _tlv(0x30, _tlv(4, salt) + _tlv(2, bytes([rounds])))))
    assert _load(file, "secret").anchors == (intermediate.der,)
    assert f"certificate 1 of {file} is left out: " in caplog.text
    with pytest.raises(StoreError):
        _load(file, "other")


def _encrypted(hidden: bytes, scheme: int, parameters: bytes) -> bytes:
    """A file without a checksum that holds one encrypted safe (RFC 7292 section 5)."""
    data, encrypted = (_tlv(6, bytes.fromhex(f"2a864886f70d0107{number:02x}")) for number in (1, 6))
    algorithm = _tlv(0x30, _tlv(6, bytes.fromhex(f"2a864886f70d010c01{scheme:02x}")) + parameters)
    info = _tlv(0x30, data + algorithm + _tlv(0x80, hidden))
    safe = _tlv(0x30, encrypted + _tlv(0xA0, _tlv(0x30, _tlv(2, b"\0") + info)))
    content = _tlv(0x30, data + _tlv(0xA0, _tlv(4, _tlv(0x30, safe))))
    return _tlv(0x30, _tlv(2, b"\3") + content)


def test_any_byte_changed(file: Path, root: Issued, intermediate: Issued) -> None:
    """Whatever happened to a file, it is read or refused in words; the checksum is absent to make it harder."""
    _export(file, root.pem + intermediate.pem, "-nokeys", "-certpbe", "NONE", "-nomac")
    whole = file.read_bytes()
    for at in range(len(whole)):
        for value in {0x00, 0x30, whole[at] ^ 1}:
            with contextlib.suppress(ValueError):
                certificates(whole[:at] + bytes([value]) + whole[at + 1 :], None)


def _tlv(tag: int, value: bytes) -> bytes:
    size = len(value)
    return bytes([tag]) + (bytes([size]) if size < 128 else b"\x82" + size.to_bytes(2)) + value


def test_bytes_behind_the_end(file: Path, root: Issued) -> None:
    """What follows the store is of no interest, and no reason for a warning of the library."""
    _export(file, root.pem, "-nokeys")
    file.write_bytes(file.read_bytes() + b"padding")
    assert _load(file, None).anchors == (root.der,)
