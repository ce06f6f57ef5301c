"""Servers, and certificates with every signature in order, whose texts were chosen to harm whoever reads them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.name import _ASN1Type

from exporter.demo.authority import Intermediate, Issued, Leaf
from exporter.demo.smtpd import server_context
from tests.peers import close, expect, send, tls
from tests.results import HOSTILE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.peers import Step

MARKER = b"evil:"
"""Begins every text, so that a test can see that it did arrive."""
SMTP_LIMIT = 3000
"""Bytes of a text in a reply line, of which the exporter takes 4,096."""

TEXTS: Mapping[str, bytes] = {
    "harmless": MARKER + b"nothing",
    **{name: MARKER + text.encode("utf-8", "surrogatepass") for name, text in HOSTILE.items()},
    "latin-1": MARKER + b"caf\xe9 \xff\xfe",
    "markup": MARKER + b"<script>alert(1)</script><img src=x onerror=alert(2)>\"'&amp;",
    "template": MARKER + b"{{ 7*7 }}{% raw %}${7*7}%s%(x)s{0}",
    "label": MARKER + b'"} 1\nsmtp_tls_state{target="x"} 0\n# EOF\n',
    "logfmt": MARKER + b'x" level=ERROR msg="forged\nlevel=ERROR msg=forged',
    "5 KB": MARKER + b"<b>|'\"\\" * 512,
}


def showing(text: bytes, root: Issued) -> tuple[Step, ...]:
    """A server that says the text wherever it may, and shows it in its certificates."""
    said = _in_smtp(text)
    leaf, issuer = certificates(text, root)
    return (
        send(b"220-" + said + b"\r\n220 " + said + b"\r\n"),
        expect("EHLO"),
        send(b"250-" + said + b"\r\n250-AUTH " + said + b"\r\n250 STARTTLS\r\n"),
        expect("STARTTLS"),
        send(b"220 " + said + b"\r\n"),
        tls(server_context(leaf, issuer)),
        expect("QUIT"),
        send(b"221 " + said + b"\r\n"),
    )


def refusing(text: bytes) -> tuple[Step, ...]:
    """A server that gives the text as the reason why it takes nobody."""
    return (send(b"421 " + _in_smtp(text) + b"\r\n"), close())


def _in_smtp(text: bytes) -> bytes:
    """A line feed would only end the line."""
    return text.replace(b"\n", b"\r")[:SMTP_LIMIT]


def certificates(text: bytes, root: Issued) -> tuple[Issued, Issued]:
    """A leaf whose subject, issuer and names are the text, and the authority of that name."""
    letters = [letter * len(text) for letter in (b"i", b"s", b"d", b"m")]
    issuer, subject, name, mail = (letter.decode() for letter in letters)
    changes = dict.fromkeys(letters, text)
    authority = root.issue(Intermediate(_name(issuer)))
    leaf = authority.issue(Leaf(_name(subject), dns=(name, "mail.example.org"), emails=(mail,)))
    return _forged(leaf, authority, changes), _forged(authority, root, changes)


def _name(text: str) -> x509.Name:
    """T.61 text is one that OpenSSL takes with any bytes; it refuses UTF-8 that is none."""
    oid = x509.NameOID
    return x509.Name(
        [
            x509.NameAttribute(kind, text, _ASN1Type.T61String, _validate=False)
            for kind in (oid.ORGANIZATION_NAME, oid.COMMON_NAME)
        ]
    )


def _forged(issued: Issued, by: Issued, changes: Mapping[bytes, bytes]) -> Issued:
    """A certificate with some bytes exchanged for as many others, and signed again."""
    body = issued.certificate.tbs_certificate_bytes
    for before, after in changes.items():
        body = body.replace(before, after)
    assert isinstance(by.key, ec.EllipticCurvePrivateKey)
    algorithm = bytes.fromhex("300a06082a8648ce3d040302")  # ecdsa-with-SHA256
    signature = by.key.sign(body, ec.ECDSA(hashes.SHA256()))
    der = _tagged(0x30, body + algorithm + _tagged(0x03, b"\0" + signature))
    return dataclasses.replace(issued, certificate=x509.load_der_x509_certificate(der))


def _tagged(tag: int, content: bytes) -> bytes:
    """A DER element (X.690 section 8.1)."""
    length = len(content)
    if length < 128:
        return bytes([tag, length]) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 128 + len(octets)]) + octets + content
