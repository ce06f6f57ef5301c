"""The SMTP machine, fed with bytes alone."""

from __future__ import annotations

import pytest

from exporter.model import Exchange, Reason, Reply, Stage
from exporter.probe.errors import ProbeError
from exporter.probe.smtp import MAX_LINE, MAX_LINES, MAX_REPLY, Dialogue, ReplyReader

POSTFIX = (
    b"220 mail.example.org ESMTP Postfix (Debian/GNU)\r\n",
    b"250-mail.example.org\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-STARTTLS\r\n250 CHUNKING\r\n",
    b"220 2.0.0 Ready to start TLS\r\n",
)
EXCHANGE = (
    b"220 EXCHANGE01.int.contoso.com Microsoft ESMTP MAIL Service ready at Mon, 23 Nov 2026 21:04:05 +0100\r\n",
    b"250-EXCHANGE01.int.contoso.com Hello [127.0.0.1]\r\n250-SIZE 37748736\r\n250-PIPELINING\r\n250-DSN\r\n"
    b"250-ENHANCEDSTATUSCODES\r\n250-STARTTLS\r\n250-X-ANONYMOUSTLS\r\n250-AUTH NTLM\r\n250-X-EXPS GSSAPI NTLM\r\n"
    b"250-8BITMIME\r\n250-BINARYMIME\r\n250-CHUNKING\r\n250 XRDST\r\n",
    b"220 2.0.0 SMTP server ready\r\n",
)
LAST_LINE = (b"220 nginx ESMTP ready\r\n", b"250-nginx\r\n250 STARTTLS\r\n", b"220 2.0.0 OK\r\n")
POSTSCREEN = (b"220-mx ESMTP\r\n220 mx ESMTP Postfix\r\n", *POSTFIX[1:])
BARE_LF = (b"220 mx\n", b"250-mx\n250-starttls\n250 HELP\n", b"220\n")
NOT_ASCII = ("220 mäil ☃ ESMTP\r\n".encode(), b"250-\xff\xfe\r\n250 StartTLS\r\n", b"220 go\r\n")

SERVERS = {
    "postfix": POSTFIX,
    "exchange": EXCHANGE,
    "STARTTLS as the last line": LAST_LINE,
    "postscreen's teaser banner": POSTSCREEN,
    "bare LF and lower case": BARE_LF,
    "not ASCII": NOT_ASCII,
}


def converse(*packets: bytes, starttls: bool = True) -> tuple[Dialogue, bytes]:
    """A dialogue after these packets, and all that it sent."""
    dialogue = Dialogue("monitor.test", starttls=starttls)
    return dialogue, b"".join(dialogue.receive(packet) for packet in packets)


def failure(*packets: bytes) -> tuple[ProbeError, Dialogue]:
    """The error that the last of these packets causes, and the dialogue that ends in it."""
    *before, last = packets
    dialogue, _ = converse(*before)
    with pytest.raises(ProbeError) as caught:
        dialogue.receive(last)
    return caught.value, dialogue


@pytest.mark.parametrize("replies", SERVERS.values(), ids=SERVERS)
def test_reaches_tls(replies: tuple[bytes, ...]) -> None:
    """Greeting, EHLO and STARTTLS lead to TLS with every server that offers it, however it writes."""
    dialogue, sent = converse(*replies)
    assert dialogue.secure
    assert sent == b"EHLO monitor.test\r\nSTARTTLS\r\n"
    assert dialogue.facts().starttls_offered is True
    assert [exchange.command for exchange in dialogue.facts().exchanges] == [
        "",
        "EHLO monitor.test",
        "STARTTLS",
    ]


def test_says_one_thing_at_a_time() -> None:
    """Nothing is sent before the final line of a reply: early talkers are refused by real servers."""
    dialogue = Dialogue("monitor.test")
    assert dialogue.receive(b"220-wait for it\r\n") == b""
    assert dialogue.receive(b"220 ready") == b""
    assert dialogue.receive(b"\r\n") == b"EHLO monitor.test\r\n"


def test_keeps_what_was_said() -> None:
    """The transcript holds every command with its reply, and the capabilities without the first line."""
    dialogue, _ = converse(*LAST_LINE)
    facts = dialogue.facts()
    assert facts.greeting == Reply(220, ("nginx ESMTP ready",))
    assert facts.exchanges[1] == Exchange("EHLO monitor.test", Reply(250, ("nginx", "STARTTLS")))
    assert facts.capabilities == ("STARTTLS",)


def test_keeps_a_command_without_reply() -> None:
    """A command that was never answered is part of the transcript."""
    dialogue, _ = converse(POSTFIX[0])
    assert dialogue.facts().exchanges[-1] == Exchange("EHLO monitor.test", None)


FAILURES = {
    "421 greeting": ((b"421 too busy\r\n",), Reason.TEMPORARY_FAILURE, Stage.GREETING),
    "450 greeting": ((b"450 come back\r\n",), Reason.TEMPORARY_FAILURE, Stage.GREETING),
    "554 greeting": ((b"554 no mail here\r\n",), Reason.REJECTED, Stage.GREETING),
    "odd greeting": ((b"250 hello\r\n",), Reason.PROTOCOL_ERROR, Stage.GREETING),
    "421 to EHLO": ((POSTFIX[0], b"421 4.7.0 rate\r\n"), Reason.TEMPORARY_FAILURE, Stage.EHLO),
    "451 to EHLO": ((POSTFIX[0], b"451 try later\r\n"), Reason.TEMPORARY_FAILURE, Stage.EHLO),
    "502 to EHLO": ((POSTFIX[0], b"502 what?\r\n"), Reason.REJECTED, Stage.EHLO),
    "no STARTTLS": ((POSTFIX[0], b"250 plain\r\n"), Reason.STARTTLS_NOT_OFFERED, Stage.EHLO),
    "454 to STARTTLS": ((*POSTFIX[:2], b"454 no key\r\n"), Reason.TEMPORARY_FAILURE, Stage.STARTTLS),
    "502 to STARTTLS": ((*POSTFIX[:2], b"502 no\r\n"), Reason.STARTTLS_REFUSED, Stage.STARTTLS),
    "HTTP": ((b"HTTP/1.1 400 Bad Request\r\n",), Reason.PROTOCOL_ERROR, Stage.GREETING),
    "SSH": ((b"SSH-2.0-OpenSSH_9.2\r\n",), Reason.PROTOCOL_ERROR, Stage.GREETING),
    "TLS": ((b"\x16\x03\x03\x00\x7a",), Reason.PROTOCOL_ERROR, Stage.GREETING),
    "long line": ((b"220-" + b"x" * MAX_LINE,), Reason.LIMIT_EXCEEDED, Stage.GREETING),
    "many lines": ((b"220-x\r\n" * (MAX_LINES + 1),), Reason.LIMIT_EXCEEDED, Stage.GREETING),
    "long reply": (
        ((b"220-" + b"x" * 4000 + b"\r\n") * (MAX_REPLY // 4000 + 1),),
        Reason.LIMIT_EXCEEDED,
        Stage.GREETING,
    ),
}


@pytest.mark.parametrize(("packets", "reason", "stage"), FAILURES.values(), ids=FAILURES)
def test_ends_with_a_reason(packets: tuple[bytes, ...], reason: Reason, stage: Stage) -> None:
    """Each way in which a dialogue can fail has its reason, and is noticed at its stage."""
    assert converse(*packets[:-1])[0].stage is stage
    assert failure(*packets)[0].reason is reason


@pytest.mark.parametrize("reply", [b"421 busy\r\n", b"451 later\r\n", b"550 go away\r\n"])
def test_a_refusal_is_not_the_absence_of_starttls(reply: bytes) -> None:
    """A server that refuses to talk has said nothing about STARTTLS."""
    _, dialogue = failure(POSTFIX[0], reply)
    assert dialogue.facts().starttls_offered is None


def test_the_servers_words_are_kept() -> None:
    """The detail of a failure quotes the reply."""
    error, _ = failure(b"421 4.7.0 mx.example.org Error: too many connections\r\n")
    assert "421 4.7.0 mx.example.org Error: too many connections" in error.detail


def test_plaintext_after_220_is_kept_and_never_used() -> None:
    """Bytes behind the 220 to STARTTLS end the dialogue and are reported."""
    error, dialogue = failure(*POSTFIX[:2], POSTFIX[2] + b"250 injected\r\n")
    assert error.reason is Reason.PLAINTEXT_INJECTION
    assert dialogue.facts().injected == b"250 injected\r\n"
    assert dialogue.facts().starttls_offered is True
    assert not dialogue.secure
    assert dialogue.quit() == b""


def test_quits_politely_after_a_temporary_failure() -> None:
    """After 4xx the session is still there, and QUIT ends it."""
    _, dialogue = failure(POSTFIX[0], b"451 later\r\n")
    assert dialogue.quit() == b"QUIT\r\n"
    assert dialogue.receive(b"221 bye\r\n") == b""
    assert dialogue.done


def test_does_not_talk_to_a_server_that_closes() -> None:
    """After 421 the server is gone (RFC 5321 section 3.8)."""
    _, dialogue = failure(b"421 shutting down\r\n")
    assert dialogue.quit() == b""


def test_inside_implicit_tls_only_greeting_and_quit() -> None:
    """Over implicit TLS the client waits for the greeting and says QUIT."""
    dialogue, sent = converse(POSTFIX[0], b"221 bye\r\n", starttls=False)
    assert sent == b"QUIT\r\n"
    assert dialogue.done
    assert dialogue.facts().starttls_offered is None


def test_quit_after_tls() -> None:
    """After the handshake QUIT and its reply end the session."""
    dialogue, _ = converse(*POSTFIX)
    assert dialogue.quit() == b"QUIT\r\n"
    assert not dialogue.secure
    dialogue.receive(b"221 2.0.0 Bye\r\n")
    assert dialogue.facts().exchanges[-1] == Exchange("QUIT", Reply(221, ("2.0.0 Bye",)))


@pytest.mark.parametrize("name", ["", "a b", "a\r\nMAIL FROM:<x@y>", "a\x00"])
def test_refuses_a_name_that_is_more_than_a_name(name: str) -> None:
    """Nothing that ends the EHLO line early can be sent as our name."""
    with pytest.raises(ValueError, match="not a name to greet with"):
        Dialogue(name).receive(POSTFIX[0])


def test_reader_tells_what_is_left() -> None:
    """What follows a reply stays in the reader."""
    reader = ReplyReader()
    reader.feed(b"220 a\r\n250 b\r\nrest")
    assert reader.next_reply() == Reply(220, ("a",))
    assert reader.rest() == b"250 b\r\nrest"


def test_text_that_is_not_utf8_is_kept_readable() -> None:
    """Bytes that are no text are shown as escapes, not lost."""
    reader = ReplyReader()
    reader.feed(b"220 caf\xe9\r\n")
    assert reader.next_reply() == Reply(220, (r"caf\xe9",))
