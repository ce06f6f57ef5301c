"""Asking about revocation: real HTTP on loopback, real signatures, and every way in which an answer fails."""

from __future__ import annotations

import asyncio
import base64
import os
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Network
from pathlib import Path
from urllib.parse import unquote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

from exporter import gathering
from exporter.demo.authority import DAY, Intermediate, Issued, Leaf, Root, self_signed
from exporter.demo.publication import revocation_list
from exporter.evidence.revocation import Readers
from exporter.evidence.sources import Sources
from exporter.judge.certificates import read_certificate
from exporter.judge.revocation import judge_revocation
from exporter.judge.revocation.crl import read_crl
from exporter.judge.revocation.ocsp import ocsp_request, read_ocsp
from exporter.model import RevocationMethod, RevocationQuestion, RevocationStatus, RevocationVerdict
from tests.evidence.conftest import PRIVATE, PUBLIC
from tests.evidence.website import GIGABYTE, Page, Site, answer, endless, redirect, silent

LOOPBACK = (IPv4Network("127.0.0.0/8"),)
OCSP, CRL = RevocationMethod.OCSP, RevocationMethod.CRL
S = RevocationStatus
READERS = Readers(ocsp_request=ocsp_request, read_ocsp=read_ocsp, read_crl=read_crl)


class Authority:
    """An authority that answers about its certificates, and counts."""

    def __init__(self, site: Site) -> None:
        self.now = datetime.now(UTC)
        self.site = site
        root = self_signed(Root("CN=Root"), self.now)
        self.sub = root.issue(Intermediate("CN=Sub"))
        self.reason = x509.ReasonFlags.key_compromise

    def leaf(self, *, crl: str = "", ocsp: str = "") -> Issued:
        """A certificate that names these places."""
        return self.sub.issue(
            Leaf("CN=mail", crl_urls=(crl,) if crl else (), ocsp_urls=(ocsp,) if ocsp else ())
        )

    def question(self, leaf: Issued) -> RevocationQuestion:
        """Whether a certificate of this authority is revoked."""
        return RevocationQuestion(
            position=0, certificate=read_certificate(leaf.der), issuer=read_certificate(self.sub.der)
        )

    def list_with(self, *leaves: Issued) -> bytes:
        """A list on which these certificates are."""
        return revocation_list(self.sub, {leaf.certificate.serial_number: self.reason for leaf in leaves})

    def response(self, leaf: Issued, status: ocsp.OCSPCertStatus, *, ends: bool = True) -> bytes:
        """A responder's answer, with or without a nextUpdate."""
        revoked = status is ocsp.OCSPCertStatus.REVOKED
        builder = ocsp.OCSPResponseBuilder().add_response(
            leaf.certificate, self.sub.certificate, hashes.SHA1(), status,
            self.now - DAY, self.now + DAY if ends else None,
            self.now - DAY if revoked else None, self.reason if revoked else None,
        )  # fmt: skip
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.NAME, self.sub.certificate)
        return builder.sign(self.sub.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@pytest.fixture
def authority(site: Site) -> Authority:
    """An authority whose places are on the site."""
    return Authority(site)


@pytest.fixture
async def sources() -> AsyncIterator[Sources]:
    """Sources that may go to loopback."""
    async with gathering.sources(30.0, LOOPBACK) as entered:
        yield entered


async def asked(
    sources: Sources, question: RevocationQuestion, method: RevocationMethod, by: str = PUBLIC
) -> RevocationVerdict:
    """What one method says now."""
    answers = await sources.revocation(question, [method], asked_by=by)
    (verdict,) = judge_revocation([question], answers, b"", [method], datetime.now(UTC))
    return verdict


@pytest.mark.parametrize("revoked", [False, True])
async def test_list(sources: Sources, authority: Authority, site: Site, revoked: bool) -> None:
    """The list at the distribution point decides, and says when and why."""
    leaf = authority.leaf(crl=site.url("/sub.crl"))
    site.put("/sub.crl", answer(authority.list_with(*([leaf] if revoked else []))))
    verdict = await asked(sources, authority.question(leaf), CRL)
    assert (verdict.status, verdict.reason) == ((S.REVOKED, "keyCompromise") if revoked else (S.GOOD, None))
    assert verdict.next_update is not None


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (ocsp.OCSPCertStatus.GOOD, S.GOOD),
        (ocsp.OCSPCertStatus.REVOKED, S.REVOKED),
        (ocsp.OCSPCertStatus.UNKNOWN, S.UNKNOWN),
    ],
)
@pytest.mark.parametrize("path", ["/ocsp", "/" + "long" * 60], ids=["GET", "POST"])
async def test_responder(
    sources: Sources, authority: Authority, site: Site, status: ocsp.OCSPCertStatus, expected: S, path: str
) -> None:
    """A responder is asked by GET where the request fits into 255 characters, else by POST."""
    leaf = authority.leaf(ocsp=site.url(path))
    body = answer(authority.response(leaf, status))
    question = authority.question(leaf)
    get = path + "/" + base64.b64encode(ocsp_request(question)).decode()
    site.pages[path] = body
    asking = _by_decoded_path(site, get, body)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(site, "pages", asking)
        assert (await asked(sources, question, OCSP)).status is expected
    kinds = [visit.headers.get("content-type") for visit in site.visits]
    assert kinds == [None] if path == "/ocsp" else kinds == ["application/ocsp-request"]


def _by_decoded_path(site: Site, get: str, page: Page) -> dict[str, Page]:
    class Pages(dict[str, Page]):
        def get(self, path: str, default: Page) -> Page:  # type: ignore[override]
            return page if unquote(path) == get else super().get(path, default)

    return Pages(site.pages)


async def test_responder_that_refuses_get(sources: Sources, authority: Authority, site: Site) -> None:
    """Where GET is answered with an error, POST is tried."""
    leaf = authority.leaf(ocsp=site.url("/ocsp"))
    site.put("/ocsp", answer(authority.response(leaf, ocsp.OCSPCertStatus.GOOD)))
    assert (await asked(sources, authority.question(leaf), OCSP)).status is S.GOOD
    assert [visit.headers.get("content-type") for visit in site.visits] == [None, "application/ocsp-request"]


@pytest.mark.parametrize("method", [OCSP, CRL])
@pytest.mark.parametrize(
    ("make", "status", "words"),
    [
        pytest.param(lambda _: answer(b"<html>login</html>"), S.INVALID, "begin with b'<html>", id="html"),
        pytest.param(lambda _: answer(b""), S.INVALID, "an empty answer", id="empty"),
        pytest.param(lambda _: answer(b"", status="500 Oops"), S.UNREACHABLE, "answered 500", id="status"),
        pytest.param(lambda _: endless(b"0" * 65536, b"HTTP/1.1 200 OK\r\n\r\n"), S.UNREACHABLE, "more than", id="1 GB"),
        pytest.param(redirect, S.UNREACHABLE, "redirects", id="redirect loop"),
        pytest.param(lambda _: redirect("http://169.254.169.254/x"), S.UNREACHABLE, "169.254.169.254", id="metadata"),
        pytest.param(lambda _: redirect("file:///etc/passwd"), S.UNSUPPORTED, "file URLs", id="scheme"),
    ],
)  # fmt: skip
async def test_hostile_answers(  # noqa: PLR0917 - fixtures are arguments
    sources: Sources,
    authority: Authority,
    site: Site,
    attempts: list[str],
    method: RevocationMethod,
    make: Callable[[str], Page],
    status: S,
    words: str,
) -> None:
    """Each has its own status and reason, and none leads off this machine."""
    leaf = authority.leaf(**{method.value: site.url("/" + "x" * 250)})
    site.put("/" + "x" * 250, make("/" + "x" * 250))
    verdict = await asked(sources, authority.question(leaf), method)
    assert (verdict.status, words in verdict.detail) == (status, True), verdict
    assert set(attempts) == {"127.0.0.1"}
    assert site.sent < GIGABYTE / 4


@pytest.mark.parametrize("method", [OCSP, CRL])
@pytest.mark.parametrize("page", [silent(), silent(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n0")])
async def test_slow_answers(authority: Authority, site: Site, method: RevocationMethod, page: Page) -> None:
    """The deadline holds, and others are not held up meanwhile."""
    slow, quick = (
        authority.leaf(**{method.value: site.url("/slow")}),
        authority.leaf(crl=site.url("/sub.crl")),
    )
    site.pages["/slow"] = page
    site.put("/sub.crl", answer(authority.list_with()))
    async with gathering.sources(1.0, LOOPBACK) as sources:
        waiting = asyncio.create_task(asked(sources, authority.question(slow), method))
        assert (await asked(sources, authority.question(quick), CRL)).status is S.GOOD
        assert not waiting.done()
        verdict = await waiting
    # By GET the page is not found, so that POST is asked and waits.
    assert (verdict.status, verdict.detail) == (S.UNREACHABLE, "no answer within 1 s")


async def test_all_places_together_have_a_deadline(authority: Authority, site: Site) -> None:
    """However many places a certificate names, those that say nothing cost no more than two deadlines."""
    urls = tuple(site.url(f"/slow{number}") for number in range(4))
    for number in range(4):
        site.pages[f"/slow{number}"] = silent()
    question = authority.question(authority.sub.issue(Leaf("CN=mail", crl_urls=urls)))
    async with gathering.sources(0.3, LOOPBACK) as sources:
        answers = await sources.revocation(question, [CRL], asked_by="127.0.0.1")
    assert [one.url for one in answers] == list(urls)
    assert {one.status for one in answers} == {S.UNREACHABLE}
    assert answers[0].detail == "no answer within 0.3 s"
    assert answers[-1].detail == "not asked within 0.6 s"


@pytest.mark.parametrize("cut", [1, 100, -1])
async def test_truncated_list(sources: Sources, authority: Authority, site: Site, cut: int) -> None:
    """A list that ends too early, whatever the web server says of its length, is invalid."""
    leaf = authority.leaf(crl=site.url("/sub.crl"))
    site.put("/sub.crl", answer(authority.list_with()[:cut]))
    assert (await asked(sources, authority.question(leaf), CRL)).status is S.INVALID


async def test_nobody_there(sources: Sources, authority: Authority, site: Site) -> None:
    """A port that nobody listens on is unreachable."""
    leaf = authority.leaf(crl=site.url("/sub.crl").replace(str(site.port), "1025"))
    assert (await asked(sources, authority.question(leaf), CRL)).status is S.UNREACHABLE


async def test_nothing_named(sources: Sources, authority: Authority) -> None:
    """A certificate that names nobody says so, and it is no answer."""
    for method, words in ((OCSP, "no OCSP responder"), (CRL, "no revocation list")):
        verdict = await asked(sources, authority.question(authority.leaf()), method)
        assert (verdict.status, verdict.detail) == (S.UNSUPPORTED, f"the certificate names {words}")


async def test_expired_list(sources: Sources, authority: Authority, site: Site) -> None:
    """A list past its nextUpdate is stale."""
    old = replace(authority.sub, now=authority.now - timedelta(days=30))
    leaf = authority.leaf(crl=site.url("/sub.crl"))
    site.put("/sub.crl", answer(revocation_list(old)))
    assert (await asked(sources, authority.question(leaf), CRL)).status is S.STALE


async def test_second_place(sources: Sources, authority: Authority, site: Site) -> None:
    """Where the first distribution point fails, the next is asked, an ldap one last; the failure is told."""
    site.put("/good.crl", answer(authority.list_with()))
    urls = ("ldap:///CN=x?certificateRevocationList", site.url("/none.crl"), site.url("/good.crl"))
    verdict = await asked(sources, authority.question(authority.sub.issue(Leaf("CN=x", crl_urls=urls))), CRL)
    assert (verdict.status, verdict.url) == (S.GOOD, urls[2])
    assert f"{urls[1]}: unreachable, the web server answered 404" in verdict.detail


async def test_one_download_for_a_thousand(sources: Sources, authority: Authority, site: Site) -> None:
    """A thousand certificates of one list, asked about at once, cost one request; so do later ones."""
    leaf = authority.leaf(crl=site.url("/sub.crl"))
    site.put("/sub.crl", answer(authority.list_with(leaf)))
    question = authority.question(leaf)
    facts = [replace(question.certificate, serial=f"{n:X}", sha256=f"{n:064X}") for n in range(1, 1000)]
    questions = [question, *(replace(question, certificate=one) for one in facts)]
    found = await asyncio.gather(*(asked(sources, one, CRL) for one in questions))
    assert [verdict.status for verdict in found] == [S.REVOKED, *[S.GOOD] * 999]
    assert (await asked(sources, question, CRL)).status is S.REVOKED
    assert site.asked("/sub.crl") == 1
    assert (sources.statistics.fetches[CRL], sources.statistics.entries()) == (1, 1)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "[::1]", "169.254.169.254", "[::ffff:127.0.0.1]", "2130706433", "0x7f000001", "[::ffff:169.254.169.254]"],
)  # fmt: skip
@pytest.mark.parametrize("method", [OCSP, CRL])
async def test_forbidden_places(
    authority: Authority, attempts: list[str], host: str, method: RevocationMethod
) -> None:
    """Loopback, link-local and metadata addresses are not asked unless allowed, however they are spelled."""
    leaf = authority.leaf(**{method.value: f"http://{host}/x"})
    for by in (PUBLIC, PRIVATE):
        async with gathering.sources(30.0) as sources:
            verdict = await asked(sources, authority.question(leaf), method, by)
            assert verdict.status in {S.UNREACHABLE, S.UNSUPPORTED}
            assert sources.statistics.failures.total() == 1
    assert attempts == []


async def test_kept_on_disk(authority: Authority, site: Site, tmp_path: Path) -> None:
    """Another run finds what an earlier one kept; what was tampered with is fetched anew."""
    leaf = authority.leaf(crl=site.url("/sub.crl"))
    site.put("/sub.crl", answer(authority.list_with(leaf)))
    question = authority.question(leaf)

    async def run() -> S:
        async with gathering.sources(30.0, LOOPBACK, cache_dir=tmp_path / "cache") as sources:
            return (await asked(sources, question, CRL)).status

    assert [await run(), await run()] == [S.REVOKED, S.REVOKED]
    assert site.asked("/sub.crl") == 1
    (kept,) = (tmp_path / "cache").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o644
    for body in (b"", b"nonsense", authority.list_with()[:-1] + b"\x00", revocation_list(authority.leaf())):
        kept.write_bytes(body)
        before = site.asked("/sub.crl")
        assert await run() is S.REVOKED
        assert site.asked("/sub.crl") == before + 1


async def test_what_has_no_end_is_not_kept_on_disk(authority: Authority, site: Site, tmp_path: Path) -> None:
    """An answer without nextUpdate would be believed by every later run, so each run asks anew."""
    leaf = authority.leaf(ocsp=site.url("/ocsp"))
    question = authority.question(leaf)
    for status, expected in ((ocsp.OCSPCertStatus.GOOD, S.GOOD), (ocsp.OCSPCertStatus.REVOKED, S.REVOKED)):
        site.put("/ocsp", answer(authority.response(leaf, status, ends=False)))
        async with gathering.sources(30.0, LOOPBACK, cache_dir=tmp_path) as sources:
            assert (await asked(sources, question, OCSP)).status is expected
    assert not any(os.scandir(tmp_path))


@pytest.mark.parametrize("method", [OCSP, CRL])
@pytest.mark.parametrize("url", ["http://[bad/x", "ldap://[bad/x", "//", "http://", "x:\n"])
async def test_what_is_no_url(
    sources: Sources, authority: Authority, method: RevocationMethod, url: str
) -> None:
    """What cannot even be taken apart is said to be unsupported, and ends no probe."""
    question = authority.question(authority.leaf())
    facts = question.certificate
    certificate = replace(facts, ocsp_urls=(url,)) if method is OCSP else replace(facts, crl_urls=(url,))
    assert (await asked(sources, replace(question, certificate=certificate), method)).status is S.UNSUPPORTED


async def test_a_pipe_in_the_cache(authority: Authority, site: Site, tmp_path: Path) -> None:
    """What is no file, and would never end, is not read: a directory that several share may hold anything."""
    leaf = authority.leaf(crl=site.url("/sub.crl"))
    site.put("/sub.crl", answer(authority.list_with()))
    for _ in range(2):
        async with gathering.sources(30.0, LOOPBACK, cache_dir=tmp_path / "cache") as sources:
            assert (await asked(sources, authority.question(leaf), CRL)).status is S.GOOD
        (kept,) = (tmp_path / "cache").iterdir()
        kept.unlink()
        os.mkfifo(kept)
    assert site.asked("/sub.crl") == 2


async def test_a_cache_that_cannot_be_written(authority: Authority, site: Site, tmp_path: Path) -> None:
    """A file where the directory should be costs the cache, not the answer."""
    (tmp_path / "cache").write_text("a file")
    leaf = authority.leaf(crl=site.url("/sub.crl"))
    site.put("/sub.crl", answer(authority.list_with()))
    async with gathering.sources(30.0, LOOPBACK, cache_dir=tmp_path / "cache") as sources:
        assert (await asked(sources, authority.question(leaf), CRL)).status is S.GOOD


async def test_failures_are_asked_again(authority: Authority, site: Site) -> None:
    """A failure is kept for some minutes, and no longer."""
    clock = [0.0]
    leaf = authority.leaf(crl=site.url("/sub.crl"))
    async with Sources(30.0, LOOPBACK, readers=READERS, clock=lambda: clock[0]) as sources:
        question = authority.question(leaf)
        assert (await asked(sources, question, CRL)).status is S.UNREACHABLE
        site.put("/sub.crl", answer(authority.list_with()))
        assert (await asked(sources, question, CRL)).status is S.UNREACHABLE
        clock[0] = 301.0
        assert (await asked(sources, question, CRL)).status is S.GOOD


async def test_a_long_list_holds_nobody_up(sources: Sources, authority: Authority, site: Site) -> None:
    """While a list of 20,000 entries is loaded, the loop goes on; how long it paused at most is printed."""
    builder = x509.CertificateRevocationListBuilder(
        authority.sub.certificate.subject, authority.now - DAY, authority.now + DAY
    )
    builder._revoked_certificates = [
        x509.RevokedCertificateBuilder((1 << 100) + n, authority.now - DAY).build() for n in range(20_000)
    ]
    body = builder.sign(authority.sub.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    site.put("/sub.crl", answer(body))
    leaf = authority.leaf(crl=site.url("/sub.crl"))
    pauses: list[float] = []

    async def tick() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            pauses.append(time.perf_counter() - before)

    ticking = asyncio.create_task(tick())
    verdict = await asked(sources, authority.question(leaf), CRL)
    ticking.cancel()
    assert verdict.status is S.GOOD
    print(f"longest pause {max(pauses) * 1000:.0f} ms while {len(body)} bytes were loaded")
