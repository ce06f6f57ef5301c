"""Internationalised names."""

from __future__ import annotations

import pytest

from exporter.idn import ascii_name


@pytest.mark.parametrize(
    ("name", "ascii_form"),
    [
        ("mail.example.org", "mail.example.org"),
        ("müller.example", "xn--mller-kva.example"),
        ("_x.example", "_x.example"),
    ],
)
def test_internationalised_names(name: str, ascii_form: str) -> None:
    """U-labels become A-labels; everything else stays as it is."""
    assert ascii_name(name) == ascii_form


def test_what_cannot_be_a_name() -> None:
    """A name that no domain can have is a UnicodeError."""
    with pytest.raises(UnicodeError):
        ascii_name("\u2028.example")
