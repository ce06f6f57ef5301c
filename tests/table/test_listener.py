"""Every row of the table, served over a real TLS listener, and every metric that it must give.

Most of what is expected comes from the openssl command: code and depth of the first error, whether the chain
is valid and trusted, the verified path's end, dates, digests and names. Problems are written by hand in the
row. The exposition must hold exactly these series, no other and no fewer.

Where OpenSSL and this program differ on purpose:

common_name_only  OpenSSL takes a Common Name for a host name where there is no DNS name in the certificate.
    RFC 9525 section 2 does not, nor does this program.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter.demo.smtpd import Server, postfix, server_context
from exporter.model import Mode, Policy, ProblemKind, Result, Target, TrustStore
from exporter.pipeline import examine
from exporter.publish import metrics
from tests.table import openssl, rows_certificate, rows_chain
from tests.table.scene import HOST

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from tests.table.scene import Row, Scene

Labels = frozenset[tuple[str, str]]
Series = dict[tuple[str, Labels], float]

ROWS = [*rows_chain.TABLE, *rows_certificate.TABLE]
COMMON_NAME_COUNTS = {rows_certificate.common_name_only}
"""Scenes whose leaf is for the expected name in OpenSSL's opinion only."""
WARNINGS = {ProblemKind.WEAK_KEY, ProblemKind.WEAK_SIGNATURE}
NOT_ASKED_FOR = {ProblemKind.REVOKED, ProblemKind.REVOCATION_UNKNOWN}
ONLY_WITH_STARTTLS = {ProblemKind.STARTTLS_MISSING, ProblemKind.PLAINTEXT_INJECTION}
PHASES = {"resolve", "connect", "handshake", "verify"}
PHASES_OF_STARTTLS = {"greeting", "ehlo", "starttls"}


async def look(row: Row, scene: Scene, port: int) -> Result:
    """Examine the server of a row."""
    target = Target(
        name="row",
        host="127.0.0.1",
        port=port,
        mode=row.mode,
        names=(row.name,),
        sni=HOST,
        ehlo_name="probe.example.org",
        policy=Policy(stores=tuple(scene.stores)),
    )
    stores = {
        label: TrustStore(label, tuple(one.der for one in held)) for label, held in scene.stores.items()
    }
    (result,) = await examine(target, stores)
    return result


def published(result: Result) -> Series:
    """Every series of a result, as Prometheus reads it, without the labels of its target."""
    text = "".join(metrics.exposition([metrics.render(result)]))
    series: Series = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = dict(sample.labels)
            assert (labels.pop("target"), labels.pop("address")) == ("row", "127.0.0.1")
            key = sample.name, frozenset(labels.items())
            assert key not in series
            series[key] = sample.value
    return series


class Column:
    """Collects the series that are expected."""

    def __init__(self) -> None:
        self.series: Series = {}

    def add(self, name: str, value: float, /, **labels: str) -> None:
        """Expect one series; the prefix of its name is left out."""
        self.series[f"smtp_tls_{name}", frozenset(labels.items())] = float(value)

    def of_probe(self, row: Row, result: Result, connected: openssl.Connected) -> None:
        """That it succeeded, when, how long it took, and what was negotiated."""
        self.add("probe_success", 1)
        self.add("probe_duration_seconds", result.duration)
        self.add("last_probe_timestamp_seconds", result.time.timestamp())
        self.add("last_success_timestamp_seconds", result.time.timestamp())
        assert result.observation.tls is not None
        group = result.observation.tls.group
        assert group
        self.add("connection_info", 1, version=connected.version, cipher=connected.cipher, group=group)
        starttls = row.mode is Mode.STARTTLS
        if starttls:
            self.add("starttls_offered", 1)
        assert {str(phase) for phase in result.phases} == PHASES | (PHASES_OF_STARTTLS if starttls else set())
        for phase, seconds in result.phases.items():
            self.add("probe_phase_duration_seconds", seconds, phase=phase)

    def of_certificates(self, chain: Sequence[openssl.Described], now: float) -> None:
        """Identity and dates of what was presented; days and ratio are of the leaf."""
        leaf = chain[0]
        left = leaf.not_after - now
        lifetime = leaf.not_after - leaf.not_before
        self.add("cert_days_to_expiry", left / 86400)
        self.add("cert_lifetime_remaining_ratio", min(max(left / lifetime, 0), 1))
        self.add("chain_earliest_not_after_timestamp_seconds", min(one.not_after for one in chain))
        for position, one in enumerate(chain):
            at = str(position)
            self.add("cert_not_after_timestamp_seconds", one.not_after, position=at)
            self.add("cert_not_before_timestamp_seconds", one.not_before, position=at)
            self.add(
                "cert_info",
                1,
                position=at,
                subject=one.subject,
                issuer=one.issuer,
                serial=one.serial,
                sha1=one.sha1,
                sha256=one.sha256,
                key=one.key,
                signature=one.signature,
            )

    def of_store(self, label: str, found: openssl.Verified) -> None:
        """Whether a store trusts the chain, why not, and until when it does."""
        self.add("chain_valid", found.code == 0, store=label)
        self.add("chain_trusted", found.trusted, store=label)
        self.add("verify_code", found.code, store=label)
        if found.code:
            self.add(
                "verify_error_info",
                1,
                store=label,
                code=str(found.code),
                depth=str(found.depth),
                reason=found.reason,
            )
        if found.path:
            until = min(openssl.describe(der).not_after for der in found.path)
            self.add("chain_valid_until_timestamp_seconds", until, store=label)

    def of_judgement(self, row: Row, *, self_signed: bool) -> None:
        """What the row says, and what follows from it."""
        self.add("self_signed", self_signed)
        self.add("hostname_match", row.carried, name=row.name)
        if row.complete is not None:
            self.add("chain_complete", row.complete)
        self.add("state", 2 if row.problems - WARNINGS else 1 if row.problems else 0)
        unasked = NOT_ASKED_FOR | (ONLY_WITH_STARTTLS if row.mode is Mode.TLS else set())
        for kind in set(ProblemKind) - unasked - row.undecided:
            self.add("problem", kind in row.problems, problem=kind)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
async def test_every_metric(row: Row, now: datetime, tmp_path: Path) -> None:
    """The exposition of a row holds exactly the series that OpenSSL's words and the row's ask for."""
    scene = row.set_scene(now)
    stores = {label: [one.der for one in held] for label, held in scene.stores.items()}
    first = next(iter(stores.values()))
    implicit = row.mode is Mode.TLS
    async with Server(postfix(HOST), server_context(*scene.sent), implicit=implicit) as server:
        result = await look(row, scene, server.port)
        connected = await openssl.s_client(server.port, row.mode, HOST, first, tmp_path)

    verifier = openssl.Verifier(tmp_path, int(result.time.timestamp()))
    column = Column()
    column.of_probe(row, result, connected)
    column.of_certificates([openssl.describe(der) for der in connected.chain], result.time.timestamp())
    for label, store in stores.items():
        column.of_store(label, verifier.verify(connected.chain, store))
    column.of_judgement(row, self_signed=verifier.signed_itself(connected.chain[0]))

    assert connected.chain == tuple(one.der for one in scene.sent)
    assert (connected.code, connected.depth) == _first_error(verifier.verify(connected.chain, first))
    assert openssl.carries(connected.chain[0], row.name) is (
        row.carried or row.set_scene in COMMON_NAME_COUNTS
    )
    assert differences(published(result), column.series) == ""


def differences(actual: Series, expected: Series) -> str:
    """Each series that is missing, too many or of another value, on a line of its own."""
    return "\n".join(
        f"{name} {dict(labels)}: {actual.get((name, labels))}, not {expected.get((name, labels))}"
        for name, labels in sorted(actual.keys() | expected.keys(), key=str)
        if actual.get((name, labels)) != _nearly(expected.get((name, labels)))
    )


def _nearly(value: float | None) -> object:
    """To a millionth, as everything is published."""
    return None if value is None else pytest.approx(value, rel=1e-12, abs=1e-6)


def _first_error(found: openssl.Verified) -> tuple[int, int | None]:
    return found.code, found.depth
