"""A revoked leaf and a revoked intermediate, found by each method alone, and told alike by every rendering."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network
from urllib.parse import unquote

import pytest
from cryptography import x509
from cryptography.x509 import ocsp

from exporter import gathering
from exporter.demo.authority import Intermediate, Issued, Leaf, Root, self_signed
from exporter.demo.publication import revocation_list
from exporter.demo.smtpd import Server, postfix, server_context
from exporter.model import ProblemKind, Result, RevocationMethod, State, TrustStore
from exporter.pipeline import examine
from exporter.publish import metrics, nagios
from exporter.publish.report import report
from tests.evidence.website import Page, Site, answer, website
from tests.judge.revocation import material
from tests.judge.revocation.material import Pki, response, watched

GOOD, REVOKED = ocsp.OCSPCertStatus.GOOD, ocsp.OCSPCertStatus.REVOKED
LOOPBACK = [ip_network("127.0.0.0/8")]


class Chain:
    """Root, intermediate and leaf, which name places on a site; one of them is revoked."""

    def __init__(self, site: Site, which: str) -> None:
        self.root = self_signed(Root("CN=Root"), datetime.now(UTC))
        places = {"crl_urls": (site.url("/root.crl"),), "ocsp_urls": (site.url("/root"),)}
        self.sub = self.root.issue(Intermediate("CN=Sub", **places))  # type: ignore[arg-type]
        places = {"crl_urls": (site.url("/sub.crl"),), "ocsp_urls": (site.url("/sub"),)}
        self.leaf = self.sub.issue(Leaf("CN=mail", dns=("mail.test",), **places))  # type: ignore[arg-type]
        revoked = {"leaf": self.leaf, "intermediate": self.sub}[which]
        site.pages = _Pages(
            {
                "/root.crl": answer(_list(self.root, self.sub, revoked)),
                "/sub.crl": answer(_list(self.sub, self.leaf, revoked)),
                "/root/": answer(_response(self.root, self.sub, revoked)),
                "/sub/": answer(_response(self.sub, self.leaf, revoked)),
            }
        )


def _list(issuer: Issued, about: Issued, revoked: Issued) -> bytes:
    serials = {about.certificate.serial_number: x509.ReasonFlags.key_compromise} if about is revoked else {}
    return revocation_list(issuer, serials)


def _response(issuer: Issued, about: Issued, revoked: Issued) -> bytes:
    return response(Pki(issuer, issuer, about), REVOKED if about is revoked else GOOD)


class _Pages(dict[str, Page]):
    """OCSP requests stand in the path."""

    def get(self, path: str, default: Page) -> Page:  # type: ignore[override]
        beginning = "/" + unquote(path).split("/")[1]
        return super().get(path) or super().get(beginning + "/", default)


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers are made now."""
    monkeypatch.setattr(material, "NOW", datetime.now(UTC))


async def look(chain: Chain, method: RevocationMethod) -> Result:
    """Examine a server that sends the chain."""
    async with (
        Server(postfix("mail.test"), server_context(chain.leaf, chain.sub)) as server,
        gathering.sources(30.0, LOOPBACK) as sources,
    ):
        stores = {"root": TrustStore("root", (chain.root.der,))}
        (result,) = await examine(watched(server, method), stores, evidence=gathering.evidence(sources))
    return result


@pytest.mark.parametrize("method", [RevocationMethod.OCSP, RevocationMethod.CRL])
@pytest.mark.parametrize("which", ["leaf", "intermediate"])
async def test_found_and_told_alike(method: RevocationMethod, which: str) -> None:
    """The problem, the metrics, the check's line and the report agree."""
    async with website() as site:
        result = await look(Chain(site, which), method)
    assert [problem.kind for problem in result.verdict.problems] == [ProblemKind.REVOKED]
    text = "".join(metrics.exposition([metrics.render(result)]))
    assert 'smtp_tls_problem{target="mail",address="127.0.0.1",problem="revoked"} 1\n' in text
    assert 'smtp_tls_problem{target="mail",address="127.0.0.1",problem="revocation_unknown"} 0\n' in text
    assert 'smtp_tls_revoked{target="mail",address="127.0.0.1"} 1\n' in text
    position = {"leaf": 0, "intermediate": 1}[which]
    assert f'position="{position}",method="{method}",status="revoked"}} 1\n' in text
    found = nagios.worst_first(nagios.findings(result, State.CRITICAL))
    assert nagios.overall([(result, found)]) is State.CRITICAL
    assert "revoked: " in nagios.first_line([(result, found)])
    assert f"✗ [{position}] {method}: revoked" in report(result)


async def test_a_revoked_certificate_that_no_store_trusts() -> None:
    """For a chain that is not trusted nothing is asked, so that nobody's URLs are followed."""
    async with website() as site:
        chain = Chain(site, "leaf")
        other = replace(chain.root, certificate=self_signed(Root("CN=Other"), datetime.now(UTC)).certificate)
        chain.root = other
        result = await look(chain, RevocationMethod.CRL)
        assert site.visits == []
    assert result.verdict.revoked is None
    assert not {ProblemKind.REVOKED, ProblemKind.REVOCATION_UNKNOWN} & result.verdict.evaluated
