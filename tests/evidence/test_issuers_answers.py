"""What a `caIssuers` URL may give."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from hypothesis import given
from hypothesis import strategies as st

from exporter.demo.authority import Intermediate, Issued
from exporter.evidence.issuers import MAX_CERTIFICATES, read_answer
from exporter.model import IssuerAnswer
from tests.programs import program

URL = "http://pki.example.org/ca.crt"


def pkcs7_der(*several: Issued) -> bytes:
    """Certificates alone in PKCS#7, in DER."""
    return pkcs7.serialize_certificates([one.certificate for one in several], Encoding.DER)


def pkcs7_pem(*several: Issued) -> bytes:
    """Certificates alone in PKCS#7, in PEM."""
    return pkcs7.serialize_certificates([one.certificate for one in several], Encoding.PEM)


def pem(*several: Issued) -> bytes:
    """Certificates one after the other, with the talk that openssl prints around them."""
    return b"".join(f"subject=CN=x\n{one.pem}\n".encode() for one in several)


FORMS: tuple[tuple[str, Callable[..., bytes]], ...] = (
    ("pkcs7-der", pkcs7_der),
    ("pkcs7-pem", pkcs7_pem),
    ("pem", pem),
)


@pytest.mark.parametrize("form", [form for _, form in FORMS], ids=[name for name, _ in FORMS])
def test_several_certificates(root: Issued, intermediate: Issued, form: Callable[..., bytes]) -> None:
    """Both forms of PKCS#7, and PEM, give all of their certificates, each once."""
    found = read_answer(URL, form(intermediate, root, intermediate))
    assert (found.url, found.detail) == (URL, "")
    assert sorted(found.certificates) == sorted([intermediate.der, root.der])


def test_one_certificate(intermediate: Issued) -> None:
    """The usual answer is one certificate in DER."""
    assert read_answer(URL, intermediate.der) == IssuerAnswer(URL, (intermediate.der,))


@pytest.mark.servers
@pytest.mark.parametrize("form", ["DER", "PEM"])
def test_pkcs7_of_openssl(root: Issued, intermediate: Issued, tmp_path: Path, form: str) -> None:
    """What `openssl crl2pkcs7 -nocrl` writes is read."""
    chain = tmp_path / "chain.pem"
    chain.write_text(intermediate.chain_pem(root))
    command = (program("openssl"), "crl2pkcs7", "-nocrl", "-certfile", chain, "-outform", form)
    bundle = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    assert sorted(read_answer(URL, bundle).certificates) == sorted([intermediate.der, root.der])


def test_pkcs7_in_ber(intermediate: Issued) -> None:
    """PKCS#7 with indefinite lengths, as some authorities publish it, is read."""
    certificates = b"\xa0\x80" + intermediate.der + b"\0\0"
    signed = (
        b"\x30\x80\x02\x01\x01\x31\x00" + b"\x30\x80\x06\x09" + bytes.fromhex("2a864886f70d010701") + b"\0\0"
    )
    content = b"\xa0\x80" + signed + certificates + b"\x31\x00\0\0" + b"\0\0"
    ber = b"\x30\x80\x06\x09" + bytes.fromhex("2a864886f70d010702") + content + b"\0\0"
    assert read_answer(URL, ber).certificates == (intermediate.der,)


def test_no_more_than_ten(root: Issued) -> None:
    """Of an answer with many certificates the first ten are kept."""
    several = [root.issue(Intermediate(f"CN={number}")) for number in range(MAX_CERTIFICATES + 1)]
    found = read_answer(URL, pem(*several)).certificates
    assert found == tuple(one.der for one in several[:MAX_CERTIFICATES])


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "an empty answer"),
        (
            b"<!DOCTYPE html>\r\n<title>Oops</title>",
            r"no certificate but 36 bytes that begin with: <!DOCTYPE html>\r\n<title>Oops</title>",
        ),
        (b"\x1b[2J\x00|", r"no certificate but 6 bytes that begin with: \x1b[2J\x00|"),
        (b"\xff" * 65536, "no certificate but 65536 bytes that begin with: " + r"\xff" * 48),
        (b"\x30\x03\x02\x01\x00", r"no certificate but 5 bytes that begin with: 0\x03\x02\x01\x00"),
        (
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            r"no certificate but 59 bytes that begin with: -----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIF",
        ),
    ],
    ids=["nothing", "html", "control", "noise", "other-der", "broken-pem"],
)
def test_something_else(body: bytes, detail: str) -> None:
    """What holds no certificate is told of, shortly and harmlessly."""
    found = read_answer(URL, body)
    assert found.certificates == ()
    assert found.detail == detail
    assert len(found.detail) < 300


def test_cut_anywhere(intermediate: Issued) -> None:
    """A certificate that was cut off is none, wherever it was cut."""
    for length in range(0, len(intermediate.der), 7):
        assert read_answer(URL, intermediate.der[:length]).certificates == ()


@given(st.binary().map(b"\x30".__add__) | st.binary().map(base64.b64encode))
def test_any_bytes(body: bytes) -> None:
    """Whatever comes, it is an answer."""
    for armour in (b"%s", b"-----BEGIN CERTIFICATE-----\n%s\n-----END CERTIFICATE-----\n"):
        assert read_answer(URL, armour % body).certificates == ()
