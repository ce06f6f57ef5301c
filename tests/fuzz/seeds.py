"""What fuzzing begins with: whole dialogues and flights, so that it need not find out what SMTP and TLS are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.probe.flights import ALERT, HANDSHAKE_FAILURE, certificates, record, records, server_hello
from tests.probe.hostile import leaf
from tests.probe.test_smtp import SERVERS

if TYPE_CHECKING:
    from collections.abc import Iterator

WHOLE = b"\0"
TRANSACTION = (
    b"220 mx\r\n250-mx\r\n250 AUTH PLAIN LOGIN\r\n334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n235 2.7.0 ok\r\n"
    b"250 2.1.0 ok\r\n250 2.1.5 ok\r\n354 go on\r\n250 2.0.0 queued\r\n221 bye\r\n"
)
FLIGHTS = (
    record(ALERT, HANDSHAKE_FAILURE),
    records(server_hello()),
    records(server_hello(cipher=b"\x13\x01")),
    b"220 mx ESMTP\r\n",
)
CHANGES = (b"", b"\x00\x00\x01", b"\x05\x00\xff", b"\x80\x00\x01", b"\x00\x02\x80\x10\x00\x40")


def replies() -> Iterator[bytes]:
    """For each server its whole dialogue, at once and in small pieces, for each kind of session."""
    for server in (*SERVERS.values(), (TRANSACTION,)):
        for choice in range(6):
            yield bytes([choice]) + WHOLE + b"".join(server)
            yield bytes([choice, 7]) + b"".join(server)


def handshake() -> Iterator[bytes]:
    """Flights written by hand, and changes to those of a real server."""
    chosen = records(server_hello() + certificates(leaf().der))
    for flight in (*FLIGHTS, chosen):
        yield b"\0" + WHOLE + flight
        yield b"\1\x10" + flight
    for changes in CHANGES:
        yield b"\x80" + changes
        yield b"\x82" + changes


SEEDS = {"replies": replies, "handshake": handshake}
