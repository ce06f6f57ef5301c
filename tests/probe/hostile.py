"""The table of hostile peers: what each does, and the stage and reason that a look at it ends with.

A row without an end is a peer whose certificate was obtained before it misbehaved, which is no failure. Peers
in `HANGING` keep the connection until the client's deadline; all others end it, or make the client end it,
sooner.
"""

from __future__ import annotations

import functools
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cryptography import x509

from exporter.demo.authority import Intermediate, Issued, Leaf, Root, self_signed
from exporter.demo.smtpd import server_context
from exporter.model import Mode, Reason, Stage
from tests.peers import (
    close,
    dripping,
    expect,
    flood,
    hear,
    reset,
    send,
    silence,
    tarpit,
    tls,
)
from tests.probe.flights import (
    ALERT,
    HANDSHAKE,
    HANDSHAKE_FAILURE,
    PROTOCOL_VERSION,
    certificates,
    record,
    records,
    server_hello,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.peers import Step

HOST = "mail.example.org"


@dataclass(frozen=True)
class Hostile:
    """A script, and the end of a look at its peer; None where the certificate counts all the same."""

    steps: tuple[Step, ...]
    end: tuple[Stage, Reason] | None
    mode: Mode = Mode.STARTTLS


@functools.cache
def authority() -> Issued:
    """Signs the certificates below."""
    return self_signed(Root("CN=Hostile Root"), datetime.now(UTC).replace(microsecond=0))


@functools.cache
def leaf() -> Issued:
    """A usual certificate."""
    return authority().issue(Leaf(f"CN={HOST}", dns=(HOST,)))


@functools.cache
def usual() -> ssl.SSLContext:
    """A server whose certificate is in order."""
    return server_context(leaf(), authority())


@functools.cache
def anonymous() -> ssl.SSLContext:
    """Agrees on keys without any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("AECDH-AES128-SHA:@SECLEVEL=0")
    return context


@functools.cache
def long_chain() -> ssl.SSLContext:
    """Sends more than 100 KB of certificates, each with an extension that nobody knows."""
    ballast = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.2"), bytes(10_000))
    further = [
        authority().issue(Intermediate(f"CN=Ballast {number}", extensions=((ballast, False),)))
        for number in range(11)
    ]
    return server_context(leaf(), *further)


@functools.cache
def many_names() -> ssl.SSLContext:
    """Sends a certificate with 10,000 names, as short as they can be: it is 96 KB long."""
    names = tuple(f"{number:04x}.z" for number in range(10_000))
    return server_context(authority().issue(Leaf(f"CN={HOST}", dns=names)))


@functools.cache
def long_names() -> ssl.SSLContext:
    """Sends a certificate with 10,000 names of usual length, which OpenSSL finds too long."""
    names = tuple(f"host-{number:05}.{HOST}" for number in range(10_000))
    return server_context(authority().issue(Leaf(f"CN={HOST}", dns=names)))


def _unreadable() -> bytes:
    """A certificate whose outermost length is right, and nothing else."""
    return b"\x30\x82\x02\x00" + b"\xa5" * 512


GREETED = (send("220 mx ESMTP"), expect("EHLO"))
OFFERED = (*GREETED, send(b"250-mx\r\n250 STARTTLS\r\n"), expect("STARTTLS"))
TO_TLS = (*OFFERED, send("220 go"), hear())
SSH = "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3"
HTTP = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n<html>"
GARBAGE = bytes(range(255, -1, -1)) * 4
FATAL = record(ALERT, HANDSHAKE_FAILURE)
HELLO = record(HANDSHAKE, server_hello())


def _each(stage: Stage, before: tuple[Step, ...], *, reply: str) -> Mapping[str, Hostile]:
    """What can be done to any client that waits for a reply."""
    ways: Mapping[str, tuple[tuple[Step, ...], Reason]] = {
        "silence": ((silence(),), Reason.TIMEOUT),
        "a byte a second": ((tarpit(f"{reply}-patience"),), Reason.TIMEOUT),
        "closes": ((close(),), Reason.CONNECTION_CLOSED),
        "closes within a reply": ((send(f"{reply}-a\r\n{reply}".encode()),), Reason.CONNECTION_CLOSED),
        "resets": ((reset(),), Reason.CONNECTION_RESET),
        "421": ((send("421 4.7.0 too many connections"),), Reason.TEMPORARY_FAILURE),
        "451": ((send("451 4.3.0 later"), expect("QUIT"), send("221 bye")), Reason.TEMPORARY_FAILURE),
        "451, then silence": ((send("451 4.3.0 later"), silence()), Reason.TEMPORARY_FAILURE),
        "endless lines": ((flood(f"{reply}-more"),), Reason.LIMIT_EXCEEDED),
        "endless line": ((flood(f"{reply}-more".encode()),), Reason.LIMIT_EXCEEDED),
        "garbage": ((send(GARBAGE), silence()), Reason.PROTOCOL_ERROR),
        "endless garbage": ((flood(GARBAGE),), Reason.PROTOCOL_ERROR),
        "NUL bytes": ((flood(bytes(1000)),), Reason.PROTOCOL_ERROR),
        "empty lines": ((flood(b"\r\n"),), Reason.PROTOCOL_ERROR),
        "not a reply code": ((send("999 bottles"), silence()), Reason.PROTOCOL_ERROR),
    }
    return {
        f"{stage}: {name}": Hostile((*before, *steps), (stage, end)) for name, (steps, end) in ways.items()
    }


def _at(stage: Stage, **ends: tuple[Reason, tuple[Step, ...]]) -> Mapping[str, Hostile]:
    """Rows of one stage; their names are written with `_` for spaces."""
    return {
        f"{stage}: {name.replace('_', ' ')}": Hostile(steps, (stage, end))
        for name, (end, steps) in ends.items()
    }


IN_PLAINTEXT = {
    **_each(Stage.GREETING, (), reply="220"),
    **_at(
        Stage.GREETING,
        rejects=(Reason.REJECTED, (send("554 5.7.1 no mail here"), expect("QUIT"), send("221 bye"))),
        speaks_HTTP=(Reason.PROTOCOL_ERROR, (send(HTTP),)),
        speaks_SSH=(Reason.PROTOCOL_ERROR, (send(SSH), silence())),
        speaks_TLS=(Reason.PROTOCOL_ERROR, (send(FATAL),)),
        odd_code=(Reason.PROTOCOL_ERROR, (send("250 mx"), silence())),
    ),
    **_each(Stage.EHLO, GREETED, reply="250"),
    **_at(
        Stage.EHLO,
        rejects=(Reason.REJECTED, (*GREETED, send("502 5.5.1 what?"), expect("QUIT"), send("221 bye"))),
        no_STARTTLS=(Reason.STARTTLS_NOT_OFFERED, (*GREETED, send("250 mx"), expect("QUIT"))),
    ),
    **_each(Stage.STARTTLS, OFFERED, reply="220"),
    **_at(
        Stage.STARTTLS,
        rejects=(Reason.STARTTLS_REFUSED, (*OFFERED, send("502 5.5.1 no"), expect("QUIT"))),
        no_key=(Reason.TEMPORARY_FAILURE, (*OFFERED, send("454 4.3.0 no key"), expect("QUIT"))),
        injects_a_reply=(
            Reason.PLAINTEXT_INJECTION,
            (*OFFERED, send(b"220 go\r\n250-mx\r\n250 AUTH PLAIN\r\n"), silence()),
        ),
        injects_an_alert=(Reason.PLAINTEXT_INJECTION, (*OFFERED, send(b"220 go\r\n" + FATAL), silence())),
        injects_a_ServerHello=(
            Reason.PLAINTEXT_INJECTION,
            (*OFFERED, send(b"220 go\r\n" + HELLO), silence()),
        ),
    ),
}
"""Peers that never come to TLS."""

WAYS_IN_TLS: Mapping[str, tuple[Reason, tuple[Step, ...]]] = {
    "silence": (Reason.TIMEOUT, (silence(),)),
    "closes": (Reason.CONNECTION_CLOSED, (close(),)),
    "resets": (Reason.CONNECTION_RESET, (reset(),)),
    "alert": (Reason.TLS_ALERT, (send(FATAL), silence())),
    "another alert": (Reason.TLS_ALERT, (send(record(ALERT, PROTOCOL_VERSION)),)),
    "plain text": (Reason.TLS_ERROR, (send("220 mx ESMTP"), silence())),
    "HTTP": (Reason.TLS_ERROR, (send(HTTP),)),
    "SSH": (Reason.TLS_ERROR, (send(SSH), silence())),
    "garbage": (Reason.TLS_ERROR, (send(GARBAGE), silence())),
    "half a record": (Reason.TIMEOUT, (send(HELLO[:20]), silence())),
    "closes within a record": (Reason.CONNECTION_CLOSED, (send(HELLO[:20]), close())),
    "closes after ServerHello": (Reason.CONNECTION_CLOSED, (send(HELLO), close())),
    "resets after ServerHello": (Reason.CONNECTION_RESET, (send(HELLO), reset())),
    "silence after ServerHello": (Reason.TIMEOUT, (send(HELLO), silence())),
    "ServerHello without end": (Reason.TLS_ERROR, (flood(HELLO),)),
    "HelloRequests without end": (Reason.LIMIT_EXCEEDED, (flood(record(HANDSHAKE, bytes(4))),)),
    "a byte a second": (Reason.TIMEOUT, (tarpit(HELLO),)),
    "undecodable certificate": (
        Reason.TLS_ERROR,
        (send(records(server_hello() + certificates(_unreadable()))), silence()),
    ),
    "empty certificate": (Reason.TLS_ERROR, (send(records(server_hello() + certificates(b""))), silence())),
    "no certificate": (Reason.TLS_ERROR, (send(records(server_hello() + certificates())), silence())),
    "certificate of 16 MB announced": (
        Reason.TLS_ERROR,
        (send(records(server_hello() + b"\x0b\xff\xff\xff" + bytes(100))), silence()),
    ),
    "SSLv3": (Reason.TLS_ERROR, (send(record(HANDSHAKE, server_hello(b"\x03\x00"), b"\x03\x00")), silence())),
    "RC4 chosen": (Reason.TLS_ERROR, (send(records(server_hello(cipher=b"\x00\x05"))), silence())),
    "cipher not offered": (Reason.TLS_ERROR, (send(records(server_hello(cipher=b"\x13\x77"))), silence())),
}
IN_TLS = {
    **{
        f"{Stage.HANDSHAKE}: {name}": Hostile((*TO_TLS, *steps), (Stage.HANDSHAKE, end))
        for name, (end, steps) in WAYS_IN_TLS.items()
    },
    **{
        f"implicit TLS: {name}": Hostile((hear(), *steps), (Stage.HANDSHAKE, end), Mode.TLS)
        for name, (end, steps) in WAYS_IN_TLS.items()
    },
    "handshake: a chain over 100 KB": Hostile(
        (*TO_TLS[:-1], tls(long_chain), silence()), (Stage.HANDSHAKE, Reason.TLS_ERROR)
    ),
    "handshake: anonymous": Hostile(
        (*TO_TLS[:-1], tls(anonymous), expect("QUIT"), send("221 bye")),
        (Stage.HANDSHAKE, Reason.NO_CERTIFICATE),
    ),
    "handshake: anonymous, then closes": Hostile(
        (*TO_TLS[:-1], tls(anonymous), expect("QUIT"), close()), (Stage.HANDSHAKE, Reason.NO_CERTIFICATE)
    ),
    "handshake: anonymous, then silence": Hostile(
        (*TO_TLS[:-1], tls(anonymous), silence()), (Stage.HANDSHAKE, Reason.NO_CERTIFICATE)
    ),
    "handshake: 10,000 long names": Hostile(
        (*TO_TLS[:-1], tls(long_names), silence()), (Stage.HANDSHAKE, Reason.TLS_ERROR)
    ),
}
"""Peers whose handshake gives no certificate."""

WITH_CERTIFICATE = {
    "silence after the handshake": Hostile((*TO_TLS[:-1], tls(usual), silence()), None),
    "closes after the handshake": Hostile((*TO_TLS[:-1], tls(usual), close()), None),
    "resets after the handshake": Hostile((*TO_TLS[:-1], tls(usual), expect("QUIT"), reset()), None),
    "handshake byte by byte": Hostile((*TO_TLS[:-1], dripping(), tls(usual)), None),
    "endless data inside TLS": Hostile((tls(usual), flood("220-more")), None, Mode.TLS),
    "garbage inside TLS": Hostile((tls(usual), send(GARBAGE), silence()), None, Mode.TLS),
    "10,000 names": Hostile((*TO_TLS[:-1], tls(many_names), expect("QUIT")), None),
    "closes after its certificate": Hostile(
        (*TO_TLS, send(records(server_hello() + certificates(leaf().der))), close()), None
    ),
    "certificate, then garbage": Hostile(
        (*TO_TLS, send(records(server_hello() + certificates(leaf().der)) + GARBAGE), silence()), None
    ),
}
"""Peers whose certificate counts, whatever they do afterwards."""

PEERS: Mapping[str, Hostile] = {**IN_PLAINTEXT, **IN_TLS, **WITH_CERTIFICATE}
HANGING = {name: peer for name, peer in PEERS.items() if peer.end and peer.end[1] is Reason.TIMEOUT}
