"""The client's side of a mail transaction inside TLS, without I/O: bytes in, bytes out, facts at the end.

How it works. After the handshake everything that was said in plaintext is forgotten and EHLO is sent again
(RFC 3207 section 4.2); over implicit TLS the greeting comes first. Then AUTH when there is an account, MAIL FROM,
RCPT TO, and RSET; with a message to deliver, DATA and the message instead of RSET. QUIT ends it, also after a
refusal. One command at a time: PIPELINING is never used.

Two rules of this file. What is recorded never holds the password: commands that carry it are recorded as
stars, and so is every place where a reply repeats it. And no text gets into a command or a header that could
end it: addresses are checked again here, whatever the configuration has let pass.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from email.utils import format_datetime
from typing import TYPE_CHECKING

from exporter.model import AuthMechanism, Exchange, Reply, Transaction, TransactionFacts, check_mailbox
from exporter.probe.smtp import ReplyReader, safe_argument

if TYPE_CHECKING:
    from datetime import datetime

SUBJECT = "Test message of smtp-tls-exporter"
STARS = "***"


def compose(transaction: Transaction, now: datetime, token: str) -> bytes:
    """The message that `send` delivers (RFC 5322); the token tells one from another, in header and body.

    Raises:
        ValueError: an address is not safe to write.
    """
    to = check_mailbox(transaction.rcpt_to)
    sender = check_mailbox(transaction.mail_from) if transaction.mail_from else to
    lines = (
        f"From: <{sender}>",
        f"To: <{to}>",
        f"Subject: {SUBJECT}",
        f"Date: {format_datetime(now)}",
        f"Message-ID: <{token}@{sender.rpartition('@')[2]}>",
        "Auto-Submitted: auto-generated",  # RFC 3834: nobody shall answer it
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        "This message was sent by smtp-tls-exporter to see whether it is taken. It may be deleted.",
        f"Token: {token}",
        "",
    )
    return "\r\n".join(lines).encode("ascii")


class TransactionDialogue:
    """One transaction. Feed it what arrived inside TLS, send what it returns.

    Args:
        wanted: what is tried.
        ehlo_name: our own name.
        message: what `compose` made when it is to be sent, else empty.
        greeting: whether the server has yet to greet, as over implicit TLS.

    Raises:
        ValueError: an address or the name could be read as more than that.
    """

    def __init__(self, wanted: Transaction, ehlo_name: str, *, message: bytes = b"", greeting: bool) -> None:
        sender = check_mailbox(wanted.mail_from) if wanted.mail_from else ""
        self._ehlo = f"EHLO {safe_argument(ehlo_name)}"
        self._mail, self._rcpt = f"MAIL FROM:<{sender}>", f"RCPT TO:<{check_mailbox(wanted.rcpt_to)}>"
        self._login = wanted.login
        self._message = message
        self._reader = ReplyReader()
        self._waiting = "greeting" if greeting else ""
        """Which command waits for its reply; empty when none does."""
        self._command = ""
        self._mechanism: AuthMechanism | None = None
        self._responses: list[bytes] = []
        """What answers the server's next challenges."""
        self._exchanges: list[Exchange] = []
        self._codes: dict[str, int] = {}
        self._success = False
        self._detail = ""
        self.done = False
        """Whether nothing more is expected of the server."""

    @property
    def leaving(self) -> bool:
        """Whether QUIT has been said, or nothing more can be."""
        return self.done or self._waiting == "quit"

    def start(self) -> bytes:
        """What is to be sent first; nothing when the greeting must come before it."""
        return b"" if self._waiting else self._send("ehlo", self._ehlo)

    def receive(self, data: bytes) -> bytes:
        """Take what arrived and return what is to be sent, possibly nothing.

        Raises:
            ProbeError: what came is not SMTP.
        """
        self._reader.feed(data)
        out = b""
        while not self.done and (reply := self._reader.next_reply()):
            self._exchanges.append(Exchange(self._command, self._redacted(reply)))
            self._codes[self._waiting] = reply.code
            out += self._after(reply)
        return out

    def fail(self, detail: str) -> None:
        """Take note of what ended it from outside; what has succeeded by then stays so."""
        self._detail = self._detail or ("" if self._success else detail)
        self.done = True

    def exchanges(self) -> tuple[Exchange, ...]:
        """What was said so far, without the password."""
        unanswered = (Exchange(self._command, None),) if self._command and not self.done else ()
        return (*self._exchanges, *unanswered)

    def facts(self) -> TransactionFacts:
        """What became of it."""
        unfinished = "" if self._success else f"no reply to {self._waiting.upper() or 'nothing'}"
        detail = "" if self._success else self._detail or unfinished
        return TransactionFacts(success=self._success, codes=dict(self._codes), detail=detail)

    # --- the steps ---

    def _after(self, reply: Reply) -> bytes:
        waiting, self._waiting = self._waiting, ""
        if waiting == "quit":
            self.done = True
            return b""
        if waiting == "rset":
            return self._send("quit", "QUIT")
        if reply.code == 421:  # RFC 5321 section 3.8: the server is closing the connection
            self._refused(waiting, reply)
            self.done = True
            return b""
        expected = {"greeting": (220,), "data": (354,), "auth": (235, 334), "rcpt": (250, 251)}
        if reply.code not in expected.get(waiting, (250,)):
            return self._give_up(waiting, reply)
        return self._send("ehlo", self._ehlo) if waiting == "greeting" else self._next(waiting, reply)

    def _next(self, waiting: str, reply: Reply) -> bytes:
        match waiting:
            case "ehlo" if self._login:
                return self._authenticate(reply)
            case "auth" if reply.code != 235:
                return self._answer()
            case "ehlo" | "auth":
                return self._send("mail", self._mail)
            case "mail":
                return self._send("rcpt", self._rcpt)
            case "rcpt" if self._message:
                return self._send("data", "DATA")
            case "data":
                self._command, self._waiting = "(the message)", "message"
                return self._message + b".\r\n"
            case _:
                self._success = True
                return self._send("quit", "QUIT") if self._message else self._send("rset", "RSET")

    def _authenticate(self, reply: Reply) -> bytes:
        """RFC 4954 section 4, with the mechanism that was asked for or the first that both know."""
        assert self._login
        words = [line.upper().replace("=", " ").split() for line in reply.lines[1:]]
        offered = {word for line in words if line[:1] == ["AUTH"] for word in line[1:]}
        wanted = [self._login.mechanism] if self._login.mechanism else list(AuthMechanism)
        self._mechanism = next((each for each in wanted if each.value.upper() in offered), None)
        if self._mechanism is None:
            names = " or ".join(each.value.upper() for each in wanted)
            self._detail = f"the EHLO reply does not offer AUTH {names}"
            return self._send("quit", "QUIT")
        username, password = self._login.username.encode(), self._login.password.encode()
        if self._mechanism is AuthMechanism.LOGIN:
            self._responses = [base64.b64encode(username), base64.b64encode(password)]
            return self._send("auth", "AUTH LOGIN")
        initial = base64.b64encode(b"\0" + username + b"\0" + password)
        self._command, self._waiting = f"AUTH PLAIN {STARS}", "auth"
        return b"AUTH PLAIN " + initial + b"\r\n"

    def _answer(self) -> bytes:
        """A challenge is answered, or given up (RFC 4954 section 4) when nothing is left to say."""
        response = self._responses.pop(0) if self._responses else b"*"
        self._command, self._waiting = STARS, "auth"
        return response + b"\r\n"

    def _give_up(self, waiting: str, reply: Reply) -> bytes:
        self._refused(waiting, reply)
        return self._send("rset", "RSET") if waiting in {"rcpt", "data"} else self._send("quit", "QUIT")

    def _refused(self, waiting: str, reply: Reply) -> None:
        said = self._redacted(reply)
        self._detail = self._detail or f"{waiting.upper()} was answered with {said.code} {said.text}".rstrip()

    def _send(self, waiting: str, command: str) -> bytes:
        self._waiting, self._command = waiting, command
        return f"{command}\r\n".encode("ascii")

    def _redacted(self, reply: Reply) -> Reply:
        """The reply without the password, should the server repeat it."""
        if self._login is None or not any(reply.lines):
            return reply
        username, password = self._login.username.encode(), self._login.password.encode()
        encoded = (base64.b64encode(b"\0" + username + b"\0" + password), base64.b64encode(password))
        lines = reply.lines
        for secret in (*(each.decode() for each in encoded), self._login.password):
            lines = tuple(line.replace(secret, STARS) for line in lines)
        return replace(reply, lines=lines)
