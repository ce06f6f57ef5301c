"""The report for a person: what it says, where it says it, and that it is safe to print."""

from __future__ import annotations

import dataclasses
import re
from datetime import timedelta

import pytest

from exporter.model import NameVerdict, ProblemKind, Reason, Stage, StoreVerdict, TransactionFacts
from exporter.publish.report import WIDTH, report
from tests.publish.test_nagios import hostile
from tests.results import (
    HOST,
    HOSTILE,
    LEAF,
    NOW,
    ROOT,
    SUBORDINATE,
    certificate,
    failed,
    problem,
    result,
    trusted,
    untrusted,
)

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def section(text: str, title: str) -> str:
    """The part of a report below a title."""
    return text.partition(f"\n{title}")[2].partition("\n\n")[0]


def test_verdict_comes_first() -> None:
    """The first line has the state, the server and the problems by name."""
    assert report(result()).startswith(
        f"✓ OK  {HOST}:25 STARTTLS  nothing wrong, valid for another 41 days\n"
    )
    ill = result(problem(ProblemKind.EXPIRED), problem(ProblemKind.HOSTNAME_MISMATCH))
    assert report(ill).startswith(f"✗ CRITICAL  {HOST}:25 STARTTLS  2 problems: expired, hostname_mismatch\n")


def test_untrusted_root_as_openssl_says_it() -> None:
    """The article's case: depth 1, error 20, and the authority that the store does not hold."""
    text = report(result(problem(ProblemKind.UNTRUSTED_ROOT), stores=(untrusted("system"),)))
    assert f"depth=1 {SUBORDINATE.subject}\n" in text
    assert "verify error:num=20:unable to get local issuer certificate\n" in text
    assert "? ○ Contoso Offline Root CA  not sent\n" in text
    assert "✗ this authority is not in the store system" in text


def test_chain_shows_every_certificate() -> None:
    """Subject, issuer, dates and both thumbprints of each certificate, the leaf first."""
    text = report(result())
    for shown in (LEAF, SUBORDINATE):
        assert f"subject  {shown.subject}\n" in text
        assert f"issuer   {shown.issuer}\n" in text
        assert f"SHA-1    {shown.sha1}\n" in text
        assert f"SHA-256  {shown.sha256}\n" in text
        assert f"to {shown.not_after:%Y-%m-%d}" in text
    assert text.index(LEAF.sha1) < text.index(SUBORDINATE.sha1) < text.index(ROOT.sha1)


def test_chain_follows_the_issuers() -> None:
    """A server that sends its certificates in another order has the same chain; a stray one is apart."""
    stray = certificate("CN=Stray CA", "CN=Other")
    text = report(result(chain=(LEAF, stray, SUBORDINATE)))
    assert text.index("2 ● Contoso Subordinate CA") < text.index("not part of this chain")
    assert text.index("not part of this chain") < text.index("1 ● Stray CA")


def test_missing_intermediate_is_marked_at_its_place() -> None:
    """What the server does not send has its place in the drawing."""
    ill = result(problem(ProblemKind.MISSING_INTERMEDIATE), chain=(LEAF,), stores=(untrusted(depth=0),))
    drawn = report(ill).partition("? ○ ")[2]
    assert drawn.startswith("Contoso Subordinate CA  not sent\n       ✗ missing here")


@pytest.mark.parametrize(
    ("kind", "facts", "mark"),
    [
        pytest.param(ProblemKind.EXPIRED, {"not_after": NOW - timedelta(days=3)}, "✗ expired", id="expired"),
        pytest.param(
            ProblemKind.NOT_YET_VALID,
            {"not_before": NOW + timedelta(days=3)},
            "✗ not yet valid",
            id="not yet valid",
        ),
        pytest.param(
            ProblemKind.EXPIRES_SOON,
            {"not_after": NOW + timedelta(days=3)},
            "! expires soon",
            id="expires soon",
        ),
        pytest.param(
            ProblemKind.WRONG_USAGE,
            {"usage_allows_server": False},
            "✗ not issued for server",
            id="wrong usage",
        ),
    ],
)
def test_faults_of_the_leaf_are_marked(kind: ProblemKind, facts: dict[str, object], mark: str) -> None:
    """A fault of a certificate stands with that certificate, and with no other."""
    ill = result(problem(kind), chain=(dataclasses.replace(LEAF, **facts), SUBORDINATE))  # type: ignore[arg-type]  # a table
    leaf, _, above = report(ill).partition("1 ● Contoso Subordinate CA")
    assert mark in leaf
    assert mark not in above


def test_wrong_name_is_marked() -> None:
    """The name that is missing stands with the leaf and among the names."""
    ill = result(problem(ProblemKind.HOSTNAME_MISMATCH), names=(NameVerdict("mx.example.org", match=False),))
    assert "✗ does not carry the name mx.example.org" in report(ill)
    assert "✗ mx.example.org  is not in the certificate" in report(ill)


def test_other_errors_stand_at_their_depth() -> None:
    """An error without a cause of its own is marked with its code where OpenSSL found it."""
    broken = StoreVerdict(
        store="system",
        valid=False,
        trusted=False,
        code=7,
        depth=1,
        reason="certificate signature failure",
        invalid=(7, 1),
        problems=frozenset({ProblemKind.CHAIN_INVALID}),
    )
    text = report(result(problem(ProblemKind.CHAIN_INVALID), stores=(broken,)))
    assert "✗ chain_invalid: error 7" in text.partition("1 ● Contoso Subordinate CA")[2]
    assert "verify error:num=7:certificate signature failure" in text


def test_each_store_has_its_verdict() -> None:
    """Two stores that disagree are both told."""
    text = report(result(stores=(untrusted("system"), trusted("contoso"))))
    assert "against the store system\n    depth=1" in text
    assert "against the store contoso\n    Verify return code: 0 (ok), until 2027-01-03" in text
    assert "not sent, as is usual for a root" in text


def test_problem_has_cause_remedy_and_clients() -> None:
    """Each problem says what is wrong, what to do, step by step, and what clients say."""
    remedy = "Exchange: first this\nExchange: then that\nPostfix: or this"
    ill = result(
        problem(ProblemKind.EXPIRED, "it expired", remedy=remedy, clients={"dotnet": "NotTimeValid"})
    )
    text = report(ill)
    assert "  1. expired (critical): it expired\n" in text
    assert (
        "       Exchange\n         - first this\n         - then that\n       Postfix\n         - or this\n"
        in text
    )
    assert "       .NET  NotTimeValid\n" in text


def test_prose_is_wrapped_and_commands_are_not() -> None:
    """Long sentences keep to the width; a command stays in one piece, to be copied."""
    command = "`openssl s_client " + "-showcerts " * 20 + "`"
    ill = result(
        problem(ProblemKind.EXPIRED, "word " * 60, remedy=f"Postfix: run {command} and look " + "well " * 30)
    )
    lines = section(report(ill), "What is wrong").splitlines() + report(ill).splitlines()
    assert any(command in line for line in lines)
    assert all(len(line) <= WIDTH + 2 for line in lines if command not in line)


def test_unreachable() -> None:
    """A failed probe says at which stage and why, and draws no chain."""
    text = report(failed(Stage.GREETING, Reason.TEMPORARY_FAILURE, "421 try later"))
    assert "failed    at stage greeting: temporary failure (421 try later)" in text
    assert "leaf first" not in text


def test_what_is_older_says_so() -> None:
    """Facts that outlived a failed probe are told with their age."""
    before = result()
    now = dataclasses.replace(failed(), verdict=before.verdict, seen=before.observation, seen_at=NOW)
    assert "what follows was seen on 2026-11-23 12:00:00 UTC" in report(now)
    assert LEAF.sha1 in report(now)


def test_transcript_on_demand() -> None:
    """The dialogue is added only when asked for, with the separators of RFC 5321."""
    assert "S: 250-SIZE 37748736\n  S: 250 STARTTLS\n  C: STARTTLS\n" in report(result(), transcript=True)
    assert "C: STARTTLS" not in report(result())


@pytest.mark.parametrize("kind", ProblemKind)
def test_colours_only_paint(kind: ProblemKind) -> None:
    """With colours the report has the same words, and without them no escape at all."""
    ill = result(problem(kind), stores=(untrusted(), trusted()))
    assert "\x1b" not in report(ill)
    assert "\x1b[31m" in report(ill, color=True) or "\x1b[33m" in report(ill, color=True)
    assert ANSI.sub("", report(ill, color=True)) == report(ill)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_stays_in_its_place(text: str) -> None:
    """No text from the network adds a line, moves the cursor or turns the direction of writing."""
    printed = report(hostile(text), transcript=True)
    assert all(line.isprintable() for line in printed.removesuffix("\n").split("\n"))
    if len(text) < 100:
        calm = report(hostile("x" * len(text)), transcript=True)
        assert abs(len(printed.splitlines()) - len(calm.splitlines())) <= len(ProblemKind) * 4


def test_transaction_is_told_with_the_servers_words() -> None:
    """The report says whether the mail would have been taken, and keeps hostile text on its line."""
    refused = TransactionFacts(
        success=False, codes={"rcpt": 550}, detail="RCPT was answered with 550\x1b[2J no"
    )
    text = report(result(transaction=refused))
    (line,) = [line for line in text.splitlines() if line.strip().startswith("mail ")]
    assert "refused: RCPT was answered with 550" in line
    assert "\x1b" not in line
    accepted = report(result(transaction=TransactionFacts(success=True, codes={"rcpt": 250})))
    assert "mail      accepted (RCPT 250)" in accepted
