"""What is fuzzed: each target takes any bytes, and raises when a machine does what it must never do.

The first bytes of an input say how the rest is used: in pieces of which size, for which kind of session. That
keeps inputs plain files, which a failing run leaves behind and a test can replay.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from exporter.model import AuthMechanism, KeyType, Login, Transaction
from exporter.probe.errors import ProbeError
from exporter.probe.smtp import MAX_LINE, MAX_LINES, MAX_REPLY, Dialogue, ReplyReader
from exporter.probe.tls import TlsClient
from exporter.probe.transaction import TransactionDialogue
from tests.probe.flights import MemoryServer
from tests.probe.hostile import usual

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

OURS = (b"EHLO monitor.test\r\n", b"STARTTLS\r\n", b"QUIT\r\n")
LOGIN = Login(username="user", password="correct horse", mechanism=AuthMechanism.LOGIN)
TRANSACTIONS = (
    Transaction(mail_from="monitor@example.org", rcpt_to="probe@example.org"),
    Transaction(mail_from="", rcpt_to="probe@example.org", send=True),
    Transaction(mail_from="monitor@example.org", rcpt_to="probe@example.org", login=LOGIN),
)
KEY_TYPES = (None, KeyType.RSA, KeyType.ECDSA)


def replies(data: bytes) -> None:
    """A server's side of a dialogue in plaintext, and of a transaction inside TLS."""
    choice, pieces = data[:1] or b"\0", list(_pieces(data[1:]))
    _read_replies(pieces)
    _hold_dialogue(pieces, starttls=not choice[0] & 1)
    _try_transaction(pieces, TRANSACTIONS[choice[0] % len(TRANSACTIONS)], greeting=bool(choice[0] & 1))


def handshake(data: bytes) -> None:
    """A server's side of TLS: any bytes, or a real server's with some of them changed."""
    choice = data[0] if data else 0
    client = TlsClient("mail.example.org", KEY_TYPES[choice % len(KEY_TYPES)])
    with contextlib.suppress(ProbeError):
        if choice & 128:
            _shake_hands(client, data[1:])
        else:
            client.start()
            for piece in _pieces(data[1:]):
                client.receive(piece)
    assert isinstance(client.chain(), tuple)
    assert isinstance(client.staple(), bytes)
    assert client.facts("aborted").version
    client.close()


TARGETS: Mapping[str, Callable[[bytes], None]] = {"replies": replies, "handshake": handshake}


def _pieces(data: bytes) -> Iterator[bytes]:
    """The bytes after the first, in pieces of as many as that says; all at once for 0."""
    size = (data[0] if data else 0) or max(len(data), 1)
    for at in range(1, len(data), size):
        yield data[at : at + size]


def _read_replies(pieces: list[bytes]) -> None:
    reader = ReplyReader()
    with contextlib.suppress(ProbeError):
        for piece in pieces:
            reader.feed(piece)
            while reply := reader.next_reply():
                assert 200 <= reply.code < 600
                assert 1 <= len(reply.lines) <= MAX_LINES
                assert not any("\n" in line for line in reply.lines)
                assert sum(map(len, reply.lines)) <= 4 * MAX_REPLY  # a byte may be shown as `\xff`
            assert len(reader.rest()) <= MAX_LINE


def _hold_dialogue(pieces: list[bytes], *, starttls: bool) -> None:
    dialogue, sent = Dialogue("monitor.test", starttls=starttls), b""
    for piece in pieces:
        if dialogue.secure or dialogue.done:
            break
        try:
            sent += dialogue.receive(piece)
        except ProbeError:
            sent += b"" if dialogue.done else dialogue.quit()
            break
    facts = dialogue.facts()
    assert set(sent.splitlines(keepends=True)) <= set(OURS)
    assert not (dialogue.secure and (facts.injected or not facts.starttls_offered))
    assert dialogue.stage


def _try_transaction(pieces: list[bytes], wanted: Transaction, *, greeting: bool) -> None:
    transaction = TransactionDialogue(wanted, "monitor.test", message=b"Subject: x\r\n", greeting=greeting)
    transaction.start()
    with contextlib.suppress(ProbeError):
        for piece in pieces:
            transaction.receive(piece)
    facts = transaction.facts()
    assert set(facts.codes.values()) <= set(range(200, 600))
    told = repr(transaction.exchanges()) + facts.detail
    assert not wanted.login or wanted.login.password not in told


def _shake_hands(client: TlsClient, data: bytes) -> None:
    """Let a real server answer, with what the data says added to bytes of it."""
    server, changes, sent, begins = MemoryServer(usual()), _changes(data), client.start(), 0
    for _ in range(6):
        flight = bytearray(server.answer(sent, b"220 mx ESMTP\r\n"))
        ends = begins + len(flight)
        for place in range(begins, ends):
            flight[place - begins] = (flight[place - begins] + changes.get(place, 0)) % 256
        begins = ends
        _, sent = client.receive(bytes(flight))


def _changes(data: bytes) -> Mapping[int, int]:
    """What is added at which place: each three bytes are a distance from the last place, and a number."""
    found, place = {}, 0
    for at in range(0, len(data) - 2, 3):
        place += int.from_bytes(data[at : at + 2], "little")
        found[place] = data[at + 2]
    return found
