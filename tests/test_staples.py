"""Staples, the whole way: from a real TLS server's handshake to the verdict."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.x509 import ocsp

from exporter.demo.authority import DAY, Leaf
from exporter.demo.smtpd import Server, postfix
from exporter.demo.stapling import stapling_context
from exporter.model import (
    Mode,
    Policy,
    ProblemKind,
    Result,
    RevocationMethod,
    RevocationStatus,
    Target,
    TrustStore,
)
from exporter.pipeline import examine
from tests.judge.revocation import material
from tests.judge.revocation.material import HOUR, Pki, pki, response, watched
from tests.programs import program

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import RunProgram

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


@pytest.fixture
def stapled(
    tmp_path: Path, free_port: Callable[[], int], run_program: RunProgram
) -> Callable[[Pki, bytes, str], int]:
    """Start `openssl s_server`, which staples whatever is a response at all; returns its port."""

    def started(mine: Pki, staple: bytes, version: str) -> int:
        key, chain, status = (tmp_path / name for name in ("key.pem", "chain.pem", "status.der"))
        key.write_text(mine.leaf.key_pem)
        chain.write_text(mine.leaf.chain_pem(mine.sub))
        status.write_bytes(staple)
        port = free_port()
        files = ("-key", key, "-cert", chain, "-cert_chain", chain, "-status_file", status)
        run_program(
            program("openssl"), "s_server", "-accept", str(port), version, "-quiet", *files, port=port
        )
        return port

    return started


_NO_ANSWER = bytes.fromhex("30150a0100a010300e06092b06010505073001010401") + b"x"
"""A response (RFC 6960 section 4.2.1) whose content is one byte of garbage."""


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize(
    ("what", "detail"),
    [("of another", "another certificate"), ("garbage", "are not an OCSP response")],
)
async def test_staple_that_says_nothing(
    stapled: Callable[[Pki, bytes, str], int], what: str, detail: str, version: str
) -> None:
    """For another certificate, or garbage: no answer, whatever it says, and the certificate is judged all the same."""
    mine = server_pki()
    other = Pki(mine.root, mine.sub, mine.sub.issue(Leaf("CN=other", dns=("other.test",))))
    staple = response(other, REVOKED, due=365 * DAY) if what == "of another" else _NO_ANSWER
    port = stapled(mine, staple, version)
    target = Target(
        name="mail", host="127.0.0.1", port=port, mode=Mode.TLS, names=("mail.test",), timeout=30.0,
        policy=Policy(stores=("root",), revocation=(RevocationMethod.STAPLE,)),
    )  # fmt: skip
    (result,) = await examine(target, {"root": TrustStore("root", (mine.root.der,))})
    assert result.observation.staple == staple
    (verdict,) = [one for one in result.verdict.revocation if one.position == 0]
    assert (verdict.method, verdict.status) == (RevocationMethod.STAPLE, S.INVALID)
    assert detail in verdict.detail
    kinds = {problem.kind for problem in result.verdict.problems}
    assert ProblemKind.REVOKED not in kinds
    assert ProblemKind.REVOCATION_UNKNOWN in kinds
