"""Names with bytes that the library refuses, made by OpenSSL as older authorities made them.

CA (TeletexString, Latin-1) - leaf
"""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from exporter.der import parse
from exporter.judge import judge, naming
from exporter.judge.certificates import read_certificate
from exporter.model import Observation, Policy, Stage, Target, TrustStore
from tests.programs import program

_CONFIG = """\
[req]
string_mask = default
distinguished_name = name
[name]
[ca]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign
[leaf]
subjectAltName = DNS:mail.example.org
extendedKeyUsage = serverAuth
"""


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """The leaf and its authority, whose name has Latin-1."""
    place = tmp_path_factory.mktemp("naming")
    (place / "conf").write_text(_CONFIG)

    def run(*words: str) -> None:
        command: list[str | Path] = [program("openssl"), *words]
        subprocess.run(command, cwd=place, check=True, capture_output=True, timeout=60)

    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-utf8", "-config", "conf")
    run(
        "req",
        "-x509",
        *new,
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
        "-subj",
        "/DC=com/O=a,b/CN=M\u00fcller CA",
        "-extensions",
        "ca",
    )
    run("req", *new, "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/CN=mail.example.org/O= #\u00e9 ")
    run(
        "x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-out", "leaf.pem",
        "-extfile", "conf", "-extensions", "leaf", "-days", "30",
    )  # fmt: skip
    leaf, authority = (_der(place / name) for name in ("leaf.pem", "ca.pem"))
    return leaf, authority


def _der(path: Path) -> bytes:
    return x509.load_pem_x509_certificate(path.read_bytes()).public_bytes(Encoding.DER)


def test_the_library_refuses_them(chain: tuple[bytes, bytes]) -> None:
    """Otherwise there would be nothing to do."""
    with pytest.raises(ValueError, match=r"(?i)utf|invalid|parse"):
        _ = x509.load_der_x509_certificate(chain[1]).subject


def test_names_are_read(chain: tuple[bytes, bytes]) -> None:
    """As RFC 4514 spells them, special characters escaped."""
    leaf, authority = map(read_certificate, chain)
    assert authority.subject == authority.issuer == leaf.issuer == "CN=M\u00fcller CA,O=a\\,b,DC=com"
    assert leaf.subject == "O=\\ #\u00e9\\ ,CN=mail.example.org"
    assert (authority.common_name, leaf.common_name) == ("M\u00fcller CA", "mail.example.org")
    assert (authority.self_signed, authority.self_issued, leaf.self_issued) == (True, True, False)


def test_the_chain_is_judged_as_any_other(chain: tuple[bytes, bytes]) -> None:
    """OpenSSL verifies it, so nothing is wrong with it."""
    leaf, authority = chain
    target = Target(
        name="mx", host="mail.example.org", names=("mail.example.org",), policy=Policy(stores=("own",))
    )
    seen = Observation(address="192.0.2.1", stage=Stage.HANDSHAKE, chain=(leaf,))
    stores = {"own": TrustStore("own", (authority,)), "none": TrustStore("none", ())}
    verdict = judge(seen, seen, target, stores, datetime.now(UTC))
    assert verdict.problems == ()
    assert verdict.stores[0].valid


def _tlv(tag: int, value: bytes) -> bytes:
    return bytes([tag, len(value)]) + value


@pytest.mark.parametrize(
    ("kind", "tag", "value", "spelled"),
    [
        ("550403", 0x13, b"mx\xfe", "CN=mx\u00fe"),
        ("550403", 0x04, b"mx", "CN=#04026d78"),
        ("55040c", 0x0C, b"a\xffb\0", "2.5.4.12=a\ufffdb\\00"),
        ("550403", 0x1E, b"\0f\0x\0", "CN=fx\ufffd"),
    ],
    ids=["PrintableString", "no string", "UTF8String", "BMPString of odd length"],
)
def test_strings_of_every_kind(kind: str, tag: int, value: bytes, spelled: str) -> None:
    """Whatever bytes are in them, they become text."""
    attribute = _tlv(0x30, _tlv(6, bytes.fromhex(kind)) + _tlv(tag, value))
    assert naming._spelled(parse(_tlv(0x30, _tlv(0x31, attribute)))) == spelled
