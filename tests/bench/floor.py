"""The yardstick: a blocking loop over pyOpenSSL that obtains each server's certificate, and no more.

Connect, greeting, EHLO, STARTTLS, handshake, close; with implicit TLS the handshake comes first and is all.
It does not say QUIT, parses nothing, verifies nothing and keeps nothing, so a complete probe cannot be expected to
cost less. It is a yardstick all the same and no lower bound: it pays for blocking, which an event loop does not.
"""

from __future__ import annotations

import socket

from OpenSSL import SSL

from exporter.model import Mode
from tests.bench.measure import arguments, report, stopwatch
from tests.bench.servers import Member

_END_OF_REPLY = b" "


def obtain(context: SSL.Context, member: Member, mode: Mode) -> None:
    """Obtain one server's certificate.

    Raises:
        AssertionError: it did not work.
    """
    with socket.create_connection((member.address, member.port)) as connection:
        if mode is Mode.STARTTLS:
            _expect(connection, b"220")
            connection.sendall(b"EHLO bench.example.org\r\n")
            _expect(connection, b"250")
            connection.sendall(b"STARTTLS\r\n")
            _expect(connection, b"220")
        tls = SSL.Connection(context, connection)
        tls.set_tlsext_host_name(member.name.encode("ascii"))
        tls.set_connect_state()
        tls.do_handshake()
        assert tls.get_peer_certificate() is not None


def _expect(connection: socket.socket, code: bytes) -> None:
    """Read a reply up to the end of its last line, which has a space after the code."""
    reply = b""
    while not (reply.endswith(b"\r\n") and reply.splitlines()[-1][3:4] == _END_OF_REPLY):
        received = connection.recv(4096)
        assert received, "the server closed the connection"
        reply += received
    assert reply.startswith(code), reply


def main() -> None:
    """Measure one pass over the servers."""
    fleet = arguments()
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    with stopwatch(fleet.count) as cost:
        for member in fleet.members():
            obtain(context, member, fleet.mode)
    report({"floor": cost})


if __name__ == "__main__":
    main()
