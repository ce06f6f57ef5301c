"""The output of the monitoring plugin: its form, its limits, and that no server can break it."""

from __future__ import annotations

import dataclasses
import math
import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.model import (
    Exchange,
    Mode,
    NameVerdict,
    Policy,
    ProblemKind,
    Reason,
    Reply,
    SmtpFacts,
    Stage,
    State,
    Threshold,
)
from exporter.publish.details import long_output
from exporter.publish.nagios import (
    Finding,
    findings,
    first_line,
    overall,
    worst_first,
)
from exporter.publish.perfdata import performance
from exporter.publish.status import LIMIT, unknown
from tests.results import HOST, HOSTILE, LEAF, NOW, TARGET, at, certificate, failed, problem, result

if TYPE_CHECKING:
    from exporter.model import Result

ANY_TEXT = st.text(st.characters(codec=None), max_size=300) | st.sampled_from(sorted(HOSTILE.values()))
PERFDATA = re.compile(
    r"('days_to_expiry'=-?\d+\.\d(;[^;| ]*){0,2} )?'time'=\d+\.\d\ds(;[^;| ]*){0,2}( 'days_chain_elem[1-8]'=-?\d+\.\d)*"
)


def line(seen: Result) -> str:
    """The first line, as the check prints it."""
    return first_line([(seen, findings(seen))])


def assert_well_formed(text: str) -> None:
    """One line that a monitoring core can parse, and NRPE can carry."""
    assert text.isprintable()
    assert len(text.encode()) <= LIMIT
    assert text.count("|") == 1
    assert PERFDATA.fullmatch(text.partition(" | ")[2])


def test_ok_line() -> None:
    """A healthy server has the line that the contract shows."""
    healthy = result(
        target=dataclasses.replace(TARGET, name="mx1.example.org:25"),
        chain=(certificate("CN=mx1.example.org", "CN=R11,O=Let's Encrypt,C=US"),),
    )
    assert line(healthy) == (
        "SMTP_TLS OK - mx1.example.org:25 STARTTLS: 'mx1.example.org' from 'R11' valid until 2027-01-03 "
        "(41 days) | 'days_to_expiry'=41.2;21:;7: 'time'=0.31s 'days_chain_elem1'=41.2"
    )


def test_trouble_line() -> None:
    """Every problem is named, in the order of the verdict."""
    ill = result(
        problem(ProblemKind.EXPIRED, "it expired"),
        problem(ProblemKind.HOSTNAME_MISMATCH, "wrong name"),
        problem(ProblemKind.WEAK_KEY, "RSA 1024"),
    )
    assert line(ill).startswith(
        f"SMTP_TLS CRITICAL - {HOST}:25 STARTTLS: expired: it expired; hostname_mismatch: wrong name; "
        "weak_key: RSA 1024 | 'days_to_expiry'="
    )


def test_implicit_tls_is_named() -> None:
    """The line says how TLS began."""
    assert f"{HOST}:465 TLS: " in line(result(target=at(Mode.TLS, 465)))


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        pytest.param(
            (certificate("CN=a,O=b", "O=Some CA,C=US"),), "'a' from 'O=Some CA,C=US'", id="issuer without CN"
        ),
        pytest.param(
            (certificate("O=b", "CN=R1", sans=("DNS:mx.example.org",)),),
            "'mx.example.org' from 'R1'",
            id="SAN only",
        ),
        pytest.param((certificate("O=b", "CN=R1"),), "'O=b' from 'R1'", id="no name at all"),
        pytest.param((), "nothing wrong", id="no certificate that could be read"),
    ],
)
def test_names_of_a_healthy_certificate(chain: tuple[()], expected: str) -> None:
    """Subject and issuer are called by the best name that they have."""
    assert f"STARTTLS: {expected}" in line(result(chain=chain, stores=()))


@pytest.mark.parametrize("kind", ProblemKind)
def test_every_problem_is_named(kind: ProblemKind) -> None:
    """Each problem of the model appears by its name, in the first line and in the long output."""
    ill = result(problem(kind))
    assert f" {kind}: " in line(ill)
    assert any(text.startswith(f"{kind} (") for text in long_output([ill], 1))


def test_all_problems_fit() -> None:
    """With every problem and long summaries, all names and the performance data stay."""
    ill = result(*(problem(kind, "äöü " * 500) for kind in ProblemKind))
    text = line(ill)
    assert_well_formed(text)
    assert re.findall(r"(?:: |; )([a-z_]+): ", text) == [
        finding.name for finding in worst_first(findings(ill))
    ]
    assert len(text.encode()) > LIMIT - 100


def test_summaries_are_shortened_fairly() -> None:
    """A short summary stays whole beside a long one."""
    ill = result(
        problem(ProblemKind.EXPIRED, "x" * 5000), problem(ProblemKind.WRONG_USAGE, "short and complete")
    )
    text = line(ill)
    assert_well_formed(text)
    assert "; wrong_usage: short and complete | " in text
    assert len(text.encode()) > LIMIT - 10


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_text_in_every_field(text: str) -> None:
    """Whatever a server puts into any of its texts, the first line keeps its form, and so do the others."""
    assert_well_formed(line(hostile(text)))
    assert_well_formed(line(hostile(text, healthy=True)))
    for below in long_output([hostile(text)], 3):
        assert below.isprintable()
        assert "|" not in below


@settings(deadline=None)  # a busy machine is no failure
@given(ANY_TEXT, ANY_TEXT, st.lists(ANY_TEXT, max_size=17))
def test_first_line_is_always_well_formed(name: str, issuer: str, summaries: list[str]) -> None:
    """One line, one bar, no control character, at most 1,024 bytes with its line end."""
    problems = [problem(kind, summary) for kind, summary in zip(ProblemKind, summaries, strict=False)]
    seen = result(
        *problems,
        target=dataclasses.replace(TARGET, name=name),
        chain=(certificate(name, issuer or "CN=x", common_name=name),),
    )
    assert_well_formed(line(seen))


@settings(deadline=None)  # a busy machine is no failure
@given(ANY_TEXT, ANY_TEXT)
def test_unknown_is_always_well_formed(message: str, where: str) -> None:
    """The line without a result is one line without a bar, too."""
    text = unknown(message, where)
    assert text.startswith("SMTP_TLS UNKNOWN - ")
    assert text.isprintable()
    assert "|" not in text
    assert len(text.encode()) <= LIMIT


def test_no_line_break_is_smuggled_in() -> None:
    r"""A backslash and an `n`, which Nagios may read as a line break, do not stay together."""
    assert "\\n" not in line(result(problem(ProblemKind.EXPIRED, "a\\nb \\\\n c")))


@pytest.mark.parametrize(
    ("warning", "expected"),
    [
        pytest.param(Threshold(21), "21:", id="minimum"),
        pytest.param(Threshold(7.5), "7.5:", id="fraction"),
        pytest.param(Threshold(0, 10), "0:10", id="range"),
        pytest.param(Threshold(-math.inf, 10), "~:10", id="no lower end"),
        pytest.param(Threshold(3, 10, inside=True), "@3:10", id="inside"),
        pytest.param(Threshold(0.25, ratio=True), "25:", id="share of the lifetime"),
    ],
)
def test_thresholds_in_performance_data(warning: Threshold, expected: str) -> None:
    """Thresholds are ranges of days, whatever they were given as."""
    leaf = dataclasses.replace(LEAF, not_before=NOW - timedelta(days=60), not_after=NOW + timedelta(days=40))
    target = dataclasses.replace(TARGET, policy=Policy(warning=warning, critical=Threshold(7)))
    assert performance([result(target=target, chain=(leaf,))]) == (
        f"'days_to_expiry'=40.0;{expected};7: 'time'=0.31s 'days_chain_elem1'=40.0"
    )


def test_days_are_rounded_down() -> None:
    """What is just below a threshold does not look like the threshold."""
    leaf = dataclasses.replace(LEAF, not_after=NOW + timedelta(days=6.999))
    assert "'days_to_expiry'=6.9;" in performance([result(chain=(leaf,))])


def test_response_thresholds_in_performance_data() -> None:
    """The ranges of the response time stand with it."""
    assert "'time'=0.31s;2;5 " in performance([result()], ("2", "5"))


def test_each_certificate_of_the_chain_has_its_days() -> None:
    """They are numbered from the leaf, and a chain without end does not make the line so."""
    chain = (LEAF, *(dataclasses.replace(LEAF, not_after=NOW + timedelta(days=n)) for n in range(20)))
    figures = re.findall(r"'days_chain_elem(\d)'=(\S+)", performance([result(chain=chain)]))
    assert figures == [("1", "41.2"), *((str(n + 2), f"{n}.0") for n in range(7))]


def test_no_certificate_no_days() -> None:
    """Without a certificate only the time is left; a made-up number would be graphed."""
    assert performance([failed()]) == "'time'=0.31s"


@pytest.mark.parametrize(
    ("reason", "timed_out", "expected"),
    [
        pytest.param(Reason.CONNECTION_REFUSED, State.CRITICAL, State.CRITICAL, id="refused"),
        pytest.param(Reason.CONNECTION_REFUSED, State.OK, State.CRITICAL, id="refused is no timeout"),
        pytest.param(Reason.TIMEOUT, State.CRITICAL, State.CRITICAL, id="timeout"),
        pytest.param(Reason.TIMEOUT, State.UNKNOWN, State.UNKNOWN, id="timeout as unknown"),
        pytest.param(Reason.TIMEOUT, State.OK, State.OK, id="timeout as ok"),
        pytest.param(Reason.INTERNAL_ERROR, State.CRITICAL, State.UNKNOWN, id="our own fault"),
    ],
)
def test_state_of_a_failed_probe(reason: Reason, timed_out: State, expected: State) -> None:
    """A failure is critical, a timeout what the user wants, a fault of this program unknown."""
    seen = failed(Stage.GREETING, reason)
    found = findings(seen, timed_out)
    assert overall([(seen, found)]) is expected
    assert first_line([(seen, found)]).startswith(f"SMTP_TLS {expected.name} - ")


def test_findings_of_the_check_itself() -> None:
    """What the check's options find is named with the server's problems, the worst first."""
    seen = result(problem(ProblemKind.WEAK_KEY))
    own = Finding("fingerprint_mismatch", State.CRITICAL, "another certificate")
    found = worst_first((*findings(seen), own))
    assert [finding.name for finding in found] == ["fingerprint_mismatch", "weak_key"]
    assert overall([(seen, found)]) is State.CRITICAL


def test_long_output_grows_with_verbosity() -> None:
    """`-v` explains, `-vv` adds what was compared, `-vvv` adds the dialogue."""
    ill = result(problem(ProblemKind.EXPIRED, "it expired"))
    brief, more, most = ("\n".join(long_output([ill], level)) for level in (1, 2, 3))
    assert long_output([ill], 0) == []
    assert "expired (critical): it expired\n  First do this.\n  Then do that." in brief
    assert LEAF.sha1 in brief
    assert "Verification:" in more
    assert "OpenSSL says: verify error" in more
    assert "Verification:" not in brief
    assert "S: 220 2.0.0 SMTP server ready" in most
    assert "S: 220" not in more


def hostile(text: str, *, healthy: bool = False) -> Result:
    """A result with the same text wherever a server, or its certificate, can put one."""
    problems = [
        problem(kind, text, remedy=text, clients={text: text}, stores=(text,)) for kind in ProblemKind
    ]
    leaf = certificate(text, text + "x", common_name=text, sans=(f"DNS:{text}",), key=text, signature=text)
    smtp = SmtpFacts(
        exchanges=(Exchange("", Reply(220, (text, text))), Exchange(text, None)),
        capabilities=(text,),
        injected=text.encode("utf-8", "surrogatepass"),
    )
    return result(
        *([] if healthy else problems),
        target=dataclasses.replace(TARGET, name=text),
        address=text,
        chain=(leaf,),
        names=(NameVerdict(text, match=False, matched=text),),
        smtp=smtp,
    )


def test_several_addresses_on_one_line() -> None:
    """What holds for all is said once, what holds for some names them; the worst figures count."""
    leaves = [certificate("CN=mx", not_after=NOW + timedelta(days=days)) for days in (90, 5.5, 60)]
    fine, late, ill = (
        result(address=f"192.0.2.{number}", chain=(leaf,)) for number, leaf in enumerate(leaves, 1)
    )
    everywhere = Finding("weak_key", State.WARNING, "the key has 1024 bits")
    expiring = Finding("expires_soon", State.CRITICAL, "5 days are left")
    text = first_line([(fine, [everywhere]), (late, [everywhere, expiring]), (ill, [everywhere])])
    assert text.startswith(f"SMTP_TLS CRITICAL - {TARGET.name} STARTTLS, 3 addresses: ")
    assert (
        f": expires_soon ({TARGET.host} 192.0.2.2): 5 days are left; weak_key: the key has 1024 bits" in text
    )
    assert "'days_to_expiry'=5.5;" in text
    below = long_output([fine, late], 1)
    assert [heading for heading in below if heading.startswith("== ")] == [
        f"== {TARGET.name} 192.0.2.1: OK",
        f"== {TARGET.name} 192.0.2.2: OK",
    ]


def test_many_places_are_counted() -> None:
    """Fifty servers with the same fault leave room for what it is."""
    finding = Finding("expired", State.CRITICAL, "expired 3 days ago")
    ill = [(result(address=f"192.0.2.{number}"), [finding]) for number in range(50)]
    text = first_line([*ill, (result(address="192.0.2.99"), [])], name="MX of example.org")
    assert "MX of example.org STARTTLS, 51 addresses: expired (" in text
    assert " and 47 more): expired 3 days ago |" in text
    assert len(text.encode()) <= LIMIT
