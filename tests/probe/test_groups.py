"""One key share is sent, and every group is negotiated as if all of them had been."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, cast

import pytest
from cryptography import x509
from OpenSSL import SSL

from exporter.demo.authority import Issued
from exporter.model import TlsFacts
from exporter.probe.tls import TlsClient

SUPPORTED_GROUPS, KEY_SHARE = 10, 51  # RFC 8446 section 4.2
X25519 = 0x1D
GROUPS = ("X25519", "P-256", "X448", "P-384", "P-521", "ffdhe2048", "X25519MLKEM768")
library = cast("Any", SSL)._lib


def extensions(hello: bytes) -> dict[int, bytes]:
    """Those of a ClientHello in its record (RFC 8446 section 4.1.2)."""
    at = 5 + 4 + 2 + 32
    at += 1 + hello[at]
    at += 2 + int.from_bytes(hello[at : at + 2])
    at += 1 + hello[at] + 2
    found = {}
    while at < len(hello):
        kind, length = struct.unpack_from(">HH", hello, at)
        found[kind] = hello[at + 4 : at + 4 + length]
        at += 4 + length
    return found


def groups(hello: bytes) -> list[int]:
    """The numbers of the groups that are offered."""
    return [number for (number,) in struct.iter_unpack(">H", extensions(hello)[SUPPORTED_GROUPS][2:])]


def shares(hello: bytes) -> list[int]:
    """The numbers of those that a key is sent for."""
    data, at, found = extensions(hello)[KEY_SHARE][2:], 0, []
    while at < len(data):
        number, length = struct.unpack_from(">HH", data, at)
        found.append(number)
        at += 4 + length
    return found


def default_hello() -> bytes:
    """What OpenSSL sends by itself."""
    client = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), None)
    client.set_connect_state()
    with pytest.raises(SSL.WantReadError):
        client.do_handshake()
    return client.bio_read(65536)


def test_one_share_and_the_usual_groups() -> None:
    """The offer has OpenSSL's own groups in its order; only X25519 comes with a key."""
    hello = TlsClient("mail.example.org").start()
    assert groups(hello) == groups(default_hello())
    assert shares(hello) == [X25519]


def server(leaf: Issued, accepted: str, newest: int | None = None) -> SSL.Connection:
    """One that accepts only a group."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.use_certificate(x509.load_der_x509_certificate(leaf.der))
    context.use_privatekey(cast("Any", leaf.key))
    if newest is not None:
        context.set_max_proto_version(newest)
    if library.SSL_CTX_set1_curves_list(cast("Any", context)._context, accepted.encode()) != 1:
        library.ERR_clear_error()
        pytest.skip(f"this OpenSSL does not know the group {accepted}")
    connection = SSL.Connection(context, None)
    connection.set_accept_state()
    return connection


def shake_hands(connection: SSL.Connection) -> tuple[TlsFacts, Sequence[bytes]]:
    """What was agreed on, and each flight that the client sent."""
    client = TlsClient("mail.example.org")
    flights = [client.start()]
    while not client.established:
        connection.bio_write(flights[-1])
        for step in (connection.do_handshake, lambda: connection.recv(1)):
            try:
                step()
            except SSL.WantReadError:
                break
        flights.append(client.receive(connection.bio_read(65536))[1])
    return client.facts(), flights


@pytest.mark.parametrize("group", GROUPS)
def test_a_server_that_wants_another_group_gets_it(leaf: Issued, group: str) -> None:
    """It asks for the share that it lacks (HelloRetryRequest), and the handshake goes on."""
    facts, flights = shake_hands(server(leaf, group))
    assert facts.group is not None
    assert facts.version == "TLSv1.3"
    assert len(flights) == (2 if group == "X25519" else 3)


def test_a_server_of_tls_1_2(leaf: Issued) -> None:
    """There no shares are sent ahead, and any of the curves will do."""
    facts, _ = shake_hands(server(leaf, "P-384", SSL.TLS1_2_VERSION))
    assert facts.version == "TLSv1.2"
    assert facts.group == "secp384r1"


def test_no_packet_for_middleboxes_alone(leaf: Issued) -> None:
    """The ChangeCipherSpec of TLS 1.3 (RFC 8446 appendix D.4) goes with the flight that follows it."""
    connection, client = server(leaf, "X25519"), TlsClient("mail.example.org")
    connection.bio_write(client.start())
    with pytest.raises(SSL.WantReadError):
        connection.do_handshake()
    flight = connection.bio_read(65536)
    first = 5 + int.from_bytes(flight[3:5])
    assert client.receive(flight[:first])[1] == b""
    last = client.receive(flight[first:])[1]
    assert client.established
    assert last.startswith(bytes.fromhex("140303000101"))
    connection.bio_write(last)
    connection.do_handshake()
