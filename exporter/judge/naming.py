"""The names of a certificate's subject and issuer as text (RFC 4514), whatever they are made of.

The library reads most of them. It refuses a name with bytes that its string type does not allow, such as the Latin-1
that older authorities put into a TeletexString, although OpenSSL and Windows go on: those are read from the bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cryptography import x509

from exporter.der import CONTEXT_0, Element, dotted, parse

_ENCODINGS = {0x0C: "utf-8", 0x1C: "utf-32-be", 0x1E: "utf-16-be"}
"""By the tag of the string type; what is left is Latin-1, as everybody reads TeletexString."""
_STRINGS = frozenset({0x0C, 0x12, 0x13, 0x14, 0x16, 0x1A, 0x1C, 0x1E})
_SHORT = {
    "2.5.4.3": "CN",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.9": "STREET",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "0.9.2342.19200300.100.1.1": "UID",
    "0.9.2342.19200300.100.1.25": "DC",
}
"""RFC 4514 section 3."""
_COMMON_NAME = "2.5.4.3"
_SPECIAL = frozenset(',+"\\<>;=')
_ISSUER, _SUBJECT = 2, 4
"""Places in a TBSCertificate (RFC 5280 section 4.1) behind its version."""
_MANY = 1000


class Names(NamedTuple):
    """Those of one certificate: whom it is about, who issued it, the last common name, and whether both are the same."""

    subject: str
    issuer: str
    common_name: str | None
    self_issued: bool


def read(certificate: x509.Certificate) -> Names:
    """All of them; a name that the library reads is read once.

    Raises:
        ValueError: one of them is not even a name.
    """
    try:
        about, by = certificate.subject, certificate.issuer
        return Names(about.rfc4514_string(), by.rfc4514_string(), _common_name(about), about == by)
    except ValueError:
        return Names(
            subject(certificate),
            issuer(certificate),
            common_name(certificate),
            names(certificate, certificate),
        )


def subject(certificate: x509.Certificate) -> str:
    """Whom the certificate is about.

    Raises:
        ValueError: it is not even a name.
    """
    try:
        return certificate.subject.rfc4514_string()
    except ValueError:
        return _spelled(_name(certificate, _SUBJECT))


def issuer(certificate: x509.Certificate) -> str:
    """Who issued it.

    Raises:
        ValueError: it is not even a name.
    """
    try:
        return certificate.issuer.rfc4514_string()
    except ValueError:
        return _spelled(_name(certificate, _ISSUER))


def common_name(certificate: x509.Certificate) -> str | None:
    """The last common name of the subject.

    Raises:
        ValueError: the subject is not even a name.
    """
    try:
        return _common_name(certificate.subject)
    except ValueError:
        name = _name(certificate, _SUBJECT)
        values = [value for part in _parts(name) for kind, value in part if kind == _COMMON_NAME]
    return values[-1] if values else None


def _common_name(name: x509.Name) -> str | None:
    values = name.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(values[-1].value) if values else None


def names(certificate: x509.Certificate, other: x509.Certificate) -> bool:
    """Whether the first certificate says that the subject of the second one issued it."""
    try:
        return certificate.issuer == other.subject
    except ValueError:
        return _name(certificate, _ISSUER).encoded == _name(other, _SUBJECT).encoded


def _name(certificate: x509.Certificate, place: int) -> Element:
    parts = parse(certificate.tbs_certificate_bytes).children()
    return parts[place + (parts[0].tag == CONTEXT_0)]


def _parts(name: Element) -> Iterator[list[tuple[str, str]]]:
    """The parts of a name, each of one or more attributes, the outermost first."""
    for part in name.children(_MANY):
        attributes = [attribute.children() for attribute in part.children(_MANY)]
        yield [(dotted(kind), _text(value)) for kind, value in attributes]


def _text(value: Element) -> str:
    """As it stands in a name: what is no string as hexadecimal digits (RFC 4514 section 2.4)."""
    if value.tag not in _STRINGS:
        return "#" + bytes(value.encoded).hex()
    return _escaped(bytes(value.value).decode(_ENCODINGS.get(value.tag, "latin-1"), "replace"))


def _spelled(name: Element) -> str:
    """RFC 4514 section 2: the innermost part comes first."""
    parts = reversed(list(_parts(name)))
    return ",".join("+".join(f"{_SHORT.get(kind, kind)}={value}" for kind, value in part) for part in parts)


def _escaped(value: str) -> str:
    """RFC 4514 section 2.4."""
    text = "".join(f"\\{sign}" if sign in _SPECIAL else sign for sign in value).replace("\0", "\\00")
    if text[:1] in {" ", "#"}:
        text = "\\" + text
    return text[:-1] + "\\ " if text.endswith(" ") and len(text) > 1 else text
