"""The asyncio driver: moves bytes between one socket and the two protocol machines.

`look` connects, speaks SMTP up to STARTTLS (or starts TLS at once), completes the handshake, tries a
transaction where one is asked for, says QUIT and closes, all under one deadline. `connection` has the socket: asyncio's
streams cost twice the CPU time and do not leave the bytes after the 220 reply in our hands.

Nothing that the network does makes `look` raise; how far it came is part of the observation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from exporter.idn import ascii_name
from exporter.model import Failure, Mode, Observation, Phases, Reason, SmtpFacts, Stage, Target
from exporter.probe.connection import Connection
from exporter.probe.errors import ProbeError, explained
from exporter.probe.resolve import own_literal, own_name
from exporter.probe.smtp import Dialogue
from exporter.probe.tls import TlsClient

if TYPE_CHECKING:
    from exporter.model import Transaction
    from exporter.probe.transaction import TransactionDialogue

GOODBYE = 1.0
"""Seconds that a server may take to answer QUIT; the certificate is already ours by then."""
PARTING = 0.25
"""Seconds that a server may take to close after its 221. Who closes before it has done so resets its connection."""
MAX_BYTES = 1 << 20
"""What one server may send in all. OpenSSL itself refuses chains above 100 KB."""


async def look(
    target: Target,
    address: str,
    *,
    timeout: float,
    connect_timeout: float | None = None,
) -> tuple[Observation, Phases]:
    """Look once at one address of a target.

    Args:
        target: what to connect to and how TLS begins there.
        address: the IP address to connect to.
        timeout: seconds for everything from the connection to the goodbye.
        connect_timeout: seconds for the connection alone, when that is less.

    Returns:
        What was seen, and how long each part of it took.
    """
    conversation = _Conversation(target, target.ehlo_name or await own_name(), asyncio.get_running_loop())
    try:
        conversation.begin(address, target.port, timeout, connect_timeout)
        await conversation.finished
    finally:
        conversation.end()
    return conversation.observation(address), conversation.phases


class _Conversation:
    """One connection. The methods below `_advance` are the steps in their order."""

    def __init__(self, target: Target, ehlo_name: str, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._implicit = target.mode is Mode.TLS
        self._dialogue = Dialogue(ehlo_name, starttls=not self._implicit)
        self._wanted = target.transaction
        self._key_type = target.key_type
        self._transaction: TransactionDialogue | None = None
        self._server_name = ascii_name(target.sni)
        self._tls: TlsClient | None = None
        self._over = False
        self._parting = False
        self._connection: Connection | None = None
        self._deadlines: list[asyncio.TimerHandle] = []
        self._goodbye: asyncio.TimerHandle | None = None
        self._failure: Failure | None = None
        self._aborted: str | None = None
        self._received = 0
        self._stage = Stage.CONNECT
        self._entered = loop.time()
        self.phases: dict[Stage, float] = {}
        self.finished: asyncio.Future[None] = loop.create_future()

    def begin(self, address: str, port: int, timeout: float, connect_timeout: float | None) -> None:
        """Connect; `finished` is done when nothing more is to come, or when the time is over."""
        self._deadlines = [self._loop.call_later(timeout, self._time_is_over, timeout)]
        if connect_timeout is not None:
            self._deadlines.append(
                self._loop.call_later(connect_timeout, self._time_to_connect_is_over, connect_timeout)
            )
        try:
            self._connection = Connection(self._loop, self, address, port)
        except OSError as error:
            self.fail(explained(error))

    def _time_is_over(self, allowed: float) -> None:
        self.fail(ProbeError(Reason.TIMEOUT, f"{allowed:.3g} s were allowed"))

    def _time_to_connect_is_over(self, allowed: float) -> None:
        if self._stage is Stage.CONNECT:
            self._time_is_over(allowed)

    # --- what the connection calls ---

    def connection_made(self) -> None:
        """Begin to talk."""
        self._attempt(self._begin_to_talk)

    def data_received(self, data: bytes) -> None:
        """Hand it to the machine whose turn it is."""
        self._attempt(self._receive, data)

    def connection_lost(self, why: OSError | None) -> None:
        """It is over, whether that was to be expected or not."""
        self.fail(explained(why) if why else ProbeError(Reason.CONNECTION_CLOSED, "by the server"))
        self._finish()

    def _attempt(self, step: Callable[..., None], *arguments: bytes) -> None:
        """Whatever goes wrong in a step ends the look."""
        try:
            step(*arguments)
        except ProbeError as error:
            self.fail(error)
        except Exception as error:  # noqa: BLE001 - asyncio would only log it, and the probe would hang
            self.fail(ProbeError(Reason.INTERNAL_ERROR, repr(error)))

    # --- the steps ---

    def _begin_to_talk(self) -> None:
        if not self._dialogue.ehlo_name and self._connection:
            self._dialogue.ehlo_name = own_literal(self._connection.own_address())
        if self._implicit:
            self._start_tls()
        else:
            self._enter(Stage.GREETING)

    def _receive(self, data: bytes) -> None:
        self._received += len(data)
        if self._received > MAX_BYTES:
            raise ProbeError(Reason.LIMIT_EXCEEDED, f"more than {MAX_BYTES} bytes")
        self._advance(data)

    def _advance(self, data: bytes) -> None:
        if self._tls is not None:
            self._advance_tls(self._tls, data)
        elif self._goodbye is not None:
            self._converse(data)
        else:
            self._converse(data)
            self._enter(self._dialogue.stage)
            if self._dialogue.secure:
                self._start_tls()

    def _converse(self, data: bytes) -> None:
        self._write(self._dialogue.receive(data))
        if self._dialogue.done:
            self._finish()

    def _start_tls(self) -> None:
        self._enter(Stage.HANDSHAKE)
        self._tls = TlsClient(self._server_name, self._key_type)
        self._write(self._tls.start())

    def _advance_tls(self, tls: TlsClient, data: bytes) -> None:
        plain, out = tls.receive(data)
        try:
            if tls.established and self._goodbye is None and self._transaction is None:
                self._leave()
                out += self._encrypted(tls, self._after_handshake())
            if plain:
                out += self._encrypted(tls, (self._transaction or self._dialogue).receive(plain))
        finally:
            self._write(out)  # the end of the handshake and the first command in one packet
        if self._transaction is not None and self._transaction.leaving and self._goodbye is None:
            self._leave()
            self._await_goodbye()
        if tls.closed:
            self._finish()
        elif (self._transaction or self._dialogue).done and not self._parting:
            self._part(tls)

    @staticmethod
    def _encrypted(tls: TlsClient, plain: bytes) -> bytes:
        return tls.send(plain) if plain else b""

    def _after_handshake(self) -> bytes:
        """Try the transaction, or leave; returns the first command."""
        if self._wanted is None:
            self._await_goodbye()
            return b"" if self._implicit else self._dialogue.quit()
        self._enter(Stage.TRANSACTION)
        self._transaction = _transaction(self._wanted, self._dialogue.ehlo_name, greeting=self._implicit)
        return self._transaction.start()

    def _await_goodbye(self) -> None:
        """Wait a moment for the answer to QUIT (over implicit TLS: for the greeting, then QUIT)."""
        self._goodbye = self._restarted(GOODBYE)

    def _part(self, tls: TlsClient) -> None:
        """Say close_notify and leave the closing to the server, for a moment (RFC 5321 section 4.1.1.10)."""
        self._parting = True
        self._write(tls.close())
        self._goodbye = self._restarted(PARTING)

    def _restarted(self, seconds: float) -> asyncio.TimerHandle:
        """What ends the look when the server does not."""
        if self._goodbye is not None:
            self._goodbye.cancel()
        return self._loop.call_later(seconds, self._finish)

    def fail(self, error: ProbeError) -> None:
        """Take note of what ended the look, and leave politely where that is still possible."""
        if self._over:
            return
        if self._parting:
            pass
        elif self._tls is not None and self._tls.chain():
            self._fail_after_certificate(error)
        elif self._failure is None:
            established = self._tls is not None and self._tls.established
            self._failure = _ANONYMOUS if established else Failure(self._stage, error.reason, error.detail)
            self._leave()
            if self._may_quit(error):
                self._await_goodbye()
                self._write(self._dialogue.quit())
                return
        self._finish()

    def _fail_after_certificate(self, error: ProbeError) -> None:
        """The certificate is ours: what follows is a remark, not a failure of the probe."""
        self._leave()
        if self._transaction is not None:
            self._transaction.fail(f"{error.reason.replace('_', ' ')} {error.detail}".rstrip())
            return
        timed_out_politely = self._goodbye is not None and error.reason in _GOODBYE_NOISE
        if not timed_out_politely:
            self._aborted = error.detail or error.reason

    def _may_quit(self, error: ProbeError) -> bool:
        talking = self._tls is None and self._connection is not None and not self._connection.closed
        return talking and not self._dialogue.done and error.reason in _STILL_TALKING

    def _finish(self) -> None:
        if self._over:
            return
        self._over = True
        if self._goodbye is not None:
            self._goodbye.cancel()
        if self._tls is not None and self._tls.established and not self._parting:
            self._write(self._tls.close())
        if self._connection is not None:
            self._connection.close()
        if not self.finished.done():
            self.finished.set_result(None)

    def end(self) -> None:
        """Let go of everything, whatever state it is in."""
        for timer in (*self._deadlines, self._goodbye):
            if timer is not None:
                timer.cancel()
        if self._connection is not None:
            self._connection.close()
            self._connection = None  # each would keep the other alive until cycles are looked for

    def _write(self, data: bytes) -> None:
        if data and self._connection is not None:
            self._connection.write(data)

    # --- the record ---

    def _enter(self, stage: Stage) -> None:
        if stage is not self._stage:
            self._leave()
            self._stage, self._entered = stage, self._loop.time()

    def _leave(self) -> None:
        """Close the current phase; later calls within the same phase change nothing."""
        self.phases.setdefault(self._stage, self._loop.time() - self._entered)

    def observation(self, address: str) -> Observation:
        """What was seen so far."""
        chain = self._tls.chain() if self._tls else ()
        failure = self._failure
        if not chain and failure is None:
            failure = _ANONYMOUS
        return Observation(
            address=address,
            stage=self._stage,
            failure=failure,
            smtp=self._smtp_facts(),
            tls=self._tls.facts(self._aborted) if self._tls and (chain or self._tls.established) else None,
            chain=chain,
            staple=self._tls.staple() if self._tls else b"",
            transaction=self._transaction.facts() if self._transaction else None,
        )

    def _smtp_facts(self) -> SmtpFacts:
        """The whole dialogue, that of the transaction included."""
        facts = self._dialogue.facts()
        if self._transaction is None:
            return facts
        return replace(facts, exchanges=(*facts.exchanges, *self._transaction.exchanges()))


def _transaction(wanted: Transaction, name: str, *, greeting: bool) -> TransactionDialogue:
    """What takes the dialogue on after TLS."""
    import secrets  # noqa: PLC0415 - few ask for it

    from exporter.probe.transaction import TransactionDialogue, compose  # noqa: PLC0415 - as above; loads email

    sent = compose(wanted, datetime.now(UTC), secrets.token_hex(16)) if wanted.send else b""
    return TransactionDialogue(wanted, name, message=sent, greeting=greeting)


_STILL_TALKING = {
    Reason.TEMPORARY_FAILURE,
    Reason.REJECTED,
    Reason.STARTTLS_NOT_OFFERED,
    Reason.STARTTLS_REFUSED,
}
_ANONYMOUS = Failure(Stage.HANDSHAKE, Reason.NO_CERTIFICATE, "anonymous key exchange")
_GOODBYE_NOISE = {Reason.CONNECTION_CLOSED, Reason.CONNECTION_RESET, Reason.TIMEOUT}
