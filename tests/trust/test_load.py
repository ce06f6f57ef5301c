"""Loading a store of whatever kind, and finding out which kind a file is."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from exporter import trust
from exporter.demo.authority import Issued, Leaf, Root, self_signed
from exporter.trust import StoreError, files
from tests.trust import keystores


def test_unknown_type() -> None:
    """A type that does not exist is refused by name."""
    with pytest.raises(StoreError, match="'floppy'"):
        trust.load("x", "floppy", ())


def test_equal_anchors_make_equal_stores(tmp_path: Path, root: Issued) -> None:
    """Two stores with the same anchors are equal whatever they are called, and others are not."""
    (tmp_path / "root.pem").write_text(root.pem)
    (tmp_path / "other.pem").write_text(root.issue(Leaf("CN=x")).pem)
    first, second = (trust.load(label, "pem", (tmp_path / "root.pem",)) for label in ("a", "b"))
    other = trust.load("a", "pem", (tmp_path / "other.pem",))
    assert first == second
    assert len({first, second, other}) == 2


@pytest.mark.parametrize("kind", ["pem", "pkcs12", "jks"])
@pytest.mark.parametrize("name", ["missing", "a\0b"], ids=["missing", "impossible"])
def test_file_that_cannot_be_opened(tmp_path: Path, kind: str, name: str) -> None:
    """A file that cannot be opened is an error of the store, whatever its kind, that names the file."""
    with pytest.raises(StoreError) as caught:
        trust.load("x", kind, (tmp_path / name,))
    assert str(caught.value).startswith(f"{tmp_path / name}: ")


@pytest.mark.parametrize("kind", ["pkcs12", "jks"])
def test_directory_instead_of_a_file(tmp_path: Path, kind: str) -> None:
    """Only PEM stores may be directories."""
    with pytest.raises(StoreError, match="Is a directory"):
        trust.load("x", kind, (tmp_path,))


@pytest.mark.parametrize("kind", ["pkcs12", "jks"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", ": the file is empty"),
        (b"hello", ": not a (JKS or JCEKS|PKCS#12) file$"),
        (b"-----BEGIN CERTIFICATE-----", " file but PEM, which is type pem"),
    ],
    ids=["empty", "anything", "pem"],
)
def test_file_of_another_kind(tmp_path: Path, kind: str, content: bytes, message: str) -> None:
    """A file that is not what the configuration says is an error that says what it is instead."""
    (tmp_path / "store").write_bytes(content)
    with pytest.raises(StoreError, match=message):
        trust.load("x", kind, (tmp_path / "store",))


def test_file_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is not read further than any sensible store is large."""
    monkeypatch.setattr(files, "LIMIT", 1024 * 1024)
    with pytest.raises(StoreError, match="/dev/zero: larger than 1 MiB"):
        trust.load("x", "jks", (Path("/dev/zero"),))


@pytest.mark.parametrize(
    ("content", "password"),
    [
        (b"secret\n", "secret"),
        (b"secret", "secret"),
        (b" se cret \r\nsecond line\n", " se cret "),
        (b"\xef\xbb\xbfsecret\r\n", "secret"),
        ("pässwört".encode(), "pässwört"),
        (b"\nsecret", ""),
        (b"", ""),
    ],
    ids=["line", "no newline", "spaces", "byte order mark", "not ASCII", "empty line", "empty file"],
)
def test_password_file(tmp_path: Path, root: Issued, content: bytes, password: str) -> None:
    """The password is the first line of its file, exactly, without what ends the line."""
    (tmp_path / "password").write_bytes(content)
    (tmp_path / "x.jks").write_bytes(
        keystores.keystore(keystores.trusted("root", root.der), password=password)
    )
    assert trust.load("x", "jks", (tmp_path / "x.jks",), tmp_path / "password").anchors == (root.der,)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "No such file or directory"), (b"\xff\xfe", "not UTF-8 text")],
    ids=["missing", "binary"],
)
def test_unreadable_password_file(tmp_path: Path, content: bytes | None, message: str) -> None:
    """A password file that cannot be read is an error that names this file, not the store's."""
    if content is not None:
        (tmp_path / "password").write_bytes(content)
    with pytest.raises(StoreError) as caught:
        trust.load("x", "jks", (tmp_path / "x.jks",), tmp_path / "password")
    assert str(caught.value) == f"password file {tmp_path / 'password'}: {message}"


@pytest.mark.parametrize("kind", ["system", "mozilla", "pem"])
def test_password_where_there_is_none(tmp_path: Path, kind: str) -> None:
    """A password for a store that has none is a mistake, and not passed over."""
    with pytest.raises(StoreError, match=f"a trust store of type {kind} has no password"):
        trust.load("x", kind, (), tmp_path / "password")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\xfe\xed\xfe\xed\0\0\0\2", "jks"),
        (b"\xce\xce\xce\xce\0\0\0\2", "jks"),
        (b"\x30\x82\x02\x97\x02\x01\x03\x30\x82", "pkcs12"),
        (b"\x30\x09\x02\x01\x03\x30", "pkcs12"),
        (b"\x30\x80\x02\x01\x03\x30\x80", "pkcs12"),
        (b"\x30\x82\x02\x97\x30\x82", "pem"),
        (b"-----BEGIN CERTIFICATE-----\n", "pem"),
        (b"# a comment\n" * 1000 + b"-----BEGIN CERTIFICATE-----\n", "pem"),
        (b"", "pem"),
        (b"\x30", "pem"),
        (b"hello", "pem"),
    ],
    ids=["jks", "jceks", "pkcs12", "short", "indefinite", "der", "pem", "text", "empty", "one byte", "other"],
)
def test_detect(tmp_path: Path, content: bytes, kind: str) -> None:
    """The kind of a file is told by its content, and what is nothing in particular is taken for PEM."""
    (tmp_path / "file").write_bytes(content)
    assert trust.detect(tmp_path / "file") == kind


def test_detect_certificates(tmp_path: Path, root: Issued) -> None:
    """Certificates as DER and PEM, and directories, are PEM stores."""
    (tmp_path / "root.cer").write_bytes(root.der)
    (tmp_path / "root.pem").write_text(root.pem)
    assert {trust.detect(path) for path in (tmp_path, *tmp_path.iterdir())} == {"pem"}


def test_detect_names_the_file_that_is_missing(tmp_path: Path) -> None:
    """A file that cannot be read has no kind."""
    with pytest.raises(StoreError, match="missing: No such file or directory"):
        trust.detect(tmp_path / "missing")


def _in_a_new_process(file: Path) -> subprocess.CompletedProcess[str]:
    """Load a PEM store; what is printed are the modules that this took."""
    code = (
        "import pathlib, sys; from exporter import trust;"
        "trust.load('x', 'pem', (pathlib.Path(sys.argv[1]),));"
        "print(*sys.modules, sep='\\n')"
    )
    command = [sys.executable, "-c", code, str(file)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)


def test_negative_serial_number(tmp_path: Path, now: datetime) -> None:
    """A serial number as one of Java's roots has it is accepted without a word on the terminal."""
    root = self_signed(Root("CN=Old", serial=1), now)
    (tmp_path / "root.cer").write_bytes(root.der.replace(b"\x02\x01\x01", b"\x02\x01\xff", 1))
    assert (tmp_path / "root.cer").read_bytes() != root.der
    assert _in_a_new_process(tmp_path / "root.cer").stderr == ""


def test_only_what_is_asked_for_is_imported(tmp_path: Path, root: Issued) -> None:
    """A check against a PEM file pays neither for certifi nor for the formats of Java."""
    (tmp_path / "root.pem").write_text(root.pem)
    loaded = set(_in_a_new_process(tmp_path / "root.pem").stdout.split())
    assert "exporter.trust.pem" in loaded
    assert loaded.isdisjoint(
        {"certifi", "exporter.trust.jks", "exporter.trust.mozilla", "exporter.trust.pkcs12"}
    )
