"""Small SMTP servers that speak like real ones, take no mail, and survive any client.

In: a personality (what is said, in the words of some product) and a TLS context. Out: a server on a
loopback address. It stores nothing and relays nothing. For peers that break the protocol, tests have a
scripted peer of their own.
"""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.demo.wire import LineTooLongError, Listener, TlsContext, Wire

if TYPE_CHECKING:
    from exporter.demo.authority import Issued

IDLE = 30.0
"""Seconds that a client may be silent."""
COMMANDS = 100
"""Commands that a client may send on one connection."""
LINE = 2048
"""Bytes of a command line; RFC 5321 section 4.5.3.1.4 asks for 512 at least."""


@dataclass(frozen=True, kw_only=True)
class Personality:
    """What one kind of server says. `{date}` and `{client}` are filled in.

    `greeting`, `starttls`, `replies` and `unknown` are whole reply lines. `ehlo` holds the lines of the
    reply to EHLO without their code; it offers STARTTLS exactly when one of them says so.
    """

    greeting: tuple[str, ...]
    ehlo: tuple[str, ...]
    ehlo_under_tls: tuple[str, ...]
    starttls: str = "220 2.0.0 Ready to start TLS"
    replies: Mapping[str, str] = field(default_factory=dict)
    """The reply to each further command, by its verb in upper case."""
    unknown: str = "502 5.5.2 Error: command not recognized"

    @property
    def offers_starttls(self) -> bool:
        """Whether the EHLO reply has STARTTLS, in any case and place."""
        return any(line.upper() == "STARTTLS" for line in self.ehlo)


def postfix(name: str) -> Personality:
    """Postfix as Debian installs it."""
    common = ("PIPELINING", "SIZE 10240000", "VRFY", "ETRN")
    more = ("ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "SMTPUTF8", "CHUNKING")
    return Personality(
        greeting=(f"220 {name} ESMTP Postfix (Debian/GNU)",),
        ehlo=(name, *common, "STARTTLS", *more),
        ehlo_under_tls=(name, *common, *more),
        replies={
            "HELO": f"250 {name}",
            "NOOP": "250 2.0.0 Ok",
            "RSET": "250 2.0.0 Ok",
            "VRFY": "252 2.0.0 postmaster",
            "MAIL": "250 2.1.0 Ok",
            "RCPT": "250 2.1.5 Ok",
            "DATA": "450 4.3.2 Error: this server takes no mail",
            "QUIT": "221 2.0.0 Bye",
        },
    )


def exchange(name: str) -> Personality:
    """Microsoft Exchange, its default front-end receive connector."""
    first = (f"{name} Hello [{{client}}]", "SIZE 37748736", "PIPELINING", "DSN", "ENHANCEDSTATUSCODES")
    last = ("8BITMIME", "BINARYMIME", "CHUNKING", "XRDST")
    return Personality(
        greeting=(f"220 {name} Microsoft ESMTP MAIL Service ready at {{date}}",),
        ehlo=(*first, "STARTTLS", "X-ANONYMOUSTLS", "AUTH NTLM", "X-EXPS GSSAPI NTLM", *last),
        ehlo_under_tls=(*first, "AUTH NTLM LOGIN", "X-EXPS GSSAPI NTLM", *last),
        starttls="220 2.0.0 SMTP server ready",
        replies={
            "HELO": f"250 {name} Hello [{{client}}]",
            "NOOP": "250 2.0.0 OK",
            "RSET": "250 2.0.0 Resetting",
            "VRFY": "252 2.1.5 Cannot VRFY user",
            "MAIL": "450 4.3.2 Service not available, this server takes no mail",
            "QUIT": "221 2.0.0 Service closing transmission channel",
        },
        unknown="500 5.3.3 Unrecognized command",
    )


def without_starttls(name: str) -> Personality:
    """A server in plaintext only."""
    return Personality(
        greeting=(f"220 {name} ESMTP ready",),
        ehlo=(name, "PIPELINING", "8BITMIME", "HELP"),
        ehlo_under_tls=(name, "PIPELINING", "8BITMIME", "HELP"),
        replies={"HELO": f"250 {name}", "NOOP": "250 OK", "RSET": "250 OK", "QUIT": "221 Bye"},
    )


def server_context(leaf: Issued, *chain: Issued) -> ssl.SSLContext:
    """Return a context that sends the leaf and the chain, these certificates and no others."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # a bad certificate must be loaded to be shown
    with tempfile.TemporaryDirectory() as directory:  # the ssl module reads files only
        path = Path(directory, "chain.pem")
        path.touch(0o600)
        path.write_text(leaf.key_pem + leaf.chain_pem(*chain))
        context.load_cert_chain(path)
    return context


class Server(Listener):
    """One SMTP server; an async context manager.

    Args:
        personality: how it speaks.
        context: its certificate, from `server_context` or `stapling_context`; None for a server without TLS, which then refuses STARTTLS.
        implicit: whether TLS begins with the first byte.
        host: loopback address to listen on.
        port: 0 lets the kernel choose.
    """

    def __init__(
        self,
        personality: Personality,
        context: TlsContext | None = None,
        *,
        implicit: bool = False,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        super().__init__(self._session, host, port)
        self.personality = personality
        self.context = context
        self.implicit = implicit
        self.one_byte_packets = False
        """Whether every byte is sent in a packet of its own."""

    async def _session(self, wire: Wire) -> None:
        wire.one_byte_packets = self.one_byte_packets
        async with asyncio.timeout(IDLE):
            if self.implicit and self.context is not None:
                await wire.start_tls(self.context)
            await self._say(wire, *self.personality.greeting)
        for _ in range(COMMANDS):
            async with asyncio.timeout(IDLE):
                if not await self._turn(wire):
                    break
        await wire.finish()

    async def _turn(self, wire: Wire) -> bool:
        """Take one command; return whether the conversation goes on."""
        try:
            line = await wire.line(LINE)
        except LineTooLongError:
            await self._say(wire, "500 5.5.2 Line too long")
            return False
        verb, _, argument = line.decode("ascii", "replace").strip().partition(" ")
        match verb.upper():
            case "EHLO":
                await self._ehlo(wire)
            case "STARTTLS":
                await self._starttls(wire, argument)
            case other:
                await self._say(wire, self.personality.replies.get(other, self.personality.unknown))
        return verb.upper() != "QUIT"

    async def _ehlo(self, wire: Wire) -> None:
        lines = self.personality.ehlo_under_tls if wire.tls else self.personality.ehlo
        *first, last = lines
        await self._say(wire, *(f"250-{line}" for line in first), f"250 {last}")

    async def _starttls(self, wire: Wire, argument: str) -> None:
        if wire.tls is not None or self.context is None or not self.personality.offers_starttls:
            await self._say(wire, self.personality.unknown)
        elif argument:
            await self._say(wire, "501 5.5.4 Syntax: STARTTLS")
        else:
            await wire.start_tls(self.context, self._fill_in(wire, self.personality.starttls))

    async def _say(self, wire: Wire, *lines: str) -> None:
        await wire.send(b"".join(self._fill_in(wire, line) for line in lines))

    @staticmethod
    def _fill_in(wire: Wire, line: str) -> bytes:
        date = format_datetime(datetime.now().astimezone())
        return f"{line}\r\n".replace("{date}", date).replace("{client}", wire.peer).encode()
