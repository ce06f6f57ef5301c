"""However the network cuts what a server sends, the machines see the same."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.model import Reason, Reply, Transaction
from exporter.probe.errors import ProbeError
from exporter.probe.smtp import MAX_LINE, MAX_LINES, MAX_REPLY, Dialogue, ReplyReader
from exporter.probe.tls import TlsClient
from exporter.probe.transaction import TransactionDialogue
from tests.probe.flights import MemoryServer
from tests.probe.hostile import authority, leaf, usual
from tests.probe.test_smtp import SERVERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CUTS = st.lists(st.integers(min_value=0, max_value=300), max_size=12)
CODES = st.sampled_from([b"220", b"250", b"334", b"354", b"421", b"450", b"502", b"554"])
TEXTS = st.binary(max_size=20).map(lambda text: text.replace(b"\n", b""))
ENDS = st.sampled_from([b"\r\n", b"\n"])


@st.composite
def replies(draw: st.DrawFn, code: bytes = b"") -> bytes:
    """A reply of some lines, as it comes over the wire."""
    code = code or draw(CODES)
    more = draw(st.lists(TEXTS, max_size=4))
    lines = [code + b"-" + text + draw(ENDS) for text in more]
    last = draw(st.sampled_from([code, code + b" ", code + b" STARTTLS", code + b" ok"]))
    return b"".join((*lines, last, draw(ENDS)))


@st.composite
def excesses(draw: st.DrawFn) -> bytes:
    """Around the caps: long lines, many lines, long replies, and what is too long to be anything."""
    near = draw(st.integers(min_value=-3, max_value=3))
    line = b"220-" + b"x" * (MAX_LINE - 6 + near)
    return draw(
        st.sampled_from(
            [
                line + b"\r\n220 ok\r\n",
                b"220-a\r\n" * (MAX_LINES - 1 + near) + b"220 ok\r\n",
                (b"220-" + b"x" * 1018 + b"\r\n") * (MAX_REPLY // 1024 + near) + b"220 ok\n",
                b"x" * (MAX_LINE + near),
                b"9" * (MAX_LINE + near) + b"\r\n",
            ]
        )
    )


SAID = st.lists(st.one_of(replies(), replies(), st.binary(max_size=30), excesses()), max_size=5).map(b"".join)


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    """The bytes in pieces that end at these places, counted modulo the length; some may be empty."""
    ends = sorted({0, len(data), *(place * 7919 % (len(data) + 1) for place in places)})
    return [data[begin:end] for begin, end in pairwise(ends)] or [data]


def read(pieces: Iterable[bytes]) -> list[Reply | Reason]:
    """The replies, and the reason why there are no more."""
    reader, events = ReplyReader(), list[Reply | Reason]()
    try:
        for piece in pieces:
            reader.feed(piece)
            while reply := reader.next_reply():
                events.append(reply)
    except ProbeError as error:
        events.append(error.reason)
    return events


@settings(deadline=None)  # a busy machine is no failure
@given(SAID, CUTS)
def test_replies(said: bytes, places: list[int]) -> None:
    """Any split of any bytes gives the same replies and ends in the same error."""
    assert read(cut(said, places)) == read([said])


@settings(deadline=None)  # a busy machine is no failure
@given(SAID)
def test_replies_byte_by_byte(said: bytes) -> None:
    """So does the finest one."""
    assert read(said[at : at + 1] for at in range(len(said))) == read([said])


def speak(flights: Sequence[bytes], places: Iterable[int], *, starttls: bool) -> tuple[object, ...]:
    """All that can be told of a dialogue in which each flight is sent when the one before was answered."""
    dialogue, sent, reason = Dialogue("monitor.test", starttls=starttls), b"", None
    try:
        for flight in flights:
            for piece in cut(flight, places):
                if not dialogue.secure and not dialogue.done:
                    sent += dialogue.receive(piece)
    except ProbeError as error:
        reason = error.reason
    return sent, reason, dialogue.step, dialogue.facts()


TO_TLS = st.one_of(
    st.sampled_from(list(SERVERS.values())), st.tuples(replies(b"220"), replies(b"250"), replies(b"220"))
)


@settings(deadline=None)  # a busy machine is no failure
@given(st.one_of(TO_TLS, st.lists(replies(), max_size=4)), CUTS, st.booleans())
def test_dialogues(flights: Sequence[bytes], places: list[int], starttls: bool) -> None:
    """Any split of any dialogue sends the same commands and leads to the same facts and errors."""
    assert speak(flights, places, starttls=starttls) == speak(flights, (), starttls=starttls)


def transact(flights: Sequence[bytes], places: Iterable[int]) -> tuple[object, ...]:
    """All that can be told of a transaction."""
    wanted = Transaction(mail_from="monitor@example.org", rcpt_to="probe@example.org")
    transaction = TransactionDialogue(wanted, "monitor.test", greeting=True)
    sent, reason = transaction.start(), None
    try:
        for flight in flights:
            for piece in cut(flight, places):
                sent += transaction.receive(piece)
    except ProbeError as error:
        reason = error.reason
    return sent, reason, transaction.done, transaction.exchanges(), transaction.facts()


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(replies(), max_size=8), CUTS)
def test_transactions(flights: Sequence[bytes], places: list[int]) -> None:
    """Any split of any transaction gives the same facts."""
    assert transact(flights, places) == transact(flights, ())


@settings(deadline=None, max_examples=50)  # a busy machine is no failure, and a handshake takes a millisecond
@given(CUTS, st.binary(min_size=1, max_size=100))
def test_handshakes(places: list[int], greeting: bytes) -> None:
    """Any split of a real server's flights leads to the same certificates and the same text inside TLS."""
    client, server = TlsClient("mail.example.org"), MemoryServer(usual())
    sent, plain = client.start(), b""
    while flight := server.answer(sent, greeting):
        sent = b""
        for piece in cut(flight, places):
            said, answer = client.receive(piece)
            plain, sent = plain + said, sent + answer
    assert client.established
    assert client.chain() == (leaf().der, authority().der)
    assert plain == greeting
