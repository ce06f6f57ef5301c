"""The client's side of an SMTP dialogue, without I/O: bytes in, bytes out, facts at the end.

How it works. `Dialogue.receive` takes whatever arrived, in pieces of any size, and returns what is
to be sent next. It sends one command at a time and only after the final line of the reply to the
previous one, because real servers punish a client that talks early (postscreen's teaser banner,
Exim's synchronisation check). With STARTTLS the dialogue is greeting, EHLO, STARTTLS; then `secure`
is true and the caller runs TLS. With implicit TLS the dialogue starts inside TLS and asks for
nothing but the greeting. Both end with QUIT.

Two rules of this file. A reply of 421 or any other 4xx says nothing about the server's TLS, so
`starttls_offered` stays None. And whatever follows the final line of the 220 reply to STARTTLS was
sent in plaintext by somebody who hoped that it would be read as encrypted (CVE-2011-0411,
CVE-2021-38371): it is kept as a fact and never handed on.

RFC 5321 is SMTP, RFC 3207 is STARTTLS.
"""

from __future__ import annotations

import enum
import functools
import re

from exporter.model import Exchange, Reason, Reply, SmtpFacts, Stage
from exporter.probe.errors import ProbeError

MAX_LINE = 4096
"""RFC 5321 section 4.5.3.1.5 allows 512 bytes a reply line; real servers exceed it."""
MAX_REPLY = 65536
MAX_LINES = 100
USUAL_REPLY = 1024
"""Bytes of a reply that may be known already: most servers say today what they said an hour ago."""

_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)


class ReplyReader:
    """Bytes to replies. Lines may end in CRLF or in a bare LF, as some servers send."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._lines: list[str] = []
        self._size = 0

    def feed(self, data: bytes) -> None:
        """Take bytes as they arrived."""
        self._buffer += data

    def next_reply(self) -> Reply | None:
        """The next complete reply, or None when more bytes are needed.

        Raises:
            ProbeError: what came is not SMTP, or is longer than the caps.
        """
        usual = not self._lines and 0 < len(self._buffer) <= USUAL_REPLY
        if not usual or (reply := _single(bytes(self._buffer))) is None:
            return self._read()
        self._buffer.clear()
        self._searched = 0
        return reply

    def _read(self) -> Reply | None:
        """The next one, line by line."""
        while (line := self._next_line()) is not None:
            code, final, text = _parse_line(line)
            self._lines.append(text)
            if len(self._lines) > MAX_LINES:
                raise ProbeError(Reason.LIMIT_EXCEEDED, f"a reply of more than {MAX_LINES} lines")
            if final:
                reply = Reply(code, tuple(self._lines))
                self._lines, self._size = [], 0
                return reply
        return None

    def rest(self) -> bytes:
        """What has arrived after the last complete reply."""
        return bytes(self._buffer)

    def _next_line(self) -> bytes | None:
        end = self._buffer.find(b"\n", self._searched)
        length = end + 1 if end >= 0 else len(self._buffer)
        if end < 0 or length > MAX_LINE:
            _refuse_other_protocols(self._buffer)
        if length > MAX_LINE:
            raise ProbeError(Reason.LIMIT_EXCEEDED, f"a reply line of more than {MAX_LINE} bytes")
        if end < 0:
            self._searched = length
            return None
        line = bytes(self._buffer[:end]).removesuffix(b"\r")
        del self._buffer[:length]
        self._searched = 0
        self._size += length
        if self._size > MAX_REPLY:
            raise ProbeError(Reason.LIMIT_EXCEEDED, f"a reply of more than {MAX_REPLY} bytes")
        return line


@functools.lru_cache(maxsize=1024)
def _single(data: bytes) -> Reply | None:
    """The reply, if the bytes are one from beginning to end."""
    reader = ReplyReader()
    reader.feed(data)
    reply = reader._read()  # noqa: SLF001 - the way that does not lead here
    return None if reader.rest() else reply


def _parse_line(line: bytes) -> tuple[int, bool, str]:
    """Code, whether it is the last line, and text (RFC 5321 section 4.2.1)."""
    match = _LINE.fullmatch(line)
    if match is None:
        raise ProbeError(Reason.PROTOCOL_ERROR, f"not an SMTP reply: {_readable(line[:80])}")
    code, separator, text = match.groups()
    return int(code), separator != b"-", _readable(text or b"")


def _refuse_other_protocols(buffer: bytearray) -> None:
    """A line that starts with anything but a digit will never be a reply, however long it gets; do not wait."""
    if buffer and not buffer[:1].isdigit():
        line = bytes(buffer[:80]).partition(b"\n")[0].removesuffix(b"\r")
        raise ProbeError(Reason.PROTOCOL_ERROR, f"not an SMTP reply: {_readable(line)}")


def _readable(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


class Step(enum.Enum):
    """What the dialogue waits for."""

    GREETING = enum.auto()
    EHLO = enum.auto()
    STARTTLS = enum.auto()
    TLS = enum.auto()
    QUIT = enum.auto()
    DONE = enum.auto()

    __hash__ = object.__hash__  # Enum's own is a function of Python


_OVER = (Step.TLS, Step.DONE)
_STAGE = {
    Step.GREETING: Stage.GREETING,
    Step.EHLO: Stage.EHLO,
    Step.STARTTLS: Stage.STARTTLS,
    Step.TLS: Stage.HANDSHAKE,
    Step.QUIT: Stage.HANDSHAKE,
    Step.DONE: Stage.HANDSHAKE,
}


class Dialogue:
    """One SMTP session of a client that wants TLS and nothing else.

    Args:
        ehlo_name: our own name, never the server's (RFC 5321 section 4.1.1.1); it may be set later,
            but before the first byte arrives.
        starttls: False inside implicit TLS, where only greeting and QUIT remain.
    """

    def __init__(self, ehlo_name: str, *, starttls: bool = True) -> None:
        self.ehlo_name = ehlo_name
        self._starttls = starttls
        self._reader = ReplyReader()
        self._command = ""
        """The command that waits for its reply."""
        self._exchanges: list[Exchange] = []
        self._capabilities: tuple[str, ...] = ()
        self._offered: bool | None = None
        self._injected = b""
        self.step = Step.GREETING

    @property
    def stage(self) -> Stage:
        """The stage of the probe that the dialogue is in."""
        return _STAGE[self.step]

    @property
    def secure(self) -> bool:
        """Whether the next byte in either direction belongs to TLS."""
        return self.step is Step.TLS

    @property
    def done(self) -> bool:
        """Whether nothing more is expected of the server."""
        return self.step is Step.DONE

    def receive(self, data: bytes) -> bytes:
        """Take what arrived and return what is to be sent, possibly nothing.

        Raises:
            ProbeError: the dialogue cannot lead to TLS. `quit` may still be sent, unless `done`.
        """
        self._reader.feed(data)
        out = b""
        while self.step not in _OVER and (reply := self._reader.next_reply()):
            self._exchanges.append(Exchange(self._command, reply))
            self._command = ""
            out += self._after(reply)
        return out

    def quit(self) -> bytes:
        """End the session politely (RFC 5321 section 4.1.1.10)."""
        if self.step in {Step.QUIT, Step.DONE}:
            return b""
        return self._send("QUIT", Step.QUIT)

    def facts(self) -> SmtpFacts:
        """What was said so far."""
        unanswered = (Exchange(self._command, None),) if self._command else ()
        exchanges = (*self._exchanges, *unanswered)
        return SmtpFacts(exchanges, self._capabilities, self._offered, self._injected)

    def _after(self, reply: Reply) -> bytes:
        if self.step is Step.QUIT:
            self.step = Step.DONE
            return b""
        if reply.code == 421:  # RFC 5321 section 3.8: the server is closing the connection
            self.step, at = Step.DONE, self.step
            raise ProbeError(Reason.TEMPORARY_FAILURE, _quote(at, reply))
        if reply.code // 100 == 4:
            raise ProbeError(Reason.TEMPORARY_FAILURE, _quote(self.step, reply))
        match self.step:
            case Step.GREETING:
                return self._after_greeting(reply)
            case Step.EHLO:
                return self._after_ehlo(reply)
            case _:
                return self._after_starttls(reply)

    def _after_greeting(self, reply: Reply) -> bytes:
        """RFC 5321 section 3.1: 220, or 554 from a server that takes no mail."""
        self._expect(220, reply)
        if not self._starttls:
            return self.quit()
        return self._send(f"EHLO {safe_argument(self.ehlo_name)}", Step.EHLO)

    def _after_ehlo(self, reply: Reply) -> bytes:
        """RFC 5321 section 4.1.1.1: the first line names the server, each further one a capability."""
        self._expect(250, reply)
        self._capabilities = tuple(line.strip() for line in reply.lines[1:])
        keywords = {capability.split(" ")[0].upper() for capability in self._capabilities}
        self._offered = "STARTTLS" in keywords
        if not self._offered:
            raise ProbeError(Reason.STARTTLS_NOT_OFFERED, "the EHLO reply does not list STARTTLS")
        return self._send("STARTTLS", Step.STARTTLS)

    def _after_starttls(self, reply: Reply) -> bytes:
        """RFC 3207 section 4: 220, then TLS and nothing before it."""
        if reply.code != 220:
            raise ProbeError(Reason.STARTTLS_REFUSED, _quote(self.step, reply))
        self._injected = self._reader.rest()
        if self._injected:
            self.step = Step.DONE
            detail = f"{len(self._injected)} bytes followed the reply: {_readable(self._injected[:80])}"
            raise ProbeError(Reason.PLAINTEXT_INJECTION, detail)
        self.step = Step.TLS
        return b""

    def _expect(self, code: int, reply: Reply) -> None:
        if reply.code == code:
            return
        reason = Reason.REJECTED if reply.code // 100 == 5 else Reason.PROTOCOL_ERROR
        raise ProbeError(reason, _quote(self.step, reply))

    def _send(self, command: str, step: Step) -> bytes:
        self._command, self.step = command, step
        return f"{command}\r\n".encode()


def _quote(step: Step, reply: Reply) -> str:
    return f"{step.name} was answered with {reply.code} {reply.text}".rstrip()


@functools.lru_cache(maxsize=64)
def safe_argument(text: str) -> str:
    """Refuse what would end the command line and start another.

    Raises:
        ValueError: the name is empty or holds a space or a control character.
    """
    if not text or any(character.isspace() or not character.isprintable() for character in text):
        raise ValueError(f"not a name to greet with: {text!r}")
    return text
