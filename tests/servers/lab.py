"""A small network in a namespace of its own: a name server, mail servers on port 25, the exporter.

    unshare --mount --net python -m tests.servers.lab DIRECTORY

In: a directory with `config.yaml`, `good.pem`, `old.pem` (key and chain each) and `root.pem`. Out, on standard output:
what the exporter answers on /metrics once everything was probed, then what `check_smtp_tls` prints.

    mail.test   127.0.0.2 and 127.0.0.3 with the good certificate, 127.0.0.4 with the old one
    dead.test   127.0.0.9, where nothing listens
    example.test MX 10 mail.test, 20 dead.test
"""

from __future__ import annotations

import asyncio
import fcntl
import socket
import ssl
import struct
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import cast

import aiohttp
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from exporter import trust
from exporter.config import load
from exporter.demo.smtpd import Server, postfix
from exporter.serve.running import Address, Settings, running

ZONE = {
    ("mail.test.", "A"): ["127.0.0.2", "127.0.0.3", "127.0.0.4"],
    ("dead.test.", "A"): ["127.0.0.9"],
    ("example.test.", "MX"): ["10 mail.test.", "20 dead.test."],
}
SERVERS = {"127.0.0.2": "good", "127.0.0.3": "good", "127.0.0.4": "old"}


class NameServer(asyncio.DatagramProtocol):
    """Answers from ZONE."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast("asyncio.DatagramTransport", transport)  # by name only before Python 3.12

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one question."""
        query = dns.message.from_wire(data)
        name, kind = query.question[0].name.to_text(), dns.rdatatype.to_text(query.question[0].rdtype)
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        if answer := ZONE.get((name, kind)):
            reply.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *answer))
        elif name not in {known for known, _ in ZONE}:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        self._transport.sendto(reply.to_wire(), addr)


def bring_up_loopback() -> None:
    """A new network namespace has it, but down."""
    with socket.socket() as any_socket:
        up, running_flag = 0x1, 0x40
        request = struct.pack("16sh", b"lo", up | running_flag)
        fcntl.ioctl(any_socket, 0x8914, request)  # SIOCSIFFLAGS


def context(path: Path) -> ssl.SSLContext:
    """A server's certificate."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(path)
    return made


async def fetched(url: str, states: int) -> str:
    """The metrics, once this many addresses have a state."""
    async with asyncio.timeout(60), aiohttp.ClientSession() as session:
        while True:
            async with session.get(url) as answer:
                text = await answer.text()
            if text.count("\nsmtp_tls_state{") == states:
                return text
            await asyncio.sleep(0.05)


async def main(directory: Path) -> None:
    """Run everything and print."""
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        transport, _ = await loop.create_datagram_endpoint(NameServer, local_addr=("127.0.0.1", 53))
        stack.callback(transport.close)
        for address, chain in SERVERS.items():
            server = Server(postfix("mail.test"), context(directory / f"{chain}.pem"), host=address, port=25)
            await stack.enter_async_context(server)
        config = load(directory / "config.yaml", trust.load)
        settings = Settings(listen=[Address("127.0.0.1", 0)])
        daemon = await stack.enter_async_context(running(config, settings))
        print(await fetched(f"{daemon.urls[0]}metrics", states=7))
        command = [sys.executable, "-c", "import sys; from exporter.cli.check import main; sys.exit(main())"]
        command += ["--mx", "example.test", "--all-addresses", "-r", str(directory / "root.pem")]
        done = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, timeout=60, check=False
        )
        print(f"exit {done.returncode}: {done.stdout}{done.stderr}")


if __name__ == "__main__":
    bring_up_loopback()
    asyncio.run(main(Path(sys.argv[1])))
