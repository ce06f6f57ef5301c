"""The table of every metric about targets: its name, its help text, and how a verdict fills it.

In: one finished result. Out: samples. It must not judge: what a verdict leaves open has no sample.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from exporter.model import CertificateFacts, ProblemKind, Result, Stage
from exporter.publish import revocations
from exporter.publish.labels import pair, pairs

Sample = tuple[str, float]
"""The labels of a series beyond those of its target, and its value."""


class Family(NamedTuple):
    """One metric: its name, its help text, and the samples that a result gives it."""

    name: str
    help: str
    samples: Callable[[Result], Sequence[Sample]]
    kind: str = "gauge"
    timed: bool = False
    """Whether it differs between two probes that saw the same."""
    observed: bool = False
    """Whether it may differ although the grounds of the verdict are the same."""

    @property
    def header(self) -> str:
        """The two comment lines that precede the samples."""
        return f"# HELP {self.name} {self.help}\n# TYPE {self.name} {self.kind}\n"


def _phases(result: Result) -> Sequence[Sample]:
    return [(_PHASE_LABELS[phase], seconds) for phase, seconds in result.phases.items()]


_PHASE_LABELS = {stage: pair("phase", stage) for stage in Stage}


def _failure(result: Result) -> Sequence[Sample]:
    failure = result.observation.failure
    if failure is None or result.success:
        return []
    return [(f'stage="{failure.stage}",reason="{failure.reason}"', 1)]


def _connection(result: Result) -> Sequence[Sample]:
    tls = result.observation.tls
    if tls is None:
        return []
    return [(_connection_labels(tls.version, tls.cipher or "", tls.group or ""), 1)]


@lru_cache(maxsize=256)
def _connection_labels(version: str, cipher: str, group: str) -> str:
    return pairs(version=version, cipher=cipher, group=group)


def _optional(value: float | None) -> Sequence[Sample]:
    return [] if value is None else [("", value)]


def _ratio(result: Result) -> Sequence[Sample]:
    left = result.lifetime_left
    return _optional(None if left is None else min(max(left, 0.0), 1.0))


def _per_certificate(value: Callable[[CertificateFacts], int]) -> Callable[[Result], Sequence[Sample]]:
    def samples(result: Result) -> Sequence[Sample]:
        return [(f'position="{at}"', value(facts)) for at, facts in enumerate(result.verdict.chain)]

    return samples


def _certificates(result: Result) -> Sequence[Sample]:
    return [(_certificate_labels(at, facts), 1) for at, facts in enumerate(result.verdict.chain)]


@lru_cache(maxsize=4096)
def _certificate_labels(position: int, facts: CertificateFacts) -> str:
    return pairs(
        position=str(position),
        subject=facts.subject,
        issuer=facts.issuer,
        serial=facts.serial,
        sha1=facts.sha1,
        sha256=facts.sha256,
        key=facts.key,
        signature=facts.signature,
    )


def _earliest(result: Result) -> Sequence[Sample]:
    return _optional(min((timestamp(facts.not_after) for facts in result.verdict.chain), default=None))


def _valid_until(result: Result) -> Sequence[Sample]:
    return [
        (pair("store", verdict.store), timestamp(until))
        for verdict in result.verdict.stores
        if (until := verdict.valid_until)
    ]


def _verify_errors(result: Result) -> Sequence[Sample]:
    return [
        (
            pairs(
                store=verdict.store,
                code=str(verdict.code),
                depth="" if verdict.depth is None else str(verdict.depth),
                reason=verdict.reason,
            ),
            1,
        )
        for verdict in result.verdict.stores
        if not verdict.valid
    ]


_PROBLEM_LABELS = tuple((kind, pair("problem", kind)) for kind in ProblemKind)


def _problems(result: Result) -> Sequence[Sample]:
    found = frozenset([problem.kind for problem in result.verdict.problems])
    return _problem_samples(found, result.verdict.evaluated)


@lru_cache(maxsize=256)
def _problem_samples(found: frozenset[ProblemKind], evaluated: frozenset[ProblemKind]) -> Sequence[Sample]:
    """Most servers have the same: none."""
    return tuple([(label, kind in found) for kind, label in _PROBLEM_LABELS if kind in evaluated])


def timestamp(moment: datetime) -> int:
    """Whole seconds of Unix time."""
    return int(moment.timestamp())


def _transaction_success(result: Result) -> Sequence[Sample]:
    facts = result.observation.transaction
    return [] if facts is None else [("", facts.success)]


def _transaction_codes(result: Result) -> Sequence[Sample]:
    facts = result.observation.transaction
    return [] if facts is None else [(pair("command", name), code) for name, code in facts.codes.items()]


RESERVED_LABELS = frozenset({
    "target", "address", "phase", "stage", "reason", "version", "cipher", "group", "position", "subject",
    "issuer", "serial", "sha1", "sha256", "key", "signature", "store", "code", "depth", "name", "problem",
    "method", "status", "command",
})  # fmt: skip
"""Label names that belong to the series; a target's own labels cannot use them."""

FAMILIES: tuple[Family, ...] = (
    Family(
        "smtp_tls_probe_success",
        "Whether the last probe obtained the certificate of the server, whatever is wrong with it",
        lambda r: [("", r.success)],
    ),
    Family(
        "smtp_tls_probe_duration_seconds",
        "How long the last probe took",
        lambda r: [("", r.duration)],
        timed=True,
    ),
    Family(
        "smtp_tls_probe_phase_duration_seconds",
        "How long each phase of the last probe took",
        _phases,
        timed=True,
    ),
    Family(
        "smtp_tls_probe_failure_info",
        "Where and why the last probe ended without a certificate; present only while it did",
        _failure,
    ),
    Family(
        "smtp_tls_last_probe_timestamp_seconds",
        "When the last probe began; probes follow the interval of the target, not the scrapes",
        lambda r: [("", r.time.timestamp())],
        timed=True,
    ),
    Family(
        "smtp_tls_last_success_timestamp_seconds",
        "When the certificate was last obtained; tells the age of every series about it",
        lambda r: _optional(r.seen_at.timestamp() if r.seen_at else None),
        timed=True,
    ),
    Family(
        "smtp_tls_starttls_offered",
        "Whether the server offers STARTTLS; absent for implicit TLS and when it cannot be told",
        lambda r: _optional(r.observation.smtp.starttls_offered),
    ),
    Family("smtp_tls_connection_info", "What the last probe negotiated", _connection, observed=True),
    Family(
        "smtp_tls_cert_days_to_expiry",
        "Days until the certificate of the server expires, negative afterwards",
        lambda r: _optional(r.days_left),
        timed=True,
    ),
    Family(
        "smtp_tls_cert_lifetime_remaining_ratio",
        "Part of the lifetime of the certificate that is left, 0 to 1",
        _ratio,
        timed=True,
    ),
    Family(
        "smtp_tls_cert_not_after_timestamp_seconds",
        "When each presented certificate expires; position 0 is the certificate of the server",
        _per_certificate(lambda facts: timestamp(facts.not_after)),
    ),
    Family(
        "smtp_tls_cert_not_before_timestamp_seconds",
        "When each presented certificate becomes valid",
        _per_certificate(lambda facts: timestamp(facts.not_before)),
    ),
    Family(
        "smtp_tls_cert_info",
        "Identity of each presented certificate; sha1 is the thumbprint that Exchange and Windows print",
        _certificates,
    ),
    Family(
        "smtp_tls_chain_earliest_not_after_timestamp_seconds",
        "When the first of the presented certificates expires",
        _earliest,
    ),
    Family(
        "smtp_tls_chain_valid_until_timestamp_seconds",
        "When the first certificate of the path that was verified in the trust store expires",
        _valid_until,
    ),
    Family(
        "smtp_tls_chain_valid",
        "Whether OpenSSL verifies the presented chain against the trust store now, names aside",
        lambda r: [(pair("store", v.store), v.valid) for v in r.verdict.stores],
    ),
    Family(
        "smtp_tls_chain_trusted",
        "Whether OpenSSL would verify the presented chain against the trust store if no date counted",
        lambda r: [(pair("store", v.store), v.trusted) for v in r.verdict.stores],
    ),
    Family(
        "smtp_tls_verify_code",
        "The first verification error as the number that OpenSSL gives it, 0 when there is none",
        lambda r: [(pair("store", v.store), v.code) for v in r.verdict.stores],
    ),
    Family(
        "smtp_tls_verify_error_info",
        "The first verification error in words, present only while there is one",
        _verify_errors,
    ),
    Family(
        "smtp_tls_chain_complete",
        "Whether the server sends every intermediate; absent when it cannot be told",
        lambda r: _optional(r.verdict.chain_complete),
    ),
    Family(
        "smtp_tls_hostname_match",
        "Whether the certificate carries the expected name",
        lambda r: [(pair("name", v.name), v.match) for v in r.verdict.names if v.match is not None],
    ),
    Family(
        "smtp_tls_self_signed",
        "Whether the certificate of the server is signed by its own key",
        lambda r: [("", facts.self_signed) for facts in r.verdict.chain[:1]],
    ),
    Family(
        "smtp_tls_revoked",
        "Whether a certificate of the path is revoked; absent when it was not asked or cannot be told",
        lambda r: _optional(r.verdict.revoked),
    ),
    Family(
        "smtp_tls_revocation_info",
        "What each method says of the revocation of each certificate",
        revocations.statuses,
    ),
    Family(
        "smtp_tls_revocation_this_update_timestamp_seconds",
        "When the evidence about the revocation of a certificate was made",
        revocations.moments(lambda verdict: verdict.this_update),
    ),
    Family(
        "smtp_tls_revocation_next_update_timestamp_seconds",
        "When newer evidence about the revocation of a certificate is due",
        revocations.moments(lambda verdict: verdict.next_update),
    ),
    Family(
        "smtp_tls_transaction_success",
        "Whether the configured mail transaction went through; absent where there is none",
        _transaction_success,
        observed=True,
    ),
    Family(
        "smtp_tls_transaction_reply_code",
        "The last reply of the server to each command of the transaction",
        _transaction_codes,
        observed=True,
    ),
    Family(
        "smtp_tls_problem", "Whether the problem was found; absent when it could not be decided", _problems
    ),
    Family(
        "smtp_tls_state",
        "The worst of it: 0 ok, 1 warning, 2 critical, 3 unknown, as in Nagios",
        lambda r: [("", r.verdict.state)],
    ),
)
"""Every metric about targets, in the order in which they are published."""

CHANGES = Family(
    "smtp_tls_cert_changes_total",
    "How often the address was seen with another certificate than before",
    lambda _: [],
    "counter",
)
"""The one metric that a result alone does not give."""
