"""The stapled OCSP response: asked for in every handshake, and kept as it came."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp
from OpenSSL import SSL

from exporter.demo.smtpd import Server, postfix, server_context
from exporter.demo.stapling import stapling_context
from exporter.model import Mode, Observation, Target
from exporter.probe.errors import ProbeError
from exporter.probe.stream import look
from exporter.probe.tls import TlsClient
from tests.programs import program

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from exporter.demo.authority import Issued
    from tests.conftest import RunProgram


@pytest.fixture
def staple(leaf: Issued, intermediate: Issued, now: datetime) -> bytes:
    """A response that says `good` of the leaf."""
    builder = ocsp.OCSPResponseBuilder().add_response(
        leaf.certificate,
        intermediate.certificate,
        hashes.SHA1(),
        ocsp.OCSPCertStatus.GOOD,
        now,
        now + timedelta(days=7),
        None,
        None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, intermediate.certificate)
    signed = builder.sign(intermediate.key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.DER)


@pytest.fixture
def chain_files(leaf: Issued, intermediate: Issued, tmp_path: Path) -> tuple[str | Path, ...]:
    """Options that give `openssl s_server` the leaf's key and certificate."""
    key, chain = tmp_path / "key.pem", tmp_path / "chain.pem"
    key.write_text(leaf.key_pem)
    chain.write_text(leaf.chain_pem(intermediate))
    return ("-key", key, "-cert", chain)


_BASIC = bytes.fromhex("06092b0601050507300101")
"""The object identifier id-pkix-ocsp-basic."""


def _wrapped(content: bytes) -> bytes:
    """Content that is no answer, in as much of a response (RFC 6960 section 4.2.1) as OpenSSL insists on sending."""
    for tag, before in ((0x04, b""), (0x30, _BASIC), (0xA0, b""), (0x30, b"\x0a\x01\0")):
        content = before + content
        length = bytes([len(content)]) if len(content) < 0x80 else b"\x82" + len(content).to_bytes(2, "big")
        content = bytes([tag]) + length + content
    return content


async def observe(port: int, mode: Mode) -> Observation:
    """What is seen of a server on loopback."""
    target = Target(name="peer", host="127.0.0.1", port=port, mode=mode, ehlo_name="monitor.test")
    return (await look(target, "127.0.0.1", timeout=30))[0]


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
async def test_staple_of_openssl(
    version: str,
    chain_files: tuple[str | Path, ...],
    staple: bytes,
    tmp_path: Path,
    free_port: Callable[[], int],
    run_program: RunProgram,
) -> None:
    """What `openssl s_server` staples is kept byte for byte, with TLS 1.2 and 1.3."""
    status = tmp_path / "status.der"
    status.write_bytes(staple)
    port = free_port()
    files = ("-status_file", status, *chain_files)
    run_program(program("openssl"), "s_server", "-accept", str(port), version, "-quiet", *files, port=port)
    seen = await observe(port, Mode.TLS)
    assert seen.failure is None
    assert seen.staple == staple


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("stapled", [b"", _wrapped(b""), _wrapped(b"x" * 9000)], ids=["none", "empty", "big"])
async def test_whatever_is_stapled_is_a_fact(
    mode: Mode, stapled: bytes, leaf: Issued, intermediate: Issued
) -> None:
    """A staple that makes no sense, or none, changes nothing about the certificate."""
    context = stapling_context(leaf, intermediate, staple=stapled)
    async with Server(postfix("mx"), context, implicit=mode is Mode.TLS) as server:
        seen = await observe(server.port, mode)
    assert seen.failure is None
    assert seen.tls is not None
    assert seen.tls.aborted is None
    assert seen.chain == (leaf.der, intermediate.der)
    assert seen.staple == stapled
    assert seen.smtp.exchanges[-1].command == "QUIT"
    assert seen.smtp.exchanges[-1].reply is not None


def test_raw_garbage(leaf: Issued, intermediate: Issued) -> None:
    """A staple that is not even DER makes OpenSSL end the handshake, and does not cost the certificate.

    No server sends one, so the staple is changed on its way, where TLS 1.2 does not encrypt it yet.
    """
    honest, garbage = _wrapped(b"answer"), b"not an OCSP response".ljust(len(_wrapped(b"answer")))
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    context.use_privatekey(leaf.key)
    context.use_certificate(leaf.certificate)
    context.add_extra_chain_cert(intermediate.certificate)
    context.set_ocsp_server_callback(lambda _connection, _data: honest)
    server, client = SSL.Connection(context, None), TlsClient("mail.example.org")
    server.set_accept_state()
    server.bio_write(client.start())
    with contextlib.suppress(SSL.WantReadError):
        server.do_handshake()
    flight = server.bio_read(65536)
    assert honest in flight
    with pytest.raises(ProbeError, match="bad certificate status response"):
        client.receive(flight.replace(honest, garbage))
    assert client.staple() == b""
    assert client.chain() == (leaf.der, intermediate.der)


async def test_server_that_knows_nothing_of_staples(leaf: Issued) -> None:
    """Without support in the server there is no staple."""
    async with Server(postfix("mx"), server_context(leaf)) as server:
        seen = await observe(server.port, Mode.STARTTLS)
    assert (seen.chain, seen.staple) == ((leaf.der,), b"")


async def test_staples_are_not_mixed_up(leaf: Issued) -> None:
    """Of many handshakes at the same time each gets the staple of its own server."""
    servers = [
        Server(postfix("mx"), stapling_context(leaf, staple=_wrapped(b"%d" % number))) for number in range(8)
    ]
    for server in servers:
        await server.start()
    try:
        seen = await asyncio.gather(*(observe(server.port, Mode.STARTTLS) for server in servers * 3))
    finally:
        for server in servers:
            await server.stop()
    assert [each.staple for each in seen] == [_wrapped(b"%d" % number) for number in range(8)] * 3
