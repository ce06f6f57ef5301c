"""One result as a document for programs: the JSON of schema 1, and certificates as PEM.

Comes in: a `Result`. Goes out: plain JSON values. No certificate is parsed here.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from exporter.publish.text import well_formed

if TYPE_CHECKING:
    from datetime import datetime

    from exporter.model import (
        CertificateFacts,
        Exchange,
        NameVerdict,
        Observation,
        Problem,
        Result,
        RevocationVerdict,
        StoreVerdict,
        TransactionFacts,
    )


def as_json(result: Result) -> dict[str, Any]:
    """The result as plain JSON values, schema 1. Verdicts that are not known are None.

    Texts are as received, with bytes that are not UTF-8 spelled out. `time` and the dates are
    RFC 3339 in UTC, `duration` is seconds.
    """
    observation, verdict = result.seen or result.observation, result.verdict
    document = {
        "schema": 1,
        "target": result.target.name,
        "host": result.target.host,
        "port": result.target.port,
        "mode": result.target.mode.value,
        "address": result.observation.address,
        "time": moment(result.time, "milliseconds"),
        "duration": round(result.duration, 6),
        "state": verdict.state.name.lower(),
        "stage": result.observation.stage.value,
        "failure": _failure(result.observation),
        "smtp": _smtp(result.observation),
        "tls": _tls(observation),
        "transaction": _transaction(result.observation.transaction),
        "seen_at": None if result.seen_at is None else moment(result.seen_at, "milliseconds"),
        "chain": [_certificate(position, c) for position, c in enumerate(verdict.chain)],
        "chain_complete": verdict.chain_complete,
        "notes": list(verdict.notes),
        "names": [_name(name) for name in verdict.names],
        "stores": [_store(store) for store in verdict.stores],
        "revocation": [_revocation(answer) for answer in verdict.revocation],
        "problems": [_problem(problem) for problem in verdict.problems],
    }
    return {key: _clean(value) for key, value in document.items()}


def pem(certificate: bytes) -> str:
    """A DER certificate in PEM form (RFC 7468), ending in a newline."""
    text = base64.b64encode(certificate).decode("ascii")
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])


def _clean(value: object) -> object:
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    return value


def moment(time: datetime, precision: str = "seconds") -> str:
    """RFC 3339 in UTC; `precision` as `datetime.isoformat` names it."""
    return time.isoformat(timespec=precision).replace("+00:00", "Z")


def _optional_moment(time: datetime | None) -> str | None:
    return None if time is None else moment(time)


def _failure(observation: Observation) -> dict[str, Any] | None:
    failure = observation.failure
    if failure is None:
        return None
    return {"stage": failure.stage.value, "reason": failure.reason.value, "detail": failure.detail}


def _smtp(observation: Observation) -> dict[str, Any]:
    smtp = observation.smtp
    return {
        "greeting": None if smtp.greeting is None else f"{smtp.greeting.code} {smtp.greeting.text}",
        "capabilities": list(smtp.capabilities),
        "starttls_offered": smtp.starttls_offered,
        "replies": [_exchange(exchange) for exchange in smtp.exchanges],
    }


def _exchange(exchange: Exchange) -> dict[str, Any]:
    reply = exchange.reply
    return {
        "command": exchange.command,
        "code": None if reply is None else reply.code,
        "lines": [] if reply is None else list(reply.lines),
    }


def _tls(observation: Observation) -> dict[str, Any] | None:
    tls = observation.tls
    if tls is None:
        return None
    return {key: getattr(tls, key) for key in ("version", "cipher", "bits", "group", "signature", "aborted")}


def _transaction(facts: TransactionFacts | None) -> dict[str, Any] | None:
    if facts is None:
        return None
    return {"success": facts.success, "codes": dict(facts.codes), "detail": facts.detail}


def _certificate(position: int, certificate: CertificateFacts) -> dict[str, Any]:
    return {
        "position": position,
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "serial": certificate.serial,
        "sha1": certificate.sha1,
        "sha256": certificate.sha256,
        "not_before": moment(certificate.not_before),
        "not_after": moment(certificate.not_after),
        "key": certificate.key,
        "key_bits": certificate.key_bits,
        "signature": certificate.signature,
        "sans": list(certificate.sans),
        "self_signed": certificate.self_signed,
        "pem": pem(certificate.der),
    }


def _name(name: NameVerdict) -> dict[str, Any]:
    return {"name": name.name, "match": name.match, "matched": name.matched}


def _store(store: StoreVerdict) -> dict[str, Any]:
    path = [{"subject": c.subject, "sha256": c.sha256, "not_after": moment(c.not_after)} for c in store.path]
    return {
        "store": store.store,
        "valid": store.valid,
        "trusted": store.trusted,
        "code": store.code,
        "depth": store.depth,
        "reason": store.reason,
        "path": path,
    }


def _revocation(answer: RevocationVerdict) -> dict[str, Any]:
    return {
        "position": answer.position,
        "method": answer.method.value,
        "status": answer.status.value,
        "detail": answer.detail,
        "url": answer.url,
        "this_update": _optional_moment(answer.this_update),
        "next_update": _optional_moment(answer.next_update),
        "revoked_at": _optional_moment(answer.revoked_at),
        "reason": answer.reason,
    }


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "problem": problem.kind.value,
        "severity": problem.severity.name.lower(),
        "summary": problem.summary,
        "remedy": problem.remedy,
        "clients": dict(problem.clients),
    }
