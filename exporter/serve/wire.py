"""What the serving process and those that probe for it tell each other.

A message is a plain value, written by `marshal` behind its length: it is read in microseconds and nothing but data
is ever made from it. What a server showed is packed whole, or, where it is what the asking side knows already, left out: a
digest tells. So most answers are a hundred bytes.
"""

from __future__ import annotations

import functools
import hashlib
import marshal
import struct
from collections.abc import Iterator
from typing import Any

from exporter.model import (
    AuthMechanism,
    Exchange,
    Failure,
    KeyType,
    Login,
    Mode,
    Observation,
    Phases,
    Reason,
    Reply,
    SmtpFacts,
    Stage,
    Target,
    TlsFacts,
    Transaction,
    TransactionFacts,
)

Plain = Any
"""Tuples, strings, bytes, numbers, truths and None."""

_LENGTH = struct.Struct(">I")
_VERSION = 4
DIGEST = 16


def frame(message: Plain) -> bytes:
    """A message as it is sent."""
    body = marshal.dumps(message, _VERSION)
    return _LENGTH.pack(len(body)) + body


class Frames:
    """Takes bytes as they arrive and gives the messages in them."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Plain]:
        """The messages that are complete now."""
        self._buffer += data
        start = 0
        while start + _LENGTH.size <= len(self._buffer):
            (length,) = _LENGTH.unpack_from(self._buffer, start)
            end = start + _LENGTH.size + length
            if end > len(self._buffer):
                break
            yield marshal.loads(bytes(self._buffer[start + _LENGTH.size : end]))  # noqa: S302 - from a process of ours
            start = end
        del self._buffer[:start]


# --- what is to be looked at ----------------------------------------------------------------------


def pack_target(target: Target) -> Plain:
    """What matters of a target once its address is known."""
    wanted = target.transaction
    login = wanted.login if wanted else None
    return (
        target.port,
        str(target.mode),
        target.sni,
        target.ehlo_name,
        target.key_type and str(target.key_type),
        wanted and (wanted.mail_from, wanted.rcpt_to, wanted.send),
        login and (login.username, login.password, login.mechanism and str(login.mechanism)),
    )


@functools.lru_cache(maxsize=8192)
def unpack_target(packed: Plain) -> Target:
    """A target for `probe.stream.look`; it has no name, and no policy that counts."""
    port, mode, sni, ehlo_name, key_type, wanted, login = packed
    account = login and Login(
        username=login[0], password=login[1], mechanism=login[2] and AuthMechanism(login[2])
    )
    return Target(
        name="",
        host="",
        port=port,
        mode=Mode(mode),
        sni=sni,
        ehlo_name=ehlo_name,
        key_type=key_type and KeyType(key_type),
        transaction=wanted
        and Transaction(mail_from=wanted[0], rcpt_to=wanted[1], send=wanted[2], login=account),
    )


# --- what was seen --------------------------------------------------------------------------------


def pack_observation(seen: Observation) -> tuple[Plain, bytes]:
    """An observation, and its digest."""
    smtp, tls, failure, done = seen.smtp, seen.tls, seen.failure, seen.transaction
    said = tuple(
        (one.command, one.reply and one.reply.code, one.reply and one.reply.lines) for one in smtp.exchanges
    )
    packed: Plain = (
        str(seen.stage),
        failure and (str(failure.stage), str(failure.reason), failure.detail),
        (said, smtp.capabilities, smtp.starttls_offered, smtp.injected),
        tls and (tls.version, tls.cipher, tls.bits, tls.group, tls.signature, tls.aborted),
        seen.chain,
        seen.staple,
        done and (done.success, tuple(done.codes.items()), done.detail),
    )
    # Format 0 has no references, so that equal values have equal bytes.
    return packed, hashlib.blake2b(marshal.dumps(packed, 0), digest_size=DIGEST).digest()


def pack_phases(phases: Phases) -> Plain:
    """Seconds by stage."""
    return tuple((str(stage), seconds) for stage, seconds in phases.items())


def unpack_phases(packed: Plain) -> dict[Stage, float]:
    """The other way round."""
    return {_STAGES[stage]: seconds for stage, seconds in packed}


_STAGES = {str(stage): stage for stage in Stage}


def unpack_observation(packed: Plain, address: str) -> Observation:
    """The other way round."""
    stage, failure, smtp, tls, chain, staple, done = packed
    said, capabilities, offered, injected = smtp
    exchanges = tuple(
        Exchange(command, None if code is None else Reply(code, lines)) for command, code, lines in said
    )
    return Observation(
        address=address,
        stage=Stage(stage),
        failure=failure and Failure(Stage(failure[0]), Reason(failure[1]), failure[2]),
        smtp=SmtpFacts(exchanges, capabilities, offered, injected),
        tls=tls and TlsFacts(*tls),
        chain=chain,
        staple=staple,
        transaction=done and TransactionFacts(success=done[0], codes=dict(done[1]), detail=done[2]),
    )
