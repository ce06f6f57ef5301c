"""The scripted peer does what its script says, so that tests can rely on it."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

import pytest

from exporter.demo.smtpd import server_context
from tests.peers import Peer, close, drip, dripping, expect, finish, flood, reset, send, silence, tls

if TYPE_CHECKING:
    from exporter.demo.authority import Issued
    from tests.peers import Step

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(peer: Peer) -> Connection:
    """Connect to the peer in plaintext."""
    return await asyncio.open_connection("127.0.0.1", peer.port)


async def leave(writer: asyncio.StreamWriter) -> None:
    """Close our end."""
    writer.close()
    await writer.wait_closed()


async def test_dialogue() -> None:
    """Text is sent as a line, bytes as they are; what was expected is kept."""
    async with Peer(send("220 a"), expect("ehlo"), drip(b"250-b\n250 c\r\n"), expect()) as peer:
        reader, writer = await connect(peer)
        writer.write(b"EHLO me\r\nanything\r\n")
        assert await reader.read() == b"220 a\r\n250-b\n250 c\r\n"
        await leave(writer)
        await peer.finished.wait()
        assert peer.lines == ["EHLO me", "anything"]


async def test_a_wrong_command_fails_the_test() -> None:
    """A client that says something else than the script expects is told by the end of the block."""
    peer = await Peer(expect("EHLO")).__aenter__()
    reader, writer = await connect(peer)
    writer.write(b"HELO me\r\n")
    assert await reader.read() == b""
    await leave(writer)
    with pytest.raises(AssertionError, match="expected 'EHLO', the client sent 'HELO me'"):
        await peer.__aexit__(None, None, None)


@pytest.mark.parametrize("steps", [(), (dripping(),)], ids=["whole", "byte by byte"])
async def test_tls(steps: tuple[Step, ...], leaf: Issued, root: Issued, intermediate: Issued) -> None:
    """TLS can begin anywhere; afterwards the script goes on under it."""
    context = server_context(leaf, intermediate)
    async with Peer(*steps, tls(context), send("220 a"), expect("QUIT"), finish()) as peer:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1",
            peer.port,
            ssl=ssl.create_default_context(cadata=root.pem),
            server_hostname="mail.example.org",
        )
        assert await reader.readline() == b"220 a\r\n"
        writer.write(b"QUIT\r\n")
        assert await reader.read() == b""
        await leave(writer)


async def test_close() -> None:
    """`close` ends the connection at once."""
    async with Peer(send("220 a"), close()) as peer:
        reader, writer = await connect(peer)
        assert await reader.read() == b"220 a\r\n"
        await leave(writer)


async def test_reset() -> None:
    """`reset` is seen by the client as a reset, not as an end."""
    async with Peer(expect(), reset()) as peer:
        reader, writer = await connect(peer)
        writer.write(b"EHLO a\r\n")
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()


async def test_silence_ends_with_the_peer() -> None:
    """A silent peer lets its client wait, and does not hold up the end of the test."""
    async with Peer(silence()) as peer:
        reader, writer = await connect(peer)
        writer.write(b"anybody?\r\n")
        waiting = asyncio.create_task(reader.read())
        await asyncio.sleep(0)
        assert not waiting.done()
    await asyncio.wait([waiting])
    waiting.exception()
    writer.close()


async def test_flood_ends_with_the_client() -> None:
    """A flood goes on until the client leaves."""
    async with Peer(flood(b"250-more\r\n" * 1000)) as peer:
        reader, writer = await connect(peer)
        assert len(await reader.readexactly(1_000_000)) == 1_000_000
        await leave(writer)


async def test_every_connection_has_the_whole_script() -> None:
    """A second client is served from the beginning, at the same time as the first."""
    async with Peer(send("220 a"), expect(), send("221 b")) as peer:
        connections = [await connect(peer) for _ in range(2)]
        for reader, _ in connections:
            assert await reader.readline() == b"220 a\r\n"
        for reader, writer in connections:
            writer.write(b"QUIT\r\n")
            assert await reader.read() == b"221 b\r\n"
            await leave(writer)
