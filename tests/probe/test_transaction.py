"""The transaction after TLS: against aiosmtpd, against scripted replies, and what never gets out."""

from __future__ import annotations

import asyncio
import base64
import email
import email.utils
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from exporter.demo.smtpd import Server, exchange, postfix, server_context
from exporter.model import AuthMechanism, Login, Mode, Observation, Stage, Target, Transaction
from exporter.probe.stream import look
from exporter.probe.transaction import SUBJECT, TransactionDialogue, compose

if TYPE_CHECKING:
    from exporter.demo.authority import Issued

SECRET = "s3cret-pässword"
WANTED = Transaction(mail_from="monitor@example.org", rcpt_to="probe@example.org")


class Mailbox(Sink):
    """Takes mail for one recipient and keeps it."""

    def __init__(self) -> None:
        super().__init__()
        self.mails: list[bytes] = []

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name and arguments
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Sequence[str]
    ) -> str:
        """Greylist one recipient, refuse the others but the mailbox's owner."""
        if address == "grey@example.org":
            return "450 4.2.0 Greylisted, come back later"
        if address != WANTED.rcpt_to:
            return "550 5.1.1 User unknown"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep the message."""
        assert isinstance(envelope.content, bytes)
        self.mails.append(envelope.content)
        return "250 OK"


def authenticate(
    _server: SMTP, _session: Session, _envelope: Envelope, mechanism: str, data: object
) -> AuthResult:
    """Know one account."""
    assert mechanism in {"PLAIN", "LOGIN"}
    assert isinstance(data, LoginPassword)
    return AuthResult(success=data == LoginPassword(b"monitor", SECRET.encode()), handled=False)


async def attempt(
    wanted: Transaction, leaf: Issued, mailbox: Mailbox, mode: Mode = Mode.STARTTLS, *, auth: bool = False
) -> Observation:
    """Try a transaction at an aiosmtpd."""
    context = server_context(leaf)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(
            mailbox,
            tls_context=context if mode is Mode.STARTTLS else None,
            authenticator=authenticate if auth else None,
            auth_required=auth,
            auth_require_tls=mode is Mode.STARTTLS,
        ),
        "127.0.0.1",
        0,
        ssl=context if mode is Mode.TLS else None,
    )
    async with server:
        port = server.sockets[0].getsockname()[1]
        target = Target(
            name="a", host="127.0.0.1", port=port, mode=mode, ehlo_name="monitor.test", transaction=wanted
        )
        seen, took = await look(target, "127.0.0.1", timeout=30)
        assert took[Stage.TRANSACTION] >= 0
        return seen


def commands(seen: Observation) -> list[str]:
    """What was said to the server, as it is recorded."""
    return [exchange.command for exchange in seen.smtp.exchanges]


@pytest.mark.parametrize("mode", Mode)
async def test_accepted_recipient(mode: Mode, leaf: Issued) -> None:
    """The server would take the mail, and gets none; EHLO is said again inside TLS."""
    mailbox = Mailbox()
    seen = await attempt(WANTED, leaf, mailbox, mode)
    before = ["", "EHLO monitor.test", "STARTTLS"] if mode is Mode.STARTTLS else [""]
    assert commands(seen) == [
        *before,
        "EHLO monitor.test",
        "MAIL FROM:<monitor@example.org>",
        "RCPT TO:<probe@example.org>",
        "RSET",
        "QUIT",
    ]
    assert seen.transaction is not None
    assert (seen.transaction.success, seen.transaction.detail) == (True, "")
    greeting = {} if mode is Mode.STARTTLS else {"greeting": 220}
    assert seen.transaction.codes == {
        **greeting, "ehlo": 250, "mail": 250, "rcpt": 250, "rset": 250, "quit": 221
    }  # fmt: skip
    assert mailbox.mails == []


@pytest.mark.parametrize(("who", "code"), [("nobody", 550), ("grey", 450)])
async def test_refused_recipient(who: str, code: int, leaf: Issued) -> None:
    """A refusal is told with the server's words, the session still ends politely, the certificate is there."""
    wanted = Transaction(mail_from="", rcpt_to=f"{who}@example.org", send=True)
    seen = await attempt(wanted, leaf, Mailbox())
    assert seen.failure is None
    assert seen.chain == (leaf.der,)
    assert seen.tls is not None
    assert seen.tls.aborted is None
    assert seen.transaction is not None
    assert not seen.transaction.success
    assert seen.transaction.detail.startswith(f"RCPT was answered with {code} ")
    assert seen.transaction.codes["rcpt"] == code
    assert commands(seen)[-3:] == [f"RCPT TO:<{who}@example.org>", "RSET", "QUIT"]


async def test_sent_message_arrives_once(leaf: Issued) -> None:
    """With `send` one message with the documented headers lies in the mailbox."""
    mailbox = Mailbox()
    seen = await attempt(
        Transaction(mail_from=WANTED.mail_from, rcpt_to=WANTED.rcpt_to, send=True), leaf, mailbox
    )
    assert seen.transaction is not None
    assert seen.transaction.success
    (mail,) = mailbox.mails
    message = email.message_from_bytes(mail)
    assert (message["Subject"], message["From"], message["To"]) == (
        SUBJECT,
        "<monitor@example.org>",
        "<probe@example.org>",
    )
    token = message["Message-ID"].removeprefix("<").partition("@")[0]
    assert len(token) == 32
    assert f"Token: {token}" in message.get_payload()
    assert abs((email.utils.parsedate_to_datetime(message["Date"]) - datetime.now(UTC)).total_seconds()) < 600


@pytest.mark.parametrize("mechanism", [None, *AuthMechanism])
@pytest.mark.parametrize(
    ("password", "code"), [(SECRET, 235), ("wr0ng-passw0rd", 535)], ids=["right", "wrong"]
)
async def test_authentication(
    mechanism: AuthMechanism | None, password: str, code: int, leaf: Issued
) -> None:
    """Right and wrong passwords are told apart, and stand nowhere in what is recorded."""
    login = Login(username="monitor", password=password, mechanism=mechanism)
    wanted = Transaction(mail_from=WANTED.mail_from, rcpt_to=WANTED.rcpt_to, login=login)
    seen = await attempt(wanted, leaf, Mailbox(), auth=True)
    assert seen.transaction is not None
    assert seen.transaction.success is (code == 235)
    assert seen.transaction.codes["auth"] == code
    assert ("mail" in seen.transaction.codes) is (code == 235)
    assert commands(seen)[-1] == "QUIT"
    shown = f"{seen!r}{login!r}"
    plain = base64.b64encode(b"\0monitor\0" + password.encode()).decode()
    assert not [
        secret
        for secret in (password, base64.b64encode(password.encode()).decode(), plain)
        if secret in shown
    ]


async def test_server_that_takes_no_mail(leaf: Issued) -> None:
    """A 450 to MAIL is a failed transaction and nothing else."""
    async with Server(exchange("mx"), server_context(leaf)) as server:
        target = Target(
            name="a", host="127.0.0.1", port=server.port, ehlo_name="monitor.test", transaction=WANTED
        )
        seen, _ = await look(target, "127.0.0.1", timeout=30)
    assert seen.failure is None
    assert seen.transaction is not None
    assert seen.transaction.detail == (
        "MAIL was answered with 450 4.3.2 Service not available, this server takes no mail"
    )


async def test_nothing_is_tried_without_being_asked_for(leaf: Issued) -> None:
    """A target without a transaction gets QUIT after the handshake."""
    async with Server(postfix("mx"), server_context(leaf)) as server:
        target = Target(name="a", host="127.0.0.1", port=server.port, ehlo_name="monitor.test")
        seen, took = await look(target, "127.0.0.1", timeout=30)
    assert seen.transaction is None
    assert commands(seen) == ["", "EHLO monitor.test", "STARTTLS", "QUIT"]
    assert Stage.TRANSACTION not in took


def test_reply_that_repeats_the_password_is_redacted() -> None:
    """A server that says the password back does not get it into the record."""
    login = Login(username="monitor", password=SECRET, mechanism=AuthMechanism.PLAIN)
    dialogue = TransactionDialogue(
        Transaction(mail_from="", rcpt_to="a@b", login=login), "monitor.test", greeting=False
    )
    dialogue.start()
    sent = dialogue.receive(b"250-mx\r\n250 AUTH=PLAIN\r\n")
    dialogue.receive(b"535 no: " + sent.strip() + b" " + SECRET.encode() + b"\r\n")
    assert dialogue.facts().detail == "AUTH was answered with 535 no: AUTH PLAIN *** ***"
    assert SECRET not in f"{dialogue.exchanges()!r}"


@pytest.mark.parametrize("said", [b"250 mx\r\n", b"250-mx\r\n250 AUTH CRAM-MD5 XPLAIN\r\n"])
def test_no_common_mechanism(said: bytes) -> None:
    """Without a mechanism that both know the password is not said."""
    login = Login(username="monitor", password=SECRET)
    dialogue = TransactionDialogue(
        Transaction(mail_from="", rcpt_to="a@b", login=login), "monitor.test", greeting=False
    )
    assert dialogue.start() == b"EHLO monitor.test\r\n"
    assert dialogue.receive(said) == b"QUIT\r\n"
    assert dialogue.facts().detail == "the EHLO reply does not offer AUTH PLAIN or LOGIN"


def test_endless_challenges_end() -> None:
    """A challenge too many is given up with `*` and never answered with something else."""
    login = Login(username="u", password=SECRET, mechanism=AuthMechanism.PLAIN)
    dialogue = TransactionDialogue(
        Transaction(mail_from="", rcpt_to="a@b", login=login), "monitor.test", greeting=False
    )
    dialogue.start()
    dialogue.receive(b"250-mx\r\n250 AUTH PLAIN\r\n")
    assert dialogue.receive(b"334 more\r\n") == b"*\r\n"
    assert dialogue.receive(b"501 cancelled\r\n") == b"QUIT\r\n"


@pytest.mark.parametrize("where", ["mail_from", "rcpt_to"])
@pytest.mark.parametrize(
    "address",
    ["a@b\r\nDATA", "a@b>\nRSET", "a b@c", "a@b\0", "müller@example.org", "<a@b>", "a@b> SIZE=1", "@", "a"],
)
def test_injection_is_refused_by_the_machine(where: str, address: str) -> None:
    """Whatever the configuration let pass, an address that is more than one is not spoken or written."""
    wanted = Transaction(
        mail_from=address if where == "mail_from" else "a@b", rcpt_to=address if where == "rcpt_to" else "a@b"
    )
    with pytest.raises(ValueError, match="must"):
        TransactionDialogue(wanted, "monitor.test", greeting=False)
    with pytest.raises(ValueError, match="must"):
        compose(wanted, datetime.now(UTC), "token")


def test_421_ends_it() -> None:
    """After 421 nothing more is said (RFC 5321 section 3.8)."""
    dialogue = TransactionDialogue(WANTED, "monitor.test", greeting=True)
    assert dialogue.start() == b""
    assert dialogue.receive(b"421 4.3.2 shutting down\r\n") == b""
    assert dialogue.done
    assert dialogue.facts().detail == "GREETING was answered with 421 4.3.2 shutting down"
