"""The demo's servers speak SMTP with clients that are not ours, and survive what clients do."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import pytest

from exporter.demo.smtpd import (
    LINE,
    Personality,
    Server,
    exchange,
    postfix,
    server_context,
    without_starttls,
)

if TYPE_CHECKING:
    from exporter.demo.authority import Issued

NAME = "mail.example.org"


@pytest.fixture(scope="module")
def context(leaf: Issued, intermediate: Issued) -> ssl.SSLContext:
    """The TLS side of a good server."""
    return server_context(leaf, intermediate)


@pytest.fixture(scope="module")
def client(root: Issued) -> ssl.SSLContext:
    """A client that trusts the root."""
    trusting = ssl.create_default_context(cadata=root.pem)
    trusting.minimum_version = ssl.TLSVersion.TLSv1_2
    return trusting


class Named(smtplib.SMTP):
    """smtplib, connected to an address, expecting the certificate of a name."""

    _host: str

    def expect(self, name: str) -> None:
        """Verify the server's certificate for this name."""
        self._host = name


def talk(port: int, client: ssl.SSLContext) -> tuple[bytes, dict[str, str], int, bytes, dict[str, str], int]:
    """Greet, begin TLS, greet again and leave, as smtplib does it; return what the server said."""
    smtp = Named()
    _, greeting = smtp.connect("127.0.0.1", port)
    smtp.ehlo("monitor.example.org")
    before = dict(smtp.esmtp_features)
    smtp.expect(NAME)
    code, ready = smtp.starttls(context=client)
    smtp.ehlo("monitor.example.org")
    after = dict(smtp.esmtp_features)
    left, _ = smtp.quit()
    return greeting, before, code, ready, after, left


async def converse(port: int, sent: bytes) -> bytes:
    """Send all of this at once in plaintext, and return all that comes until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    received = await reader.read()
    writer.close()
    await writer.wait_closed()
    return received


@pytest.mark.parametrize("one_byte_packets", [False, True], ids=["whole", "byte by byte"])
@pytest.mark.parametrize("personality", [postfix(NAME), exchange(NAME)], ids=["postfix", "exchange"])
async def test_starttls(
    personality: Personality, one_byte_packets: bool, context: ssl.SSLContext, client: ssl.SSLContext
) -> None:
    """smtplib gets through STARTTLS, a second EHLO without STARTTLS in its reply, and QUIT."""
    async with Server(personality, context) as server:
        server.one_byte_packets = one_byte_packets
        _, before, code, _, after, left = await asyncio.to_thread(talk, server.port, client)
    assert "starttls" in before
    assert code == 220
    assert after
    assert "starttls" not in after
    assert left == 221


async def test_implicit_tls(context: ssl.SSLContext, client: ssl.SSLContext) -> None:
    """With implicit TLS the greeting comes under TLS, and QUIT ends it with a close_notify."""
    async with Server(postfix(NAME), context, implicit=True) as server:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", server.port, ssl=client, server_hostname=NAME
        )
        writer.write(b"QUIT\r\n")
        assert (await reader.read()).decode().splitlines() == [
            f"220 {NAME} ESMTP Postfix (Debian/GNU)",
            "221 2.0.0 Bye",
        ]
        writer.close()
        await writer.wait_closed()


async def test_exchange_on_the_wire(context: ssl.SSLContext, now: datetime) -> None:
    """The Exchange server's greeting, EHLO reply and answer to STARTTLS are Exchange's, byte for byte."""
    name = "EXCHANGE01.int.contoso.com"
    async with Server(exchange(name), context) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        greeting = (await reader.readline()).decode()
        start = f"220 {name} Microsoft ESMTP MAIL Service ready at "
        assert greeting.startswith(start)
        assert greeting.endswith("\r\n")
        # At most the seconds that the tests have been running for.
        assert parsedate_to_datetime(greeting.removeprefix(start).strip()) >= now
        writer.write(b"EHLO monitor.example.org\r\n")
        assert await reader.readuntil(b"250 XRDST\r\n") == (
            b"250-EXCHANGE01.int.contoso.com Hello [127.0.0.1]\r\n"
            b"250-SIZE 37748736\r\n"
            b"250-PIPELINING\r\n"
            b"250-DSN\r\n"
            b"250-ENHANCEDSTATUSCODES\r\n"
            b"250-STARTTLS\r\n"
            b"250-X-ANONYMOUSTLS\r\n"
            b"250-AUTH NTLM\r\n"
            b"250-X-EXPS GSSAPI NTLM\r\n"
            b"250-8BITMIME\r\n"
            b"250-BINARYMIME\r\n"
            b"250-CHUNKING\r\n"
            b"250 XRDST\r\n"
        )
        writer.write(b"STARTTLS\r\n")
        assert await reader.readline() == b"220 2.0.0 SMTP server ready\r\n"
        writer.close()
        await writer.wait_closed()


async def test_without_starttls() -> None:
    """A server in plaintext neither offers STARTTLS nor accepts it, and goes on talking."""
    async with Server(without_starttls(NAME)) as server:
        said = await converse(server.port, b"EHLO a\r\nSTARTTLS\r\nNOOP\r\nQUIT\r\n")
    assert b"STARTTLS" not in said
    assert [line[:4] for line in said.splitlines()[-4:]] == [b"250 ", b"502 ", b"250 ", b"221 "]


async def test_plaintext_never_reaches_tls(context: ssl.SSLContext, client: ssl.SSLContext) -> None:
    """Commands sent together with STARTTLS are forgotten: nothing answers them, before TLS or under it."""
    async with Server(postfix(NAME), context) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        await reader.readline()
        writer.write(b"STARTTLS\r\nRSET\r\nVRFY injected\r\n")
        assert await reader.readline() == b"220 2.0.0 Ready to start TLS\r\n"
        await writer.start_tls(client, server_hostname=NAME)
        writer.write(b"QUIT\r\n")
        assert await reader.read() == b"221 2.0.0 Bye\r\n"
        writer.close()
        await writer.wait_closed()


async def test_starttls_syntax(context: ssl.SSLContext) -> None:
    """STARTTLS with a parameter is a syntax error (RFC 3207 section 4) and changes nothing."""
    async with Server(postfix(NAME), context) as server:
        said = await converse(server.port, b"STARTTLS now\r\nQUIT\r\n")
    assert [line[:3] for line in said.splitlines()] == [b"220", b"501", b"221"]


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"x" * (LINE + 5000), id="line without end"),
        pytest.param(b"x" * (LINE + 1) + b"\r\nQUIT\r\n", id="long line"),
    ],
)
async def test_long_line(sent: bytes) -> None:
    """A line beyond the limit is answered with 500 and the end of the connection."""
    async with Server(postfix(NAME)) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(sent)
        await reader.readline()
        assert await reader.readline() == b"500 5.5.2 Line too long\r\n"
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


async def test_too_many_commands() -> None:
    """A client that never leaves is shown out."""
    async with Server(postfix(NAME)) as server:
        said = await converse(server.port, b"NOOP\r\n" * 101)
    assert said.count(b"250 2.0.0 Ok") == 100


async def test_idle_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """A silent client is cut off."""
    monkeypatch.setattr("exporter.demo.smtpd.IDLE", 0.01)
    async with Server(postfix(NAME)) as server:
        assert (await converse(server.port, b"")).startswith(b"220 ")


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="leaves at once"),
        pytest.param(b"EHLO a", id="leaves in the middle of a line"),
        pytest.param(b"STARTTLS\r\n", id="leaves before its handshake"),
        pytest.param(b"\xff\x00\n\r\n\n", id="sends noise"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", id="speaks HTTP"),
    ],
)
async def test_rude_clients(
    sent: bytes, context: ssl.SSLContext, caplog: pytest.LogCaptureFixture, client: ssl.SSLContext
) -> None:
    """Whatever a client does, the server logs nothing and serves the next one."""
    async with Server(postfix(NAME), context) as server:
        for leave in ("close", "abort"):
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(sent)
            getattr(writer.transport, leave)()
        _, _, code, _, _, left = await asyncio.to_thread(talk, server.port, client)
    assert (code, left) == (220, 221)
    assert not caplog.records


async def test_garbage_instead_of_a_handshake(
    context: ssl.SSLContext, caplog: pytest.LogCaptureFixture
) -> None:
    """A client that goes on in plaintext after the 220 is cut off without an SMTP reply."""
    async with Server(postfix(NAME), context) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        await reader.readline()
        writer.write(b"STARTTLS\r\n")
        await reader.readline()
        writer.write(b"NOOP\r\nQUIT\r\n")
        answer = await reader.read()  # nothing, or a TLS alert
        writer.close()
        await writer.wait_closed()
    assert b"250" not in answer
    assert b"221" not in answer
    assert not caplog.records


async def test_stop_cuts_connections(context: ssl.SSLContext) -> None:
    """Stopping ends the connections of silent clients, in plaintext and in the middle of a handshake."""
    server = Server(postfix(NAME), context)
    await server.start()
    connections = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(3)]
    for reader, writer in connections:
        await reader.readline()
        writer.write(b"STARTTLS\r\n")
    async with asyncio.timeout(10):
        await server.stop()
        for reader, writer in connections:
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                await reader.readuntil(b"never")
            writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", server.port)
    await server.stop()


async def test_start_again() -> None:
    """A server that was stopped comes back on the same port."""
    server = Server(postfix(NAME))
    async with server:
        port = server.port
    async with server:
        assert server.port == port
        assert (await converse(port, b"QUIT\r\n")).startswith(b"220 ")


async def test_client_that_stays_after_quit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that does not close after QUIT is waited for only a little."""
    monkeypatch.setattr("exporter.demo.wire.LINGER", 0.01)
    async with Server(postfix(NAME)) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"QUIT\r\n")
        await reader.read()
        async with asyncio.timeout(10):
            while server._connections:
                await asyncio.wait(tuple(server._connections))
        writer.close()
        await writer.wait_closed()
