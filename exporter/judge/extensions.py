"""The extensions of a certificate, each read for itself, so that a broken one hides no other.

The library reads all of them or none. Where it reads none, each is put alone into a copy of the certificate,
which nobody verifies, and read there.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterator
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


def extension(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    """The extension of this kind; None where it is absent, there more than once, or cannot be read."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
    except UNREADABLE:
        return next((value for value in _one_by_one(certificate) if isinstance(value, kind)), None)


@functools.lru_cache(maxsize=16)
def _one_by_one(certificate: x509.Certificate) -> tuple[x509.ExtensionType, ...]:
    found: list[x509.ExtensionType] = []
    for copy in _copies(certificate):
        try:
            found += [one.value for one in copy.extensions]
        except UNREADABLE:
            continue
    return tuple(found)


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
