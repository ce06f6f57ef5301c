"""The driver against real sockets: the demo's servers, aiosmtpd, and peers that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import SMTP

from exporter.demo import Demo
from exporter.demo.authority import Issued, Leaf
from exporter.demo.smtpd import server_context
from exporter.demo.wire import ClosedError, Wire
from exporter.model import Mode, Observation, Reason, Stage, Target
from exporter.probe import stream
from exporter.probe.stream import look
from tests.peers import (
    Peer,
    Step,
    close,
    drip,
    dripping,
    expect,
    finish,
    hear,
    send,
    silence,
    tls,
)
from tests.probe.flights import certificates, records, server_hello

EHLO = (send("220 mx ESMTP"), expect("EHLO"), send("250-mx\r\n250 STARTTLS"))
TO_TLS = (*EHLO, expect("STARTTLS"), send("220 go"))


def target(port: int, mode: Mode = Mode.STARTTLS) -> Target:
    """A target on loopback."""
    return Target(
        name="peer", host="127.0.0.1", port=port, mode=mode, sni="mail.example.org", ehlo_name="monitor.test"
    )


async def observe(*steps: Step, mode: Mode = Mode.STARTTLS, timeout: float = 5.0) -> Observation:
    """What is seen of a peer that follows these steps."""
    async with Peer(*steps) as peer:
        return (await look(target(peer.port, mode), "127.0.0.1", timeout=timeout))[0]


@pytest.fixture
def context(leaf: Issued, intermediate: Issued) -> ssl.SSLContext:
    """The TLS side of a server that sends leaf and intermediate."""
    return server_context(leaf, intermediate)


@pytest.fixture
async def demo() -> AsyncIterator[Demo]:
    """The running demo."""
    async with Demo() as running:
        yield running


async def test_demo_servers_are_seen_as_they_are(demo: Demo) -> None:
    """Every server's chain is captured as it was sent, whatever is wrong with it."""
    for case in demo.cases:
        port = demo.servers[case.name].port
        seen, _ = await look(target(port, case.mode), "127.0.0.1", timeout=5)
        assert seen.chain == tuple(issued.der for issued in demo.chains[case.name]), case.name
        assert (seen.failure is None) is bool(seen.chain), case.name


async def test_starttls_in_full(leaf: Issued, intermediate: Issued, context: ssl.SSLContext) -> None:
    """Over STARTTLS: dialogue, version, cipher, group, chain, the duration of each phase, and a QUIT."""
    async with Peer(*TO_TLS, tls(context), expect("QUIT"), send("221 bye"), finish()) as peer:
        seen, took = await look(target(peer.port), "127.0.0.1", timeout=5)
        await asyncio.wait_for(peer.finished.wait(), 5)
    assert seen.failure is None
    assert seen.chain == (leaf.der, intermediate.der)
    assert seen.tls is not None
    assert (seen.tls.version, seen.tls.aborted) == ("TLSv1.3", None)
    assert seen.tls.cipher
    assert seen.tls.group
    assert [exchange.command for exchange in seen.smtp.exchanges] == [
        "",
        "EHLO monitor.test",
        "STARTTLS",
        "QUIT",
    ]
    assert list(took) == [Stage.CONNECT, Stage.GREETING, Stage.EHLO, Stage.STARTTLS, Stage.HANDSHAKE]
    assert all(seconds >= 0 for seconds in took.values())


async def test_implicit_tls_in_full(context: ssl.SSLContext, leaf: Issued) -> None:
    """Over implicit TLS: no STARTTLS, but greeting and QUIT inside TLS."""
    steps = (tls(context), send("220 mx"), expect("QUIT"), send("221 bye"), finish())
    async with Peer(*steps) as peer:
        seen, took = await look(target(peer.port, Mode.TLS), "127.0.0.1", timeout=5)
        await asyncio.wait_for(peer.finished.wait(), 5)
    assert seen.chain[0] == leaf.der
    assert seen.smtp.starttls_offered is None
    assert [exchange.command for exchange in seen.smtp.exchanges] == ["", "QUIT"]
    assert list(took) == [Stage.CONNECT, Stage.HANDSHAKE]


async def test_every_byte_in_its_own_packet(context: ssl.SSLContext, leaf: Issued) -> None:
    """A server that sends each byte alone, in the dialogue and in TLS, is seen like any other."""
    seen = await observe(
        drip("220 mx ESMTP"),
        expect("EHLO"),
        drip(b"250-mx\r\n250 STARTTLS\r\n"),
        expect("STARTTLS"),
        drip("220 go"),
        dripping(),
        tls(context),
        expect("QUIT"),
        send("221 bye"),
    )
    assert seen.failure is None
    assert seen.chain[0] == leaf.der


async def test_exchange_word_for_word(demo: Demo) -> None:
    """Exchange's banner, EHLO reply and `220 2.0.0 SMTP server ready` lead to its certificate."""
    seen, _ = await look(target(demo.servers["exchange"].port), "127.0.0.1", timeout=5)
    assert seen.failure is None
    assert seen.smtp.greeting is not None
    assert "Microsoft ESMTP MAIL Service ready at" in seen.smtp.greeting.text
    assert seen.smtp.capabilities[-1] == "XRDST"
    assert [e.reply.text for e in seen.smtp.exchanges if e.reply][2] == "2.0.0 SMTP server ready"


async def test_aiosmtpd(leaf: Issued, context: ssl.SSLContext) -> None:
    """An independent SMTP server is probed without complaint."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(Sink(), tls_context=context, hostname="mx", loop=loop), "127.0.0.1", 0
    )
    async with server:
        port = server.sockets[0].getsockname()[1]
        seen, _ = await look(target(port), "127.0.0.1", timeout=5)
    assert seen.chain[0] == leaf.der
    assert seen.smtp.exchanges[-1].reply is not None
    assert seen.smtp.exchanges[-1].reply.code == 221


async def test_client_certificate_demanded(
    leaf: Issued, intermediate: Issued, root: Issued, tmp_path: Path, tls_version: ssl.TLSVersion
) -> None:
    """The certificate is seen even though the server then refuses a client without one."""
    context = server_context(leaf, intermediate)
    context.maximum_version = tls_version
    authorities = tmp_path / "root.pem"
    authorities.write_text(root.pem)
    context.load_verify_locations(authorities)
    context.verify_mode = ssl.CERT_REQUIRED
    async with Peer(*TO_TLS, tls(context)) as peer:
        seen, _ = await look(target(peer.port), "127.0.0.1", timeout=5)
        peer.failures.clear()
    assert seen.chain == (leaf.der, intermediate.der)
    assert seen.failure is None
    assert seen.tls is not None
    assert seen.tls.aborted is not None
    assert "alert" in seen.tls.aborted


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def tls_version(request: pytest.FixtureRequest) -> ssl.TLSVersion:
    """Where the client certificate is refused: within the handshake (1.2) or after it (1.3)."""
    version = request.param
    assert isinstance(version, ssl.TLSVersion)
    return version


def _only(version: str, least: str) -> Callable[[ssl.SSLContext], None]:
    def age(context: ssl.SSLContext) -> None:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.options &= ~(ssl.OP_NO_TLSv1 | ssl.OP_NO_TLSv1_1)
        with pytest.warns(DeprecationWarning, match=version):
            context.minimum_version = context.maximum_version = ssl.TLSVersion[least]

    return age


def _old_cipher(context: ssl.SSLContext) -> None:
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-ECDSA-AES128-SHA")


OLD = {
    "TLS 1.0 alone": (_only("TLSv1", "TLSv1"), "TLSv1"),
    "TLS 1.1 alone": (_only("TLSv1_1", "TLSv1_1"), "TLSv1.1"),
    "a SHA-1 cipher alone": (_old_cipher, "TLSv1.2"),
}


@pytest.mark.parametrize(("age", "version"), OLD.values(), ids=OLD)
async def test_old_servers_are_reached(
    context: ssl.SSLContext, leaf: Issued, age: Callable[[ssl.SSLContext], None], version: str
) -> None:
    """A server that offers nothing but old protocol versions or ciphers still shows its certificate."""
    age(context)
    seen = await observe(*TO_TLS, tls(context), expect("QUIT"), send("221 bye"))
    assert seen.chain[0] == leaf.der
    assert seen.tls is not None
    assert seen.tls.version == version


async def test_weak_keys_are_reached(intermediate: Issued) -> None:
    """A key that OpenSSL's usual security level refuses does not hide the certificate."""
    weak = intermediate.issue(Leaf("CN=mail.example.org", key="rsa-1024"))
    context = server_context(weak, intermediate)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ALL:@SECLEVEL=0")
    seen = await observe(*TO_TLS, tls(context), expect("QUIT"), send("221 bye"))
    assert seen.chain[0] == weak.der


async def test_without_secure_renegotiation(leaf: Issued, intermediate: Issued) -> None:
    """A server older than RFC 5746 shows its certificate; one that then closes is remarked upon."""
    flight = records(server_hello() + certificates(leaf.der, intermediate.der))
    seen = await observe(*TO_TLS, hear(), send(flight), close())
    assert seen.chain == (leaf.der, intermediate.der)
    assert seen.failure is None
    assert seen.tls is not None
    assert seen.tls.aborted


async def test_silence_after_quit_costs_a_moment(
    context: ssl.SSLContext, leaf: Issued, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that never answers QUIT is left alone soon, and its certificate counts."""
    monkeypatch.setattr(stream, "GOODBYE", 0.05)
    seen = await observe(*TO_TLS, tls(context), silence(), timeout=30)
    assert seen.failure is None
    assert seen.chain[0] == leaf.der
    assert seen.tls is not None
    assert seen.tls.aborted is None


async def test_the_server_closes_first(context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the 221 the connection stays until the server has ended it: sooner would be a reset in its log."""
    monkeypatch.setattr(stream, "PARTING", 30.0)
    kept: list[bool] = []

    async def slow_goodbye(_: Peer, wire: Wire) -> None:
        with contextlib.suppress(ClosedError):
            await wire.receive()  # the client's close_notify
        try:
            async with asyncio.timeout(0.05):
                await wire._reader.read(1)
        except TimeoutError:
            kept.append(True)

    seen = await observe(*TO_TLS, tls(context), expect("QUIT"), send("221 bye"), slow_goodbye)
    assert seen.tls is not None
    assert kept


async def test_a_server_that_never_closes_costs_a_moment(
    context: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that answers QUIT and keeps the connection is left after a moment, too."""
    monkeypatch.setattr(stream, "PARTING", 0.05)
    seen = await observe(*TO_TLS, tls(context), expect("QUIT"), send("221 bye"), silence(), timeout=30)
    assert seen.failure is None
    assert seen.tls is not None
    assert seen.tls.aborted is None


async def test_nothing_listens(free_port: Callable[[], int]) -> None:
    """A closed port is a refused connection."""
    seen, _ = await look(target(free_port()), "127.0.0.1", timeout=5)
    assert seen.failure is not None
    assert (seen.failure.stage, seen.failure.reason) == (Stage.CONNECT, Reason.CONNECTION_REFUSED)


async def test_own_literal_when_there_is_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a full name greets with its address literal."""

    async def no_name() -> str:
        return ""

    monkeypatch.setattr(stream, "own_name", no_name)
    async with Peer(send("220 mx"), expect("EHLO [127.0.0.1]"), send("250 mx"), expect("QUIT")) as peer:
        nameless = Target(name="peer", host="127.0.0.1", port=peer.port)
        seen, _ = await look(nameless, "127.0.0.1", timeout=5)
    assert seen.smtp.exchanges[1].command == "EHLO [127.0.0.1]"
