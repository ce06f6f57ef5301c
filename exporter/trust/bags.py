"""The certificates of a PKCS#12 file one by one (RFC 7292 section 4), where the library refuses the whole.

    PFX: version, content with safes, checksum
    safe: OBJECT IDENTIFIER, [0] plain or encrypted bags
    bag: OBJECT IDENTIFIER, [0] value, attributes

In: the bytes of a file and its password. Out: DER that may or may not be a certificate, with its alias. Only
files with definite lengths are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from exporter.der import Element, dotted, parse
from exporter.trust.encryption import decrypt, intact

_DATA, _ENCRYPTED = "1.2.840.113549.1.7.1", "1.2.840.113549.1.7.6"
_KEY, _SHROUDED_KEY, _CERTIFICATE = (f"1.2.840.113549.1.12.10.1.{number}" for number in (1, 2, 3))
_X509 = "1.2.840.113549.1.9.22.1"
_ALIAS, _KEY_ID = "1.2.840.113549.1.9.20", "1.2.840.113549.1.9.21"
_SEGMENTS = 0xA0
_MANY = 1_000_000


class Found(NamedTuple):
    """What a bag holds; `alias` is empty where it has none."""

    alias: str
    der: bytes


@dataclass(frozen=True, slots=True)
class _Bag:
    kind: str
    value: Element
    attributes: dict[str, bytes]


def certificates(data: bytes, password: str | None) -> list[Found]:
    """What a file has as certificates, but for those that belong to a private key of it.

    Raises:
        ValueError: the file is damaged, the password is wrong, or it is made in a way that is not known here.
    """
    try:
        return _certificates(data, password)
    except IndexError:
        raise ValueError("something that must be there is not") from None


def _certificates(data: bytes, password: str | None) -> list[Found]:
    _version, content, *checksum = parse(data).children()
    safes = _content(content, _DATA).children()[0].value
    if checksum and not intact(checksum[0], safes, password):
        raise ValueError("the checksum does not fit")
    bags = [bag for safe in parse(safes).children(_MANY) for bag in _bags(safe, password)]
    own = _key_ids(bags)
    return [
        _certificate(bag)
        for bag in bags
        if bag.kind == _CERTIFICATE and bag.attributes.get(_KEY_ID) not in own
    ]


def _key_ids(bags: Sequence[_Bag]) -> set[bytes]:
    """What connects the private keys with their certificates. Without it, nobody can tell which they are."""
    keys = [bag.attributes.get(_KEY_ID) for bag in bags if bag.kind in {_KEY, _SHROUDED_KEY}]
    if None in keys:
        raise ValueError("a private key does not say which certificate is its own")
    return {key for key in keys if key is not None}


def _content(info: Element, kind: str) -> Element:
    """The [0] of a ContentInfo (RFC 2315 section 7) of the kind that is expected."""
    identifier, content = info.children()
    if dotted(identifier) != kind:
        raise ValueError(f"content of the type {dotted(identifier)} is not known here")
    return content


def _bags(safe: Element, password: str | None) -> Iterator[_Bag]:
    plain = parse(_decrypted(safe, password) if dotted(safe.children()[0]) == _ENCRYPTED else _plain(safe))
    for element in plain.children(_MANY):
        identifier, value, *attributes = element.children()
        kind = dotted(identifier)
        if kind not in {_KEY, _SHROUDED_KEY, _CERTIFICATE}:
            raise ValueError(f"a bag of the type {kind} is not known here")
        yield _Bag(kind, value.children()[0], dict(_attributes(attributes)))


def _plain(safe: Element) -> memoryview:
    return _content(safe, _DATA).children()[0].value


def _decrypted(safe: Element, password: str | None) -> bytes:
    _version, info = _content(safe, _ENCRYPTED).children()[0].children()
    _kind, algorithm, content = info.children()
    parts = content.children(_MANY) if content.tag == _SEGMENTS else [content]
    return decrypt(algorithm, b"".join(part.value for part in parts), password)


def _attributes(sets: Sequence[Element]) -> Iterator[tuple[str, bytes]]:
    for attribute in (one for group in sets for one in group.children(_MANY)):
        kind, values = attribute.children()
        if first := values.children():
            yield dotted(kind), bytes(first[0].value)


def _certificate(bag: _Bag) -> Found:
    kind, value = bag.value.children()
    if dotted(kind) != _X509:
        raise ValueError(f"a certificate of the type {dotted(kind)} is not known here")
    alias = bag.attributes.get(_ALIAS, b"").decode("utf-16-be", "replace")
    return Found(alias, bytes(value.children()[0].value))
