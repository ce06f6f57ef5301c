"""The extensions of a certificate, each read for itself, so that a broken one hides no other.

The library reads all of them or none. Where it reads none, each is put alone into a copy of the certificate,
which nobody verifies, and read there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from exporter.der import SEQUENCE, Element, parse

MAX_EXTENSIONS = 100
"""Further ones of a broken certificate are not looked at."""
CONTEXT_3 = 0xA3

UNREADABLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What the library raises over what it cannot read."""

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


class Extensions:
    """The extensions of a certificate by their kind."""

    def __init__(self, certificate: x509.Certificate) -> None:
        self._found = {type(value): value for value in _values(certificate)}

    def get(self, kind: type[_Extension]) -> _Extension | None:
        """The extension of this kind; None where it is absent, there more than once, or cannot be read."""
        value = self._found.get(kind)
        return value if isinstance(value, kind) else None


def _values(certificate: x509.Certificate) -> Iterable[x509.ExtensionType]:
    try:
        return [one.value for one in certificate.extensions]
    except UNREADABLE:
        return _one_by_one(certificate)


def _one_by_one(certificate: x509.Certificate) -> Sequence[x509.ExtensionType]:
    found: list[x509.ExtensionType] = []
    for copy in _copies(certificate):
        try:
            found += [one.value for one in copy.extensions]
        except UNREADABLE:
            continue
    return found


def _copies(certificate: x509.Certificate) -> Iterator[x509.Certificate]:
    """The certificate with each extension that it has once as the only one (RFC 5280 sections 4.1 and 4.2)."""
    body, *signature = parse(certificate.public_bytes(Encoding.DER)).children()
    fields = body.children(limit=12)
    others = b"".join(field.encoded for field in fields if field.tag != CONTEXT_3)
    end = b"".join(part.encoded for part in signature)
    for listed in (one for field in fields if field.tag == CONTEXT_3 for one in field.children(1)):
        several = listed.children(MAX_EXTENSIONS)
        numbers = Counter(_number(one) for one in several)
        for one in (one for one in several if numbers[_number(one)] == 1):
            alone = _tagged(CONTEXT_3, _tagged(SEQUENCE, bytes(one.encoded)))
            yield x509.load_der_x509_certificate(_tagged(SEQUENCE, _tagged(SEQUENCE, others + alone) + end))


def _number(one: Element) -> bytes:
    return bytes(one.children(1)[0].encoded)


def _tagged(tag: int, content: bytes) -> bytes:
    """A DER element around this content (X.690 section 8.1)."""
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content
