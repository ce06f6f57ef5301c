"""The demo is what its table says, as seen by a client that is not ours: `openssl s_client`."""

from __future__ import annotations

import asyncio
import re
import socket
import urllib.request
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import pytest
import yaml
from cryptography import x509

from exporter.demo import Demo
from exporter.demo.authority import Issued
from exporter.demo.cases import CASES, Case, server
from exporter.demo.smtpd import Server
from exporter.model import Mode, ProblemKind
from tests.programs import program

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

EXPECTED = {
    # name: certificates sent; number and depth of s_client's first verify error
    "healthy": (2, None),
    "healthy-tls": (2, None),
    "exchange": (2, None),
    "untrusted-root": (2, (20, 1)),
    "missing-intermediate": (1, (20, 0)),
    "self-signed": (1, (18, 0)),
    "expired": (2, (10, 0)),
    "not-yet-valid": (2, (9, 0)),
    "expires-soon": (2, None),
    "revoked": (2, None),
    "wrong-name": (2, (62, 0)),
    "wrong-usage": (2, (26, 0)),
    "triple-fault": (1, (20, 0)),
    "no-starttls": (0, None),
}

case_by_name = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@pytest.fixture
async def demo() -> AsyncIterator[Demo]:
    """The running demo."""
    async with Demo() as running:
        yield running


class Seen(NamedTuple):
    """What s_client printed: the certificates that were sent, and (number, depth) of each error."""

    chain: tuple[bytes, ...]
    errors: tuple[tuple[int, int], ...]


async def s_client(demo: Demo, case: Case) -> Seen:
    """Look at a server of the demo with OpenSSL's client."""
    process = await asyncio.create_subprocess_exec(
        str(program("openssl")),
        "s_client",
        *(("-starttls", "smtp") if case.mode is Mode.STARTTLS else ()),
        *("-connect", f"127.0.0.1:{demo.servers[case.name].port}", "-showcerts"),
        *("-CAfile", str(demo.root_path), "-verify_hostname", case.expects),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    chain = re.findall(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", printed, re.DOTALL)
    errors = re.findall(rb"^depth=(\d+).*\nverify error:num=(\d+):", printed, re.MULTILINE)
    return Seen(tuple(chain), tuple((int(number), int(depth)) for depth, number in errors))


def test_table_is_complete() -> None:
    """Every cause that a server's certificate can have by now has its server, and names are unique."""
    kinds = {kind for case in CASES for kind in case.problems}
    assert kinds == {
        ProblemKind.UNTRUSTED_ROOT,
        ProblemKind.MISSING_INTERMEDIATE,
        ProblemKind.SELF_SIGNED,
        ProblemKind.EXPIRED,
        ProblemKind.NOT_YET_VALID,
        ProblemKind.EXPIRES_SOON,
        ProblemKind.HOSTNAME_MISMATCH,
        ProblemKind.REVOKED,
        ProblemKind.WRONG_USAGE,
        ProblemKind.STARTTLS_MISSING,
    }
    assert [case.name for case in CASES if len(case.problems) == 3] == ["triple-fault"]
    assert sorted(case.name for case in CASES) == sorted(EXPECTED)


@case_by_name
async def test_openssl_sees_the_case(demo: Demo, case: Case) -> None:
    """s_client receives exactly the case's certificates, and its first error is the case's."""
    seen = await s_client(demo, case)
    sent = tuple(x509.load_pem_x509_certificate(pem) for pem in seen.chain)
    assert sent == tuple(one.certificate for one in demo.chains[case.name])
    count, error = EXPECTED[case.name]
    assert len(sent) == count
    assert seen.errors[:1] == (() if error is None else (error,))


@case_by_name
async def test_nothing_else_is_wrong(demo: Demo, case: Case) -> None:
    """No case has an OpenSSL error that its problems do not explain."""
    explained = {
        9: ProblemKind.NOT_YET_VALID,
        10: ProblemKind.EXPIRED,
        18: ProblemKind.SELF_SIGNED,
        26: ProblemKind.WRONG_USAGE,
        62: ProblemKind.HOSTNAME_MISMATCH,
    }
    lone = {ProblemKind.UNTRUSTED_ROOT, ProblemKind.MISSING_INTERMEDIATE}
    for number, _ in (await s_client(demo, case)).errors:
        if number in {20, 21}:  # no issuer found, and what follows from it for a lone certificate
            assert case.problems & lone
        else:
            assert explained[number] in case.problems


async def test_the_article_s_chain(demo: Demo) -> None:
    """Contoso Offline Root CA > Contoso Subordinate CA > exchange01.int.contoso.com."""
    leaf, subordinate = (one.certificate for one in demo.chains["exchange"])
    assert leaf.subject.rfc4514_string() == "CN=exchange01.int.contoso.com"
    assert leaf.issuer.rfc4514_string() == "CN=Contoso Subordinate CA,DC=int,DC=contoso,DC=com"
    assert subordinate.issuer.rfc4514_string() == "CN=Contoso Offline Root CA"
    assert demo.root_path.read_text(encoding="utf-8") == demo.pki.root.pem


@pytest.mark.parametrize("name", ["missing-intermediate", "triple-fault"])
async def test_a_lone_leaf_says_where_its_issuer_is(demo: Demo, name: str) -> None:
    """Where the Subordinate CA is not sent, the leaf has its URL, and there it is, on this machine."""
    leaf = demo.chains[name][0].certificate
    (access,) = leaf.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    url = str(access.access_location.value)
    assert url.startswith("http://127.0.0.1:")
    found = await asyncio.to_thread(lambda: urllib.request.urlopen(url, timeout=10).read())
    assert found == demo.pki.subordinate.der


async def test_config(demo: Demo) -> None:
    """The configuration has one target per case, with the running server's port and mode."""
    config = yaml.safe_load(demo.config_path.read_text(encoding="utf-8"))
    assert config["trust_stores"] == {"contoso": {"type": "pem", "path": "contoso-root.pem"}}
    assert config["defaults"]["trust_stores"] == ["contoso"]
    assert [target["target"] for target in config["targets"]] == [case.name for case in CASES]
    for target, case in zip(config["targets"], CASES, strict=True):
        assert target["host"] == "127.0.0.1"
        assert target["port"] == demo.servers[case.name].port
        assert target["mode"] == case.mode
        assert target["names"] == [case.expects]
        causes = target["labels"]["cause"].split("+")
        assert causes == (sorted(case.problems) if case.problems else ["none"])


async def test_dates_count_from_the_moment_given() -> None:
    """The demo can be made for any moment; by default it is made for this one."""
    async with Demo(datetime(2031, 1, 1, tzinfo=UTC)) as demo:
        end = demo.chains["expired"][0].certificate.not_valid_after_utc
    assert end == datetime(2030, 12, 30, tzinfo=UTC)


async def test_nothing_is_left_behind(now: datetime) -> None:
    """After the demo its directory is gone and its ports are closed."""
    async with Demo(now) as demo:
        directory = demo.directory
        ports = [server.port for server in demo.servers.values()]
    assert not directory.exists()
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
    with pytest.raises(RuntimeError, match="not running"):
        demo.config_path  # noqa: B018  reading the property is the test


async def test_a_start_that_fails_is_undone(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """When one server cannot start, those that have started are stopped again."""
    demo = Demo(now)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        def make(case: Case, chain: tuple[Issued, ...]) -> Server:
            made = server(case, chain)
            made.port = port if case is CASES[-1] else 0
            return made

        monkeypatch.setattr("exporter.demo.server", make)
        with pytest.raises(OSError, match=str(port)):
            await demo.__aenter__()
    first = demo.servers[CASES[0].name]
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", first.port)
