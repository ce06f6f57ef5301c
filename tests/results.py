"""Results made by hand, for tests of whatever spells them.

    result(problem(ProblemKind.EXPIRED), chain=(LEAF, SUBORDINATE))

The certificates are facts without a certificate: nobody who renders a result may parse one.
"""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from exporter.model import (
    DEFAULT_SEVERITIES,
    CertificateFacts,
    Exchange,
    Failure,
    Mode,
    NameVerdict,
    Observation,
    Problem,
    ProblemKind,
    Reason,
    Reply,
    Result,
    SmtpFacts,
    Stage,
    State,
    StoreVerdict,
    Target,
    TlsFacts,
    Verdict,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOST = "exchange01.int.contoso.com"
HOSTILE = {
    "newline": "first\nSMTP_TLS OK - second",
    "carriage-return": "first\r\nsecond",
    "literal-newline": "first\\nsecond\\\\n",
    "pipe": "a|'days_to_expiry'=999",
    "quotes": 'it\'s "quoted"',
    "ansi": "\x1b[2J\x1b[31mred\x9b1m",
    "bidi": "abc\u202egpj.exe\u2066",
    "nul": "a\0b",
    "line-separators": "a\u2028b\u2029c\x85d\x0be",
    "not-utf-8": "caf\udce9 \ud800",
    "long": "é" * 5000,
    "empty": "",
}
"""What a server may put into any text, by the name of the trick."""


def certificate(subject: str, issuer: str = "", **facts: object) -> CertificateFacts:
    """Facts of a certificate that is valid now; without an issuer it is self-signed."""
    unique = subject.encode("utf-8", "surrogatepass").hex().upper()
    given: dict[str, Any] = {
        "der": b"0\x82" + subject.encode("utf-8", "surrogatepass"),
        "subject": subject,
        "issuer": issuer or subject,
        "common_name": subject.partition("CN=")[2].partition(",")[0] or None,
        "serial": "0A1B2C",
        "sha1": unique.ljust(40, "0")[:40],
        "sha256": unique.ljust(64, "0")[:64],
        "not_before": NOW - timedelta(days=159),
        "not_after": NOW + timedelta(days=41, hours=5),
        "key": "RSA 2048",
        "key_bits": 2048,
        "signature": "sha256WithRSAEncryption",
        "sans": (),
        "self_issued": not issuer,
        "self_signed": not issuer,
        "is_ca": True,
        "usage_allows_server": True,
    }
    given.update(facts)
    return CertificateFacts(**given)


ROOT = certificate(
    "CN=Contoso Offline Root CA,O=Contoso Ltd,C=DE",
    sha1="9F2A54C7B1E07D7F0C4C3B4E6A1D88A0B7C1D2E3",
    not_after=NOW + timedelta(days=3000),
)
SUBORDINATE = certificate(
    "CN=Contoso Subordinate CA,O=Contoso Ltd,C=DE",
    ROOT.subject,
    sha1="41D0E7A05B3C9F1122334455667788990AABBCCD",
    not_after=NOW + timedelta(days=900),
)
LEAF = certificate(
    f"CN={HOST},O=Contoso Ltd,C=DE",
    SUBORDINATE.subject,
    sha1="5A0C3D8FE1B2A49786756453423120F1E2D3C4B5",
    sans=(f"DNS:{HOST}", "DNS:mail.contoso.com"),
    is_ca=False,
)

TARGET = Target(name=f"{HOST}:25", host=HOST, port=25, names=(HOST,), sni=HOST)
SMTP = SmtpFacts(
    exchanges=(
        Exchange("", Reply(220, (f"{HOST} Microsoft ESMTP MAIL Service ready",))),
        Exchange("EHLO monitor.contoso.com", Reply(250, (f"{HOST} Hello", "SIZE 37748736", "STARTTLS"))),
        Exchange("STARTTLS", Reply(220, ("2.0.0 SMTP server ready",))),
    ),
    capabilities=("SIZE 37748736", "STARTTLS"),
    starttls_offered=True,
)
TLS = TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, "X25519", "rsa_pss_rsae_sha256")


def problem(kind: ProblemKind, summary: str = "", **parts: object) -> Problem:
    """A problem with its default severity."""
    given: dict[str, Any] = {
        "severity": DEFAULT_SEVERITIES[kind],
        "summary": summary or f"This server has the problem {kind.value}.",
        "remedy": "First do this.\nThen do that.",
        "clients": {".NET": "RemoteCertificateChainErrors", "OpenSSL": "verify error"},
    }
    given.update(parts)
    return Problem(kind=kind, **given)


def trusted(label: str = "contoso") -> StoreVerdict:
    """The store holds the root, and the chain is valid."""
    return StoreVerdict(
        store=label,
        valid=True,
        trusted=True,
        code=0,
        depth=None,
        reason="ok",
        path=(LEAF, SUBORDINATE, ROOT),
    )


def untrusted(label: str = "system", depth: int = 1) -> StoreVerdict:
    """The store does not hold the root, which is not sent."""
    kind = ProblemKind.UNTRUSTED_ROOT if depth else ProblemKind.MISSING_INTERMEDIATE
    return StoreVerdict(
        store=label,
        valid=False,
        trusted=False,
        code=20,
        depth=depth,
        reason="unable to get local issuer certificate",
        problems=frozenset({kind}),
    )


def result(*problems: Problem, **parts: object) -> Result:
    """A probe that obtained a certificate.

    Keyword arguments are fields of the verdict (`chain`, `stores`, `names`, …), of the observation
    (`smtp`, `tls`, `failure`, …) or of the result (`target`, `duration`, …), wherever they belong.
    """
    verdict: dict[str, Any] = {
        "state": max((p.severity for p in problems), key=lambda s: s.rank, default=State.OK),
        "problems": problems,
        "evaluated": frozenset(ProblemKind),
        "chain": (LEAF, SUBORDINATE),
        "stores": (trusted(),),
        "names": (NameVerdict(HOST, match=True, matched=f"DNS:{HOST}"),),
        "chain_complete": True,
    }
    verdict |= _take(Verdict, parts)
    observed: dict[str, Any] = {
        "address": "192.0.2.7",
        "stage": Stage.VERIFY,
        "smtp": SMTP,
        "tls": TLS,
        "chain": tuple(c.der for c in verdict["chain"]),
    }
    observed.update(_take(Observation, parts))
    observation = Observation(**observed)
    given: dict[str, Any] = {
        "target": TARGET,
        "observation": observation,
        "verdict": Verdict(**verdict),
        "time": NOW,
        "duration": 0.3141,
        "phases": {Stage.CONNECT: 0.01, Stage.HANDSHAKE: 0.2},
        "seen": observation if observation.chain else None,
        "seen_at": NOW if observation.chain else None,
    }
    given.update(parts)
    return Result(**(_leaf_age(given["verdict"].chain) | given))


def failed(
    stage: Stage = Stage.CONNECT,
    reason: Reason = Reason.CONNECTION_REFUSED,
    detail: str = "",
    **parts: object,
) -> Result:
    """A probe that obtained nothing."""
    kind = {
        Reason.STARTTLS_NOT_OFFERED: ProblemKind.STARTTLS_MISSING,
        Reason.PLAINTEXT_INJECTION: ProblemKind.PLAINTEXT_INJECTION,
    }.get(reason, ProblemKind.UNREACHABLE)
    nothing: dict[str, object] = {
        "chain": (),
        "stores": (),
        "names": (),
        "smtp": SmtpFacts(),
        "tls": None,
        "stage": stage,
        "failure": Failure(stage, reason, detail),
    }
    return result(problem(kind), **(nothing | parts))


def at(mode: Mode, port: int) -> Target:
    """The usual target, on another port."""
    return dataclasses.replace(TARGET, name=f"{HOST}:{port}", port=port, mode=mode)


def _take(kind: type, parts: dict[str, object]) -> dict[str, object]:
    """Remove from the parts, and return, those that are fields of a class."""
    own = {f.name for f in dataclasses.fields(kind)} - {"chain"} if kind is Observation else _names(kind)
    return {name: parts.pop(name) for name in list(parts) if name in own}


def _names(kind: type) -> Iterable[str]:
    return {f.name for f in dataclasses.fields(kind)}


def _leaf_age(chain: tuple[CertificateFacts, ...]) -> dict[str, Any]:
    if not chain:
        return {}
    left = (chain[0].not_after - NOW).total_seconds()
    whole = (chain[0].not_after - chain[0].not_before).total_seconds()
    return {"days_left": left / 86400, "lifetime_left": left / whole}
