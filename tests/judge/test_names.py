"""Names against certificates, with OpenSSL's own matcher as the second opinion."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from service_identity import CertificateError, hazmat

from exporter.demo.authority import Issued, Leaf, self_signed
from exporter.judge import identity
from exporter.judge.certificates import read_certificate
from exporter.judge.names import match_name
from exporter.model import NameVerdict
from tests.results import certificate

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

CASES = {
    "exact": (Leaf("CN=x", dns=("mail.example.org",)), "mail.example.org", True, "DNS:mail.example.org"),
    "case": (Leaf("CN=x", dns=("Mail.Example.ORG",)), "mail.example.org", True, "DNS:Mail.Example.ORG"),
    "second name": (Leaf("CN=x", dns=("a.example", "b.example")), "b.example", True, "DNS:b.example"),
    "wildcard": (Leaf("CN=x", dns=("*.example.org",)), "mail.example.org", True, "DNS:*.example.org"),
    "wildcard, two labels": (Leaf("CN=x", dns=("*.example.org",)), "a.mail.example.org", False, None),
    "wildcard, apex": (Leaf("CN=x", dns=("*.example.org",)), "example.org", False, None),
    "bare star": (Leaf("CN=x", dns=("*",)), "mail", False, None),
    "other name": (Leaf("CN=x", dns=("old.example.org",)), "mail.example.org", False, None),
    "trailing dot": (
        Leaf("CN=x", dns=("mail.example.org",)),
        "mail.example.org.",
        True,
        "DNS:mail.example.org",
    ),
    "IPv4": (Leaf("CN=x", ips=("192.0.2.1",)), "192.0.2.1", True, "IP:192.0.2.1"),
    "IPv6, other spelling": (Leaf("CN=x", ips=("2001:db8::1",)), "2001:DB8:0::1", True, "IP:2001:db8::1"),
    "other IP": (Leaf("CN=x", ips=("192.0.2.1",)), "192.0.2.2", False, None),
    "IP as DNS name": (Leaf("CN=x", dns=("192.0.2.1",)), "192.0.2.1", False, None),
    "IDN asked as U-label": (
        Leaf("CN=x", dns=("xn--mller-kva.example",)),
        "müller.example",
        True,
        "DNS:xn--mller-kva.example",
    ),
    "IDN in capitals": (
        Leaf("CN=x", dns=("xn--mller-kva.example",)),
        "MÜLLER.example",
        True,
        "DNS:xn--mller-kva.example",
    ),
    "IDN asked as A-label": (
        Leaf("CN=x", dns=("xn--mller-kva.example",)),
        "xn--mller-kva.example",
        True,
        "DNS:xn--mller-kva.example",
    ),
    "underscore": (
        Leaf("CN=x", dns=("mail_1.example.org",)),
        "mail_1.example.org",
        True,
        "DNS:mail_1.example.org",
    ),
    "no names at all": (Leaf("CN=x"), "mail.example.org", False, None),
    "mail address only": (Leaf("CN=x", emails=("x@mail.example.org",)), "mail.example.org", False, None),
}


def leaf(template: Leaf) -> Issued:
    """A certificate with these names."""
    return self_signed(template, NOW)


@pytest.mark.parametrize(("template", "name", "match", "matched"), CASES.values(), ids=CASES)
def test_match(template: Leaf, name: str, match: bool, matched: str | None) -> None:
    """A name matches by subject alternative name alone, and the entry that carries it is told."""
    facts = read_certificate(leaf(template).der)
    assert match_name(facts, name) == NameVerdict(name, match, matched)


@pytest.mark.parametrize(
    ("template", "name", "match"),
    [
        (template, name, match)
        for template, name, match, _ in CASES.values()
        if name.isascii() and template.dns != ("*",)
    ],
    ids=[key for key, (template, name, *_) in CASES.items() if name.isascii() and template.dns != ("*",)],
)
def test_openssl_agrees(template: Leaf, name: str, match: bool, tmp_path: Path) -> None:
    """`openssl x509 -checkhost` and `-checkip` say the same."""
    file = tmp_path / "leaf.pem"
    file.write_text(leaf(template).pem)
    is_address = name[0].isdigit() or ":" in name
    option = "-checkip" if is_address else "-checkhost"
    command: list[str | Path] = ["openssl", "x509", "-noout", "-in", file, option, name.rstrip(".")]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
    assert ("does match" in said) is match


def test_common_name_alone_is_told_but_is_no_match() -> None:
    """A certificate without DNS names does not match, and the name that old clients accept is shown."""
    facts = read_certificate(leaf(Leaf("CN=mail.example.org")).der)
    assert match_name(facts, "mail.example.org") == NameVerdict(
        "mail.example.org", False, "CN:mail.example.org"
    )


def test_common_name_beside_dns_names_counts_for_nobody() -> None:
    """Beside DNS names the Common Name is ignored by old clients too."""
    facts = read_certificate(leaf(Leaf("CN=mail.example.org", dns=("other.example.org",))).der)
    assert match_name(facts, "mail.example.org").matched is None


def test_a_malformed_name_hides_no_other() -> None:
    """One entry that is no DNS name does not keep the others from matching."""
    facts = read_certificate(leaf(Leaf("CN=x", dns=("not a name", "*.*.x", "mail.example.org"))).der)
    assert match_name(facts, "mail.example.org").match is True


OURS = ["a", "A", "b", "xn--a", "a_1"]
THEIRS = [*OURS, "*", " a", "", "é", "K", "1", "*a", "\0"]


def dotted(labels: list[str]) -> st.SearchStrategy[str]:
    """Names of a few of these labels."""
    return st.lists(st.sampled_from(labels), min_size=1, max_size=3).map(".".join)


@given(name=dotted(OURS), listed=dotted(THEIRS))
def test_the_matcher_is_asked_where_it_could_say_yes(name: str, listed: str) -> None:
    """What is told apart by its text alone is what service-identity tells apart, too."""
    try:
        expected = hazmat.DNS_ID(name).verify(hazmat.DNSPattern.from_bytes(listed.encode()))
    except CertificateError:
        expected = False
    found = match_name(certificate(f"CN={listed}", sans=(f"DNS:{listed}",)), name).match
    assert found is expected


@pytest.mark.parametrize("name", ["", "*.example.org", "not a name"])
def test_what_cannot_be_compared_is_unknown(name: str) -> None:
    """An expected name that is no name gives neither yes nor no."""
    facts = read_certificate(leaf(Leaf("CN=x", dns=("mail.example.org",))).der)
    assert match_name(facts, name).match is None


@given(name=dotted(THEIRS), listed=st.lists(dotted(THEIRS), max_size=4))
def test_what_is_told_without_the_matcher_is_what_it_tells(name: str, listed: list[str]) -> None:
    """A name that is listed letter by letter gets the verdict that service-identity gives, down to the entry."""
    leaf = certificate(f"CN={listed}", sans=tuple(f"DNS:{one}" for one in listed))
    assert match_name(leaf, name) == identity.match(leaf, name)
