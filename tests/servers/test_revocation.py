"""Revocation by real services: OpenSSL's OCSP responder, and lists from OpenLDAP's directory."""

from __future__ import annotations

import asyncio
import base64
import os
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from ipaddress import IPv4Network
from pathlib import Path
from urllib.parse import unquote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from exporter import gathering
from exporter.demo.authority import Intermediate, Issued, Leaf, Root, self_signed
from exporter.demo.publication import revocation_list
from exporter.evidence.ldap import LdapServer
from exporter.evidence.sources import Sources
from exporter.judge.certificates import read_certificate
from exporter.judge.revocation import judge_revocation
from exporter.model import RevocationMethod, RevocationQuestion, RevocationStatus, RevocationVerdict
from tests.evidence.website import Page, Visit, answer, website
from tests.processes import free_ports, running
from tests.programs import program

pytestmark = pytest.mark.servers

LOOPBACK = (IPv4Network("127.0.0.0/8"),)
PATIENCE = 30.0
BASE = "cn=sub,o=pki"
PASSWORD = "s3cret"
S = RevocationStatus


@pytest.fixture(scope="module")
def root() -> Issued:
    """The root of it all."""
    return self_signed(Root("CN=Root"), datetime.now(UTC))


@pytest.fixture(scope="module")
def sub(root: Issued) -> Issued:
    """The authority that is asked about its certificates."""
    return root.issue(Intermediate("CN=Sub", key="rsa-2048"))


async def asked(sources: Sources, leaf: Issued, sub: Issued, method: RevocationMethod) -> RevocationVerdict:
    """What one method says now."""
    question = RevocationQuestion(
        position=0, certificate=read_certificate(leaf.der), issuer=read_certificate(sub.der)
    )
    answers = await sources.revocation(question, [method], asked_by="127.0.0.1")
    (verdict,) = judge_revocation([question], answers, b"", [method], datetime.now(UTC))
    return verdict


@pytest.fixture
async def sources() -> AsyncIterator[Sources]:
    """Sources that may go to loopback."""
    async with gathering.sources(PATIENCE, LOOPBACK) as entered:
        yield entered


# --- openssl ocsp -----------------------------------------------------------------------------------


class Responder:
    """OpenSSL's responder, asked over HTTP: its own server listens on every address, so the site is ours."""

    def __init__(self, directory: Path, sub: Issued, signer: Issued) -> None:
        self._directory = directory
        self.index: list[str] = []
        (directory / "ca.pem").write_text(sub.pem)
        (directory / "signer.pem").write_text(signer.pem + signer.key_pem)

    async def __call__(self, visit: Visit) -> None:
        """Have OpenSSL answer the request in a GET's path."""
        request = base64.b64decode(unquote(visit.path.removeprefix("/ocsp/")))
        await answer(await asyncio.to_thread(self._answer, request))(visit)

    def _answer(self, request: bytes) -> bytes:
        (self._directory / "request").write_bytes(request)
        (self._directory / "index.txt").write_text("".join(line + "\n" for line in self.index))
        command = [
            str(program("openssl")), "ocsp", "-index", "index.txt", "-CA", "ca.pem", "-rsigner", "signer.pem",
            "-rkey", "signer.pem", "-reqin", "request", "-respout", "response", "-nmin", "60",
        ]  # fmt: skip
        subprocess.run(command, cwd=self._directory, check=True, capture_output=True, timeout=PATIENCE)
        return (self._directory / "response").read_bytes()


class _EveryPath(dict[str, Page]):
    """One page, wherever it is asked for."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def get(self, _path: str, _default: object = None) -> Page:
        return self._page


def entry(leaf: Issued, revoked: bool) -> str:
    """A line of `openssl ca`'s index."""
    ends = leaf.certificate.not_valid_after_utc.strftime("%y%m%d%H%M%SZ")
    when = datetime.now(UTC).strftime("%y%m%d%H%M%SZ") + ",keyCompromise" if revoked else ""
    serial = read_certificate(leaf.der).serial
    return f"{'R' if revoked else 'V'}\t{ends}\t{when}\t{serial}\tunknown\t/CN=x"


@pytest.mark.parametrize("delegated", [False, True], ids=["by the authority", "by a delegate"])
async def test_openssl_s_responder(tmp_path: Path, sources: Sources, sub: Issued, delegated: bool) -> None:
    """Good, revoked and unknown, as OpenSSL's own responder says it."""
    purpose = (x509.oid.ExtendedKeyUsageOID.OCSP_SIGNING,)
    signer = sub.issue(Leaf("CN=responder", purposes=purpose)) if delegated else sub
    responder = Responder(tmp_path, sub, signer)
    async with website() as site:
        site.pages = _EveryPath(responder)
        good, revoked, unknown = (sub.issue(Leaf(f"CN={n}", ocsp_urls=(site.url("/ocsp"),))) for n in "abc")
        responder.index = [entry(good, revoked=False), entry(revoked, revoked=True)]
        found = [await asked(sources, leaf, sub, RevocationMethod.OCSP) for leaf in (good, revoked, unknown)]
    assert [verdict.status for verdict in found] == [S.GOOD, S.REVOKED, S.UNKNOWN], found
    assert found[1].reason == "keyCompromise"


async def test_a_responder_without_the_right(
    tmp_path: Path, sources: Sources, root: Issued, sub: Issued
) -> None:
    """An answer that somebody else signed is invalid."""
    responder = Responder(tmp_path, sub, root.issue(Leaf("CN=responder")))
    async with website() as site:
        site.pages = _EveryPath(responder)
        leaf = sub.issue(Leaf("CN=a", ocsp_urls=(site.url("/ocsp"),)))
        responder.index = [entry(leaf, revoked=False)]
        assert (await asked(sources, leaf, sub, RevocationMethod.OCSP)).status is S.INVALID


# --- nginx ------------------------------------------------------------------------------------------

WEB = """\
{user}
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log {directory}/access.log;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{ listen 127.0.0.1:{port}; root {directory}/lists; }}
}}
"""


@pytest.mark.parametrize("pem", [False, True], ids=["der", "pem"])
async def test_lists_from_nginx(tmp_path: Path, sources: Sources, sub: Issued, pem: bool) -> None:
    """A list that nginx serves as a file, asked for once."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}/sub.crl"
    good, revoked = (sub.issue(Leaf(f"CN={n}", crl_urls=(url,))) for n in "ab")
    body = revocation_list(sub, {revoked.certificate.serial_number: x509.ReasonFlags.superseded})
    if pem:
        body = x509.load_der_x509_crl(body).public_bytes(serialization.Encoding.PEM)
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "sub.crl").write_bytes(body)
    config = tmp_path / "nginx.conf"
    config.write_text(
        WEB.format(directory=tmp_path, port=port, user="user root;" if os.geteuid() == 0 else "")
    )
    command: list[str | Path] = [program("nginx"), "-p", tmp_path, "-e", tmp_path / "error.log", "-c", config]
    with running(command, log=tmp_path / "output.log") as server:
        server.wait_for_port(port, "127.0.0.1")
        found = [await asked(sources, leaf, sub, RevocationMethod.CRL) for leaf in (good, revoked)]
    assert [(one.status, one.reason) for one in found] == [(S.GOOD, None), (S.REVOKED, "superseded")]
    assert (tmp_path / "access.log").read_text().count("GET /sub.crl") == 1


# --- slapd ------------------------------------------------------------------------------------------

CONFIG = """\
include /etc/ldap/schema/core.schema
pidfile {directory}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
access to * by users read by anonymous {anonymous}
database mdb
maxsize 10485760
suffix "o=pki"
rootdn "cn=admin,o=pki"
rootpw {password}
directory {directory}/db
"""
ENTRIES = """\
dn: o=pki
objectClass: organization
o: pki

dn: {base}
objectClass: cRLDistributionPoint
cn: sub
certificateRevocationList;binary:: {list}
"""


@contextmanager
def directory_with(place: Path, body: bytes, anonymous: str = "read") -> Iterator[int]:
    """OpenLDAP's server with one list; gives its port."""
    (place / "db").mkdir()
    config, ldif = place / "slapd.conf", place / "entries.ldif"
    config.write_text(CONFIG.format(directory=place, password=PASSWORD, anonymous=anonymous))
    ldif.write_text(ENTRIES.format(base=BASE, list=base64.b64encode(body).decode()))
    subprocess.run(
        [program("slapadd"), "-f", config, "-l", ldif], check=True, capture_output=True, timeout=PATIENCE
    )
    (port,) = free_ports(1)
    url = f"ldap://127.0.0.1:{port}"
    server = subprocess.Popen(
        [program("slapd"), "-f", config, "-h", url, "-d", "0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port)
        yield port
    finally:
        server.terminate()
        server.wait(timeout=PATIENCE)


def _wait_for(port: int) -> None:
    import socket  # noqa: PLC0415 - here alone

    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("slapd does not listen")


def ldap_url(server: str) -> str:
    """What AD CS writes, with or without a server."""
    return f"ldap://{server}/{BASE}?certificateRevocationList?base?objectClass=cRLDistributionPoint"


@pytest.mark.parametrize("revoked", [False, True])
async def test_a_list_in_a_directory(tmp_path: Path, sources: Sources, sub: Issued, revoked: bool) -> None:
    """A URL with a server leads to that server's list."""
    serials: dict[int, x509.ReasonFlags] = {}
    leaf = sub.issue(Leaf("CN=a"))
    if revoked:
        serials[leaf.certificate.serial_number] = x509.ReasonFlags.superseded
    with directory_with(tmp_path, revocation_list(sub, serials)) as port:
        named = sub.issue(
            Leaf("CN=a", serial=leaf.certificate.serial_number, crl_urls=(ldap_url(f"127.0.0.1:{port}"),))
        )
        verdict = await asked(sources, named, sub, RevocationMethod.CRL)
    expected = (S.REVOKED, "superseded") if revoked else (S.GOOD, None)
    assert (verdict.status, verdict.reason) == expected, verdict.detail


async def test_the_configured_directory(tmp_path: Path, sub: Issued) -> None:
    """A URL without a server leads to the configured one, with its bind; without one it is unsupported."""
    leaf = sub.issue(Leaf("CN=a", crl_urls=(ldap_url(""),)))
    with directory_with(tmp_path, revocation_list(sub), anonymous="auth") as port:
        found = []
        for server in (
            LdapServer("127.0.0.1", port, "cn=admin,o=pki", PASSWORD),
            LdapServer("127.0.0.1", port, "cn=admin,o=pki", "wrong"),
            LdapServer("127.0.0.1", port),
            None,
        ):
            async with gathering.sources(PATIENCE, (), ldap=server) as sources:
                found.append(await asked(sources, leaf, sub, RevocationMethod.CRL))
    assert [verdict.status for verdict in found] == [S.GOOD, S.UNREACHABLE, S.UNREACHABLE, S.UNSUPPORTED], (
        found
    )
    assert "evidence.ldap" in found[3].detail


async def test_a_directory_that_is_not_allowed(sub: Issued) -> None:
    """A URL of a certificate leads to no server on this machine unless that is allowed."""
    leaf = sub.issue(Leaf("CN=a", crl_urls=(ldap_url("127.0.0.1:1389"),)))
    async with gathering.sources(PATIENCE) as sources:
        verdict = await asked(sources, leaf, sub, RevocationMethod.CRL)
    assert (verdict.status, verdict.detail) == (S.UNREACHABLE, "127.0.0.1 is a loopback address")
