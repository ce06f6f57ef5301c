"""Values in sentences and in commands."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import UTC, datetime

import pytest

from exporter.judge.wording import harmless, length, listed, moment, quoted, shown, slug, web_url
from tests.judge.hostile import HOSTILE_NAMES

_HOSTILE = pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=HOSTILE_NAMES)


@_HOSTILE
def test_shown_is_one_printable_line(name: str) -> None:
    """Whatever comes in, a sentence stays one short line of printable characters."""
    assert shown(name).isprintable()
    assert len(shown(name)) <= 80


@_HOSTILE
def test_harmless_has_no_shell_syntax(name: str) -> None:
    """Nothing that any shell would act on is left of a name."""
    assert not set(harmless(name)) & set("'\"`$\\;|&<>%!^{}#~\n\r\t‘’‚‛“”„\u2028\u202e\x1b\x00")


@_HOSTILE
def test_slug_is_a_file_name(name: str) -> None:
    """A file name is made of letters, digits and hyphens, and is never an option or empty."""
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", slug(name))


@_HOSTILE
def test_a_shell_sees_one_word(name: str) -> None:
    """A real shell takes a quoted harmless name for exactly that text and runs nothing."""
    shell = shutil.which("sh")
    if shell is None:
        pytest.skip("no sh on this machine")
    text = harmless(name)
    done = subprocess.run([shell, "-c", f"printf %s '{text}'"], capture_output=True, check=True)
    assert done.stdout.decode() == text


def test_ordinary_names_stay_as_they_are() -> None:
    """Names of real authorities, also in other scripts, are not mangled."""
    for name in ("CN=Contoso Subordinate CA,DC=int,DC=contoso,DC=com", "CN=Müller CA (2026)", "*.пример.рф"):
        assert shown(name) == harmless(name) == name


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("CN=Contoso Offline Root CA", "contoso-offline-root-ca"),
        ("CN=Contoso Subordinate CA,DC=int,DC=contoso,DC=com", "contoso-subordinate-ca"),
        ("O=Contoso\\, Inc.,CN=Contoso\\, Inc. CA", "contoso-inc-ca"),
        ("O=No Common Name", "o-no-common-name"),
        ("CN=認証局", "certificate"),
        ("", "certificate"),
    ],
)
def test_slug(name: str, file: str) -> None:
    """A file is called after the Common Name; without a usable one it has a name all the same."""
    assert slug(name) == file


@pytest.mark.parametrize(
    "url",
    [
        "ldap:///CN=CA,CN=AIA?cACertificate?base?objectClass=certificationAuthority",
        "file:///etc/passwd",
        "http://a/'; rm -rf ~; '",
        "http://a/$(id)",
        "http://a/`id`",
        "http://a/ b",
        "http://a/\n",
        "http://user:secret@a/",
        "http://a/" + "x" * 300,
        "-o /etc/passwd",
        "",
    ],
)
def test_urls_that_no_command_shall_fetch(url: str) -> None:
    """Only plain web addresses without anything special reach a command."""
    assert web_url(url) == ""


@pytest.mark.parametrize(
    "url",
    [
        "http://pki.contoso.com/CertEnroll/Sub%20CA.crt",
        "https://[2001:db8::1]:8443/a?b=c&d",
    ],
)
def test_urls_that_can_be_fetched(url: str) -> None:
    """Plain web addresses stay as they are."""
    assert web_url(url) == url


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "less than a minute"),
        (59, "less than a minute"),
        (60, "1 minute"),
        (3599, "59 minutes"),
        (7200, "2 hours"),
        (86399, "23 hours"),
        (86400, "1 day"),
        (-3 * 86400 - 5, "3 days"),
    ],
)
def test_length(seconds: float, words: str) -> None:
    """A length of time is rounded down to its largest unit, whichever way it points."""
    assert length(seconds) == words


def test_moment() -> None:
    """Times are UTC and say so."""
    assert moment(datetime(2026, 11, 20, 12, 5, tzinfo=UTC)) == "2026-11-20 12:05 UTC"


def test_lists_are_cut() -> None:
    """A list names five and counts the rest."""
    assert listed("a") == "'a'"
    assert listed("ab") == "'a' and 'b'"
    assert listed("abcde") == "'a', 'b', 'c', 'd' and 'e'"
    assert listed("abcdefg") == "'a', 'b', 'c', 'd', 'e' and 2 more"


def test_long_text_is_cut_visibly() -> None:
    """What is left out is marked."""
    assert quoted("x" * 81) == "'" + "x" * 79 + "…'"
    assert quoted("x" * 80) == "'" + "x" * 80 + "'"
