"""What may stand where a host is wanted."""

from __future__ import annotations

import pytest

from exporter import hosts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mail.example.org", False),
        ("192.0.2.1", True),
        ("::1", True),
        ("fe80::1%eth0", True),
        ("1.2.3", False),
        ("", False),
        ("a:b", False),
    ],
    ids=["name", "ipv4", "ipv6", "zone", "part", "empty", "colon"],
)
def test_addresses_are_told_from_names(text: str, expected: bool) -> None:
    """Only whole IPv4 and IPv6 addresses are addresses."""
    assert hosts.is_address(text) is expected


@pytest.mark.parametrize(
    "text",
    ["a." * 126 + "a", "a" * 63 + ".org", "_x_.org.", "1and1.example", "bücher.example", "BÜCHER.example"],
    ids=["longest", "longest-label", "underscore-and-dot", "digit", "u-label", "capital"],
)
def test_host_names_are_kept_as_written(text: str) -> None:
    """A name that can resolve is accepted and not changed."""
    assert hosts.check_host(text) == text


@pytest.mark.parametrize(
    "text",
    ["a." * 128, "a" * 64 + ".org", "a..b", ".", "a-.org", "0x7f", "bü cher.", "\ud800", "a\n"],
    ids=["long", "long-label", "empty-label", "dot", "hyphen", "hex", "space", "surrogate", "newline"],
)
def test_what_is_no_name_is_refused(text: str) -> None:
    """A name that could never resolve is an error of the file, not of every probe."""
    with pytest.raises(ValueError, match="must"):
        hosts.check_host(text)


@pytest.mark.parametrize("text", ["monitor.example.org", "localhost", "[192.0.2.7]", "[IPv6:2001:db8::7]"])
def test_greeting_takes_names_and_literals(text: str) -> None:
    """EHLO takes a domain or an address literal (RFC 5321 section 4.1.3)."""
    assert hosts.check_ehlo_name(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "two words", "[192.0.2]", "[IPv6:fe80::1%eth0]", "a\r\nMAIL FROM:<>", "bücher.example"],
    ids=["empty", "space", "part", "zone", "line-break", "u-label"],
)
def test_greeting_refuses_what_would_break_the_dialogue(text: str) -> None:
    """Nothing that a server would take for another command or another character set is sent."""
    with pytest.raises(ValueError, match="must"):
        hosts.check_ehlo_name(text)
