"""Text from the network becomes one harmless line."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.publish.text import common_name, cut, one_line, plural, well_formed
from tests.results import HOSTILE

ANY_TEXT = st.text(st.characters(codec=None))


@settings(deadline=None)  # a busy machine is no failure
@given(ANY_TEXT)
def test_one_line_is_printable(text: str) -> None:
    """Whatever comes in, no line break, control character, ANSI escape or bidi mark comes out."""
    assert one_line(text).isprintable()


@settings(deadline=None)  # a busy machine is no failure
@given(ANY_TEXT, st.integers(1, 40))
def test_one_line_keeps_to_its_limit(text: str, limit: int) -> None:
    """The answer has no more characters than asked for, and stands for the whole text if it has fewer."""
    line = one_line(text, limit)
    assert len(line) <= limit
    assert line.endswith("…") or len(text) <= len(line)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("mail.example.org", "mail.example.org", id="plain"),
        pytest.param("Büro Müller", "Büro Müller", id="letters of any language"),
        pytest.param("a\r\nb\tc", "a  b c", id="white space"),
        pytest.param("\x1b[31mred", "\\x1b[31mred", id="ansi"),
        pytest.param("\u202egpj", "\\u202egpj", id="bidi"),
        pytest.param("a\0b", "a\\x00b", id="nul"),
        pytest.param("caf\udce9", "caf\\xe9", id="a byte that is not UTF-8"),
        pytest.param("\ud800", "\\ud800", id="lone surrogate"),
        pytest.param("\U000e0041", "\\ue0041", id="tag character"),
    ],
)
def test_one_line_shows_what_it_defuses(text: str, expected: str) -> None:
    """Harmless text is untouched; the rest stays recognisable."""
    assert one_line(text) == expected


@settings(deadline=None)  # a busy machine is no failure
@given(ANY_TEXT.map(one_line), st.integers(0, 60))
def test_cut_keeps_to_its_bytes(text: str, octets: int) -> None:
    """The answer fits into that many bytes of UTF-8, and is a start of the text."""
    short = cut(text, octets)
    assert len(short.encode()) <= octets
    assert text.startswith(short.removesuffix("…").rstrip())


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_well_formed_can_be_encoded(text: str) -> None:
    """Any text becomes valid UTF-8; one that is so already does not change."""
    encoded = well_formed(text).encode()
    assert "\\udce9" not in well_formed(text)
    assert encoded.decode() == text or not is_utf8(text)


def is_utf8(text: str) -> bool:
    """Whether the text has no lone surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("CN=R11,O=Let's Encrypt,C=US", "R11", id="first"),
        pytest.param("C=US,O=Let's Encrypt,CN=R11", "R11", id="last"),
        pytest.param("O=a\\,CN=not this,CN=this", "this", id="escaped comma before"),
        pytest.param("CN=Contoso\\, Ltd\\+", "Contoso, Ltd+", id="escaped characters"),
        pytest.param("CN=M\\C3\\BCller", "Müller", id="escaped bytes"),
        pytest.param("2.5.4.97=X+CN=a=b", "a=b", id="one of several in an RDN"),
        pytest.param("O=No name,C=DE", "O=No name,C=DE", id="none"),
        pytest.param("CN=,O=x", "CN=,O=x", id="empty"),
        pytest.param("", "", id="nothing"),
        pytest.param("CN=a\\", "a", id="escape of nothing"),
        pytest.param("x" * 1_000_000, "x" * 1_000_000, id="long, in linear time"),
    ],
)
def test_common_name(name: str, expected: str) -> None:
    """The common name is read from an RFC 4514 string; without one the whole name serves."""
    assert common_name(name) == expected


@settings(deadline=None)  # a busy machine is no failure
@given(ANY_TEXT)
def test_common_name_takes_anything(text: str) -> None:
    """What is no RFC 4514 string is still an answer."""
    assert isinstance(common_name(text), str)


@pytest.mark.parametrize(("number", "expected"), [(0, "0 days"), (1, "1 day"), (2, "2 days")])
def test_plural(number: int, expected: str) -> None:
    """One is singular, all else is plural."""
    assert plural(number, "day") == expected
