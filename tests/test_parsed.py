"""What a handshake has read is found again for a moment, and read from its bytes afterwards."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from OpenSSL import crypto

from exporter import parsed
from exporter.demo.authority import Leaf, Root, self_signed


def certificates(count: int) -> list[crypto.X509]:
    """As many different ones."""
    root = self_signed(Root("CN=Parsed", key="ec-p256"), datetime.now(UTC))
    key = root.issue(Leaf("CN=key", key="ec-p256")).key
    made = (root.issue(Leaf(f"CN={number}", key=key)).der for number in range(count))
    return [crypto.load_certificate(crypto.FILETYPE_ASN1, der) for der in made]


def test_the_last_ones_are_kept_and_no_more() -> None:
    """The very objects of the last ones; those before are read anew, to the same."""
    made = certificates(parsed.RECENT + 1)
    ders = [parsed.present(one) for one in made]
    assert all(parsed.read(der) is one for der, one in zip(ders[1:], made[1:], strict=True))
    assert parsed.read(ders[0]) is not made[0]
    assert crypto.dump_certificate(crypto.FILETYPE_ASN1, parsed.read(ders[0])) == ders[0]
    assert len(parsed._recent) == parsed.RECENT


def test_long_ones_are_not_kept() -> None:
    """A server cannot fill the memory with certificates of ten thousand names."""
    names = tuple(f"host-{number}.example.org" for number in range(1000))
    root = self_signed(Root("CN=Long", key="ec-p256"), datetime.now(UTC))
    der = root.issue(Leaf("CN=long", dns=names)).der
    assert len(der) > parsed.LONGEST
    assert parsed.read(der) is not parsed.read(der)
    assert parsed.present(parsed.read(der)) == der


def test_what_was_read_is_kept() -> None:
    """Authorities are not presented, but needed for each chain."""
    (one,) = certificates(1)
    der = crypto.dump_certificate(crypto.FILETYPE_ASN1, one)
    assert parsed.read(der) is parsed.read(der)


def test_one_certificate_has_one_encoding() -> None:
    """Presented again, it is the same object of bytes."""
    (one,) = certificates(1)
    der = parsed.present(one)
    again = crypto.load_certificate(crypto.FILETYPE_ASN1, bytes(bytearray(der)))
    assert parsed.present(again) is der


def test_what_is_no_certificate() -> None:
    """OpenSSL says so."""
    with pytest.raises(crypto.Error):
        parsed.read(b"\x30\x00")
