"""Metrics: what a result becomes in the text format, read back by Prometheus' own parser."""

from __future__ import annotations

import dataclasses
import itertools
import operator
import subprocess
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter.model import (
    Addresses,
    NameVerdict,
    ProblemKind,
    Reason,
    RevocationMethod,
    RevocationStatus,
    RevocationVerdict,
    SmtpFacts,
    Stage,
    State,
    TlsFacts,
    TransactionFacts,
)
from exporter.publish import metrics
from exporter.publish.compatible import compatible
from exporter.publish.families import FAMILIES
from exporter.publish.labels import LABEL_LIMIT, number
from tests import results
from tests.programs import program

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from exporter.model import Grounds, Result

Labels = frozenset[tuple[str, str]]

OWN = {"target": results.TARGET.name, "address": "192.0.2.7"}


REVOCATION = (
    RevocationVerdict(
        0,
        RevocationMethod.CRL,
        RevocationStatus.REVOKED,
        this_update=datetime(2026, 11, 23, tzinfo=UTC),
        next_update=datetime(2026, 11, 30, tzinfo=UTC),
    ),
    RevocationVerdict(1, RevocationMethod.OCSP, RevocationStatus.UNREACHABLE, "no answer within 10 s"),
)


def text_of(*several: Result) -> str:
    """The whole exposition."""
    return "".join(metrics.exposition(map(metrics.render, several)))


def series(text: str) -> Mapping[tuple[str, Labels], float]:
    """Every sample of an exposition, by its name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(text: str, name: str, /, **labels: str) -> float | None:
    """The value of one series of the usual target, None when it is absent."""
    return series(text).get((name, frozenset({**OWN, **labels}.items())))


def names(text: str) -> set[str]:
    """The names of all metrics that have a series."""
    return {name for name, _ in series(text)}


def everything() -> Sequence[Result]:
    """Results that together fill every family."""
    return (
        results.result(results.problem(ProblemKind.UNTRUSTED_ROOT), stores=(results.untrusted(),)),
        results.result(
            address="192.0.2.8",
            revocation=REVOCATION,
            revoked=True,
            transaction=TransactionFacts(success=False, codes={"rcpt": 550}, detail="no"),
        ),
        results.failed(address="192.0.2.9"),
    )


def test_every_family_has_one_header_and_its_lines_together() -> None:
    """A family that appeared twice would make Prometheus refuse the whole answer."""
    text = text_of(*everything())
    headers = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert headers == [family.name for family in FAMILIES]
    names_in_order = [line.partition("{")[0] for line in text.splitlines() if not line.startswith("#")]
    assert list(dict.fromkeys(names_in_order)) == headers
    changes = sum(a != b for a, b in itertools.pairwise(names_in_order))
    assert changes == len(headers) - 1


def test_revocation() -> None:
    """Each method has a status for each certificate, and dates where its evidence has them."""
    text = text_of(results.result(address="192.0.2.7", revocation=REVOCATION, revoked=True))
    assert value(text, "smtp_tls_revoked") == 1
    info = "smtp_tls_revocation_info"
    assert value(text, info, position="0", method="crl", status="revoked") == 1
    assert value(text, info, position="1", method="ocsp", status="unreachable") == 1
    due = "smtp_tls_revocation_next_update_timestamp_seconds"
    assert value(text, due, position="0", method="crl") == datetime(2026, 11, 30, tzinfo=UTC).timestamp()
    assert value(text, due, position="1", method="ocsp") is None
    assert value(text_of(results.result()), "smtp_tls_revoked") is None


def test_many_results_keep_one_header_per_family() -> None:
    """The header stands before the first batch of a family only."""
    several = [results.result(address=f"192.0.2.{n}") for n in range(3)]
    rendered = [metrics.render(result) for result in several] * metrics.BATCH
    text = "".join(metrics.exposition(rendered))
    assert text.count("# TYPE smtp_tls_probe_success gauge\n") == 1
    assert text.count("\nsmtp_tls_probe_success{") == 3 * metrics.BATCH


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "1"),
        (State.CRITICAL, "2"),
        (253402300799, "253402300799"),
        (0.0, "0.000000"),
        (2 / 3, "0.666667"),
        (-1.5, "-1.500000"),
        (1796083200.123456, "1796083200.123456"),
    ],
)
def test_numbers(value: float, text: str) -> None:
    """Whole ones have no point, and a microsecond is the least that is told of others."""
    assert number(value) == text


def test_no_results_make_an_empty_text() -> None:
    """Before the first probe there is neither a header nor a line."""
    assert text_of() == ""


def test_help_texts_are_one_line_each_and_all_different() -> None:
    """HELP ends at the line break, and a copied text explains nothing."""
    texts = [family.help for family in FAMILIES]
    assert len(set(texts)) == len(texts)
    assert all(text.isprintable() and "\\" not in text for text in texts)


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("smtp_tls_probe_success", {}, 1),
        ("smtp_tls_probe_duration_seconds", {}, 0.3141),
        ("smtp_tls_probe_phase_duration_seconds", {"phase": "handshake"}, 0.2),
        ("smtp_tls_last_probe_timestamp_seconds", {}, results.NOW.timestamp()),
        ("smtp_tls_last_success_timestamp_seconds", {}, results.NOW.timestamp()),
        ("smtp_tls_starttls_offered", {}, 1),
        (
            "smtp_tls_connection_info",
            {"version": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384", "group": "X25519"},
            1,
        ),
        ("smtp_tls_cert_days_to_expiry", {}, pytest.approx(41 + 5 / 24)),
        (
            "smtp_tls_cert_not_after_timestamp_seconds",
            {"position": "1"},
            results.SUBORDINATE.not_after.timestamp(),
        ),
        (
            "smtp_tls_cert_not_before_timestamp_seconds",
            {"position": "0"},
            results.LEAF.not_before.timestamp(),
        ),
        ("smtp_tls_chain_earliest_not_after_timestamp_seconds", {}, results.LEAF.not_after.timestamp()),
        (
            "smtp_tls_chain_valid_until_timestamp_seconds",
            {"store": "contoso"},
            results.LEAF.not_after.timestamp(),
        ),
        ("smtp_tls_chain_valid", {"store": "contoso"}, 1),
        ("smtp_tls_chain_trusted", {"store": "contoso"}, 1),
        ("smtp_tls_verify_code", {"store": "contoso"}, 0),
        ("smtp_tls_chain_complete", {}, 1),
        ("smtp_tls_hostname_match", {"name": results.HOST}, 1),
        ("smtp_tls_self_signed", {}, 0),
        ("smtp_tls_problem", {"problem": "expired"}, 0),
        ("smtp_tls_state", {}, 0),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_a_good_result(name: str, labels: Mapping[str, str], expected: float) -> None:
    """Each series of a server with nothing wrong has the value that the contract gives it."""
    assert value(text_of(results.result()), name, **labels) == expected


def test_the_identity_of_each_certificate_is_in_its_labels() -> None:
    """`cert_info` names a certificate in every way in which administrators look for it."""
    expected = {
        "position": "0",
        "subject": results.LEAF.subject,
        "issuer": results.LEAF.issuer,
        "serial": results.LEAF.serial,
        "sha1": results.LEAF.sha1,
        "sha256": results.LEAF.sha256,
        "key": results.LEAF.key,
        "signature": results.LEAF.signature,
    }
    assert value(text_of(results.result()), "smtp_tls_cert_info", **expected) == 1


def test_a_verification_error_is_told_as_number_and_in_words() -> None:
    """A store that does not verify the chain has its error beside it, and no date of a path."""
    text = text_of(results.result(results.problem(ProblemKind.UNTRUSTED_ROOT), stores=(results.untrusted(),)))
    reason = "unable to get local issuer certificate"
    error = {"store": "system", "code": "20", "depth": "1", "reason": reason}
    assert value(text, "smtp_tls_verify_error_info", **error) == 1
    assert value(text, "smtp_tls_verify_code", store="system") == 20
    assert value(text, "smtp_tls_chain_valid", store="system") == 0
    assert "smtp_tls_chain_valid_until_timestamp_seconds" not in names(text)
    assert value(text, "smtp_tls_problem", problem="untrusted_root") == 1
    assert value(text, "smtp_tls_state") == 2


def test_two_stores_are_told_apart() -> None:
    """What one trust store says does not hide the other."""
    text = text_of(results.result(stores=(results.trusted("contoso"), results.untrusted("system"))))
    assert value(text, "smtp_tls_chain_valid", store="contoso") == 1
    assert value(text, "smtp_tls_chain_valid", store="system") == 0


def test_a_failed_probe_without_memory_has_no_series_about_a_certificate() -> None:
    """Unknown is absent, never 0."""
    text = text_of(results.failed(Stage.CONNECT, Reason.TIMEOUT, "no answer"))
    assert value(text, "smtp_tls_probe_success") == 0
    assert value(text, "smtp_tls_probe_failure_info", stage="connect", reason="timeout") == 1
    assert value(text, "smtp_tls_problem", problem="unreachable") == 1
    absent = {
        "smtp_tls_last_success_timestamp_seconds",
        "smtp_tls_starttls_offered",
        "smtp_tls_connection_info",
        "smtp_tls_self_signed",
        "smtp_tls_hostname_match",
    }
    assert not names(text) & absent
    assert not [name for name in names(text) if name.startswith(("smtp_tls_cert", "smtp_tls_chain_valid"))]


def test_a_failed_probe_keeps_the_series_of_the_last_certificate() -> None:
    """The values of the last good look stay, and their age is told."""
    good = results.result(seen_at=results.NOW - timedelta(hours=1))
    lost = results.failed(
        verdict=dataclasses.replace(good.verdict, state=State.CRITICAL), seen=good.seen, seen_at=good.seen_at
    )
    text = text_of(lost)
    assert value(text, "smtp_tls_probe_success") == 0
    assert value(text, "smtp_tls_cert_days_to_expiry") == pytest.approx(41 + 5 / 24)
    assert value(text, "smtp_tls_chain_valid", store="contoso") == 1
    assert value(text, "smtp_tls_last_success_timestamp_seconds") == results.NOW.timestamp() - 3600


def test_what_could_not_be_decided_is_absent() -> None:
    """Problems that were not evaluated, and names that could not be matched, have no series."""
    text = text_of(
        results.result(
            evaluated=frozenset({ProblemKind.EXPIRED}),
            names=(NameVerdict(results.HOST, match=None),),
            chain_complete=None,
        )
    )
    problems = {dict(labels)["problem"] for name, labels in series(text) if name == "smtp_tls_problem"}
    assert problems == {"expired"}
    assert not names(text) & {"smtp_tls_chain_complete", "smtp_tls_hostname_match"}


@pytest.mark.parametrize(("offered", "expected"), [(True, 1), (False, 0), (None, None)], ids=str)
def test_starttls_has_three_answers(offered: bool | None, expected: float | None) -> None:
    """Offered, not offered, and absent where a 4xx reply leaves it open."""
    text = text_of(results.failed(smtp=SmtpFacts(starttls_offered=offered)))
    assert value(text, "smtp_tls_starttls_offered") == expected


@pytest.mark.parametrize(("complete", "expected"), [(True, 1), (False, 0), (None, None)], ids=str)
def test_completeness_has_three_answers(complete: bool | None, expected: float | None) -> None:
    """Every intermediate is sent, one is not, or it cannot be told."""
    text = text_of(results.result(chain_complete=complete))
    assert value(text, "smtp_tls_chain_complete") == expected


@pytest.mark.parametrize(("left", "expected"), [(-0.5, 0), (0.25, 0.25), (1.5, 1)], ids=str)
def test_the_remaining_lifetime_stays_between_none_and_all(left: float, expected: float) -> None:
    """An expired certificate has nothing left, one that is not yet valid has all of it."""
    text = text_of(results.result(lifetime_left=left))
    assert value(text, "smtp_tls_cert_lifetime_remaining_ratio") == expected


def test_labels_of_the_target_are_on_every_series() -> None:
    """A site label must select everything about its targets."""
    target = dataclasses.replace(results.TARGET, labels=(("site", 'Frankfurt "1"'),))
    samples = series(text_of(results.result(target=target)))
    assert samples
    assert all(("site", 'Frankfurt "1"') in labels for _, labels in samples)


def test_a_label_of_the_target_cannot_repeat_one_of_ours() -> None:
    """A label name that stands twice in a series would make Prometheus refuse the whole answer."""
    target = dataclasses.replace(results.TARGET, labels=(("target", "x"), ("store", "y"), ("site", "z")))
    for line in text_of(results.result(target=target)).splitlines():
        assert line.startswith("#") or line.count('target="') == 1
        assert 'store="y"' not in line


def test_two_equal_expected_names_make_one_series() -> None:
    """The same series twice would be an error for Prometheus."""
    twice = (NameVerdict(results.HOST, match=True), NameVerdict(results.HOST, match=True))
    assert text_of(results.result(names=twice)).count("\nsmtp_tls_hostname_match{") == 1


@pytest.mark.parametrize("hostile", results.HOSTILE.values(), ids=results.HOSTILE.keys())
def test_text_from_the_network_stays_inside_its_label(hostile: str) -> None:
    """Whatever a certificate contains, the exposition has the same series, one line each, as UTF-8."""
    leaf = results.certificate(f"CN={hostile}", hostile, serial=hostile)
    result = results.result(
        chain=(leaf, results.SUBORDINATE),
        tls=TlsFacts(hostile, hostile, None, hostile),
        names=(NameVerdict(results.HOST, match=False, matched=hostile),),
        address=hostile,
    )
    text = text_of(result)
    assert text.encode()
    assert len(text.splitlines()) == len(text_of(results.result()).splitlines())
    read = {name: dict(labels) for name, labels in series(text)}
    assert set(read) == names(text_of(results.result()))
    values = [shown for labels in read.values() for shown in labels.values()]
    assert all(shown.isprintable() and len(shown) <= LABEL_LIMIT for shown in values)


def test_quotes_and_backslashes_are_read_back_as_they_were() -> None:
    """Escaping is for the format only: the reader gets the text itself."""
    name = 'CN=a "quoted" back\\slash\\n,O={x="y"} 1'
    text = text_of(results.result(chain=(results.certificate(name, "CN=x"),)))
    assert name in {dict(labels).get("subject") for _, labels in series(text)}


@pytest.mark.parametrize(
    ("several", "expected"),
    [
        ((results.result(),), 1),
        ((results.result(results.problem(ProblemKind.EXPIRES_SOON, severity=State.WARNING)),), 1),
        ((results.result(results.problem(ProblemKind.EXPIRED)),), 0),
        ((results.failed(),), 0),
        ((results.result(), results.failed(address="192.0.2.8")), 0),
        ((), 0),
    ],
    ids=["good", "warning", "critical", "no-certificate", "one-of-two", "nothing"],
)
def test_probe_success_as_blackbox_exporter_means_it(several: Sequence[Result], expected: int) -> None:
    """It is 1 only when every address gave a certificate with nothing critical about it."""
    assert series(compatible(several, 1.5))["probe_success", frozenset()] == expected


def test_alerts_for_blackbox_exporter_find_their_series() -> None:
    """The certificate that ends first, the duration and the TLS version have its names and spelling."""
    ends = results.NOW + timedelta(days=3)
    early = results.certificate("CN=a", "CN=b", not_after=ends)
    several = (results.result(), results.result(chain=(early,), address="192.0.2.8"))
    samples = series(compatible(several, 1.5))
    assert samples["probe_duration_seconds", frozenset()] == 1.5
    assert samples["probe_ssl_earliest_cert_expiry", frozenset()] == ends.timestamp()
    assert samples["probe_tls_version_info", frozenset({("version", "TLS 1.3")})] == 1


def test_a_target_whose_first_address_is_enough_has_the_same_series() -> None:
    """How many addresses are looked at does not change the names of anything."""
    first = dataclasses.replace(results.TARGET, addresses=Addresses.FIRST)
    assert text_of(results.result(target=first)) == text_of(results.result())


@pytest.mark.servers
def test_promtool_has_nothing_to_say_but_about_days() -> None:
    """Prometheus' linter accepts every name and help text but the one that is meant to be in days."""
    text = compatible(everything(), 1.5) + text_of(*everything())
    command = [str(program("promtool")), "check", "metrics"]
    said = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    remarks = (said.stdout + said.stderr).strip().splitlines()
    assert remarks
    assert all(remark.startswith("smtp_tls_cert_days_to_expiry ") for remark in remarks)


def test_a_transaction_is_told_by_success_and_codes() -> None:
    """What became of the transaction has series of its own, which are absent where none was tried."""
    facts = TransactionFacts(
        success=False, codes={"mail": 250, "rcpt": 450}, detail="RCPT was answered with 450"
    )
    text = text_of(results.result(transaction=facts))
    assert value(text, "smtp_tls_transaction_success") == 0
    assert value(text, "smtp_tls_transaction_reply_code", command="mail") == 250
    assert value(text, "smtp_tls_transaction_reply_code", command="rcpt") == 450
    assert value(text_of(results.result()), "smtp_tls_transaction_success") is None


def test_certificates_of_all_addresses_are_counted_once() -> None:
    """The number of different leaves stands once for a target, without an address."""
    one, same, other = (
        results.result(address=f"192.0.2.{number}", chain=(results.certificate(subject),))
        for number, subject in ((1, "CN=new"), (2, "CN=new"), (3, "CN=old"))
    )
    text = "".join(metrics.exposition(metrics.render_all([one, same, other])))
    assert text.count("\nsmtp_tls_distinct_certificates{") == 1
    assert f'\nsmtp_tls_distinct_certificates{{target="{one.target.name}"}} 2\n' in text
    unknown = metrics.render_all([results.failed()])
    assert "smtp_tls_distinct_certificates" not in "".join(metrics.exposition(unknown))


def later(first: Result, **parts: object) -> Result:
    """The result of a later probe of the same server, on which nothing has changed."""
    observation = dataclasses.replace(first.observation, tls=TlsFacts("TLSv1.2", "another", 128, "P-256"))
    moment = first.time + timedelta(hours=1)
    changed = {
        "time": moment,
        "seen_at": moment,
        "duration": 9.75,
        "phases": {Stage.CONNECT: 0.5, Stage.REVOCATION: 0.25},
        "days_left": 1.25,
        "lifetime_left": 0.125,
        "observation": observation,
    }
    return dataclasses.replace(first, **{**changed, **parts})  # type: ignore[arg-type] # fields of a result


def test_lines_that_are_taken_over_are_those_that_would_be_made() -> None:
    """Whatever may differ between two probes of a server that has not changed is told anew."""
    held = cast("Grounds", object())
    first = dataclasses.replace(results.result(revocation=REVOCATION, revoked=False), grounds=held)
    second = later(first)
    for one in (second, later(first, observation=first.observation)):
        assert metrics.render(one, (first, metrics.render(first))) == metrics.render(one)
    (whole,) = metrics.render_all([second], {"192.0.2.7": 3}, {"192.0.2.7": (first, metrics.render(first))})
    assert whole == metrics.render_all([second], {"192.0.2.7": 3})[0]


def test_what_two_targets_have_in_common_is_kept_once() -> None:
    """With fifty thousand targets it decides how much memory is needed; long chains, which differ anyway, are not kept at all."""
    one, other = (metrics.render(results.result(address=f"192.0.2.{number}")) for number in (1, 2))
    assert all(map(operator.is_, [*one.observed, *one.steady], [*other.observed, *other.steady]))
    chain = tuple(results.certificate(f"CN={number}") for number in range(metrics.SHARED + 1))
    long, again = (metrics.render(results.result(chain=chain)).steady for _ in range(2))
    assert long == again
    made_anew = [a for a, b in zip(long, again, strict=True) if a is not b]
    assert {text.count("\n") for text in made_anew} == {len(chain)}


def test_nothing_is_taken_over_without_the_same_grounds() -> None:
    """A verdict that was reached anew may differ in anything."""
    held = cast("Grounds", object())
    first = dataclasses.replace(results.result(), grounds=held)
    for grounds in (None, cast("Grounds", object())):
        other = dataclasses.replace(results.result(results.problem(ProblemKind.EXPIRED)), grounds=grounds)
        assert metrics.render(other, (first, metrics.render(first))) == metrics.render(other)
