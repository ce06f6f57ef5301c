"""The dashboard of one target: its state over time, what is wrong and what to do, chain, names, stores, revocation, phases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from frame import DAYS, STATE_WORDS, frame, textbox, timeline
from panels import Json, lines, linked, series, stat, table, thresholds, words

PAGE = "${exporter}/?text=${__value.text:percentencode}"


def now() -> Iterator[Json]:
    """State, days left, and how old that is."""
    yield stat(
        ("State", "The worst state of the target's addresses."),
        f"max({series('smtp_tls_state')})",
        6,
        ((None, "gray"),),
        mappings=STATE_WORDS,
    )
    yield stat(
        ("Days left", "Days until the server's own certificate expires; negative after that."),
        f"min({series('smtp_tls_cert_days_to_expiry')})",
        6,
        DAYS,
        unit="d",
        decimals=1,
    )
    ages = (
        ("Last probe", "last_probe", "the last probe"),
        ("Last certificate", "last_success", "a certificate was last obtained"),
    )
    for title, metric, what in ages:
        yield stat(
            (title, f"How long ago {what}; the oldest of the addresses."),
            f"time() - min({series(f'smtp_tls_{metric}_timestamp_seconds')})",
            6,
            ((None, "green"), (3 * 3600, "yellow"), (24 * 3600, "red")),
            unit="s",
        )


def problems() -> Json:
    """What is wrong, with the runbook of each problem."""
    named = f"max by (target, address, problem) ({series('smtp_tls_problem')} == 1)"
    parts = '"([a-z]+)_?([a-z]*)_?([a-z]*)"'
    made = table(
        ("Problems", "What is wrong now; the runbook says what to do. Empty when nothing is wrong."),
        f'label_replace({named}, "runbook", "smtptls$1$2$3", "problem", {parts})',
        {"target": "Target", "address": "Address", "problem": "Problem", "runbook": "Runbook"},
        (12, 8),
    )
    made["fieldConfig"]["overrides"] = [
        linked("Runbook", "What to do", "${runbooks}#${__value.text}"),
        linked("Target", "The exporter's page", PAGE),
    ]
    return made


def chain() -> Json:
    """The presented certificates, leaf first."""
    by = "target, address, position"
    facts = f"max by ({by}, subject, issuer, key, signature, sha1) ({series('smtp_tls_cert_info')})"
    ends = f"max by ({by}) ({series('smtp_tls_cert_not_after_timestamp_seconds')})"
    made = table(
        ("Chain", "The certificates that the server sends, 0 being its own, and when each ends."),
        f"1000 * {facts} * on ({by}) group_left () {ends}",
        {
            "target": "Target", "address": "Address", "position": "Position", "subject": "Subject",
            "issuer": "Issuer", "Value": "Ends", "key": "Key", "signature": "Signature", "sha1": "Thumbprint",
        },
        (24, 8),
        sortBy=[{"displayName": "Position", "desc": False}],
    )  # fmt: skip
    made["fieldConfig"]["overrides"] = [
        {
            "matcher": {"id": "byName", "options": "Ends"},
            "properties": [{"id": "unit", "value": "dateTimeAsIso"}],
        }
    ]
    return made


def verdicts() -> Iterator[Json]:
    """What was found about names, stores and revocation."""
    yield _verdict(
        ("Names", "Whether each expected name is in the certificate."),
        f"min by (target, address, name) ({series('smtp_tls_hostname_match')})",
        {"name": "Name", "Value": "In the certificate"},
    )
    yield _verdict(
        ("Trust stores", "Whether the chain verifies against each trust store now."),
        f"min by (target, address, store) ({series('smtp_tls_chain_valid')})",
        {"store": "Store", "Value": "Valid"},
    )
    yield table(
        ("Revocation", "What each method said of each certificate. Empty where revocation is not asked for."),
        f"max by (target, address, position, method, status) ({series('smtp_tls_revocation_info')})",
        {"target": "Target", "position": "Position", "method": "Method", "status": "Status"},
        (8, 8),
    )


def _verdict(heading: tuple[str, str], expr: str, columns: Mapping[str, str]) -> Json:
    made = table(heading, expr, {"target": "Target", "address": "Address", **columns}, (8, 8))
    made["fieldConfig"]["defaults"]["mappings"] = words(("no", "red"), ("yes", "green"))
    made["fieldConfig"]["defaults"]["custom"] = {"cellOptions": {"type": "color-text"}}
    made["fieldConfig"]["defaults"]["thresholds"] = thresholds(((None, "text"),))
    return made


def history() -> Iterator[Json]:
    """How long it has left, and how long its probes take."""
    yield lines(
        ("Days to expiry", "A step up is a renewal; below zero it has expired."),
        f"min by (target, address) ({series('smtp_tls_cert_days_to_expiry')})",
        "{{target}} {{address}}",
        "d",
        stacked=False,
        least=None,
    )
    yield lines(
        ("Phases", "How long each phase of the last probe took; the mean of the addresses."),
        f"avg by (phase) ({series('smtp_tls_probe_phase_duration_seconds')})",
        "{{phase}}",
        "s",
        stacked=True,
    )


def dashboard() -> Json:
    """The whole dashboard."""
    heading = ("SMTP TLS target", "One mail server's certificate: what is wrong, why, and since when.")
    return frame(
        "smtp-tls-target",
        heading,
        [*now(), timeline(), problems(), chain(), *verdicts(), *history()],
        textbox("exporter", "Exporter's page", "http://127.0.0.1:10465"),
        textbox("runbooks", "Runbooks", "https://wiki.example.org/runbooks"),
    )
