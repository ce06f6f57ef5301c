"""Staples, the whole way: from a real TLS server's handshake to the verdict."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.x509 import ocsp

from exporter.demo.authority import DAY, Leaf
from exporter.demo.smtpd import Server, postfix
from exporter.demo.stapling import stapling_context
from exporter.model import ProblemKind, Result, RevocationMethod, RevocationStatus, TrustStore
from exporter.pipeline import examine
from tests.judge.revocation import material
from tests.judge.revocation.material import HOUR, Pki, pki, response, watched

S = RevocationStatus
GOOD, REVOKED = ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.REVOKED
MUST_STAPLE = x509.TLSFeature([x509.TLSFeatureType.status_request]), False


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers are examined now, so that certificates and answers are made now too."""
    monkeypatch.setattr(material, "NOW", datetime.now(UTC))


async def look(mine: Pki, staple: bytes, methods: tuple[RevocationMethod, ...]) -> Result:
    """Examine a server that staples this."""
    context = stapling_context(mine.leaf, mine.sub, staple=staple)
    async with Server(postfix("mail.test"), context) as server:
        (result,) = await examine(watched(server, *methods), {"root": TrustStore("root", (mine.root.der,))})
    return result


def server_pki(*extensions: tuple[x509.ExtensionType, bool]) -> Pki:
    """An authority and a server's certificate."""
    return pki(leaf=Leaf("CN=mail", dns=("mail.test",), extensions=extensions))


@pytest.mark.parametrize(
    ("status", "made", "due", "expected"),
    [
        (GOOD, -HOUR, 365 * DAY, S.GOOD),
        (REVOKED, -HOUR, 365 * DAY, S.REVOKED),
        (GOOD, -2 * DAY, -DAY, S.STALE),
    ],
    ids=["good", "revoked", "expired"],
)
async def test_staple(status: ocsp.OCSPCertStatus, made: timedelta, due: timedelta, expected: S) -> None:
    """What the server staples is judged like any other answer."""
    mine = server_pki()
    result = await look(mine, response(mine, status, made=made, due=due), (RevocationMethod.STAPLE,))
    (verdict,) = [one for one in result.verdict.revocation if one.position == 0]
    assert (verdict.method, verdict.status) == (RevocationMethod.STAPLE, expected)
    kinds = {problem.kind for problem in result.verdict.problems}
    assert (ProblemKind.REVOKED in kinds) == (expected is S.REVOKED)


@pytest.mark.parametrize("due", [None, -DAY, 365 * DAY], ids=["none", "expired", "good"])
async def test_must_staple(due: timedelta | None) -> None:
    """A certificate that demands a staple is a finding when none comes that counts."""
    mine = server_pki(MUST_STAPLE)
    staple = b"" if due is None else response(mine, made=-2 * DAY, due=due)
    result = await look(mine, staple, (RevocationMethod.STAPLE,))
    about_leaf = "nobody could say whether the certificate is revoked (staple "
    said = [problem for problem in result.verdict.problems if problem.summary.startswith(about_leaf)]
    assert bool(said) is (due != 365 * DAY)
    assert all("Mail server: turn OCSP stapling on" in problem.remedy for problem in said)


async def test_not_asked_for() -> None:
    """Where nobody wants to know, a staple changes nothing."""
    mine = server_pki()
    result = await look(mine, response(mine, REVOKED, due=365 * DAY), ())
    assert (result.verdict.revocation, result.verdict.problems) == ((), ())
    assert result.observation.staple
