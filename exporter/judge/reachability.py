"""What to do when no certificate could be obtained, by the reason.

In: a `ProblemContext` with a failure. Out: steps as `remedies` wants them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from exporter.judge.context import ProblemContext
from exporter.judge.steps import word
from exporter.model import Mode, Reason, Stage

_Steps = Iterator[str]


def reach(context: ProblemContext) -> _Steps:
    """The steps for the failure's reason."""
    if context.domain:
        yield from _domain(context)
    elif context.failure is not None:
        yield from _STEPS[context.failure.reason](context)


def _name(context: ProblemContext) -> _Steps:
    yield f"DNS: `nslookup {word(context.host)}` on this machine: add or correct the A and AAAA records"
    yield "Monitor: is the name spelled right, and does `ip_family` fit its addresses?"


def _domain(context: ProblemContext) -> _Steps:
    domain = word(context.domain or context.host)
    yield f"DNS: `nslookup -type=mx {domain}` on this machine: add or correct the MX records"
    yield "Monitor: is the domain spelled right, and does it take mail at all? Else take it out of `targets`"


def _network(context: ProblemContext) -> _Steps:
    yield (
        "Exchange: `Get-Service MSExchangeFrontEndTransport,MSExchangeTransport`, and"
        f" `Get-ReceiveConnector | Format-List Identity,Bindings,Enabled` for port {context.port}"
    )
    yield f"Postfix: `postfix status`; `postconf inet_interfaces`; is port {context.port} in master.cf?"
    yield f"Exim: `systemctl status exim4`; `exim -bP local_interfaces daemon_smtp_ports` for port {context.port}"
    yield (
        f"Firewall: let this machine reach it: `openssl s_client -connect {word(_peer(context))}"
        f"{' -starttls smtp' if context.mode is Mode.STARTTLS else ''}`"
    )


def _silence(context: ProblemContext) -> _Steps:
    yield from _mode_hint(context)
    yield from _network(context)
    yield "Monitor: a tarpit or a slow greeting (postscreen, Exchange's tarpit) needs a longer `timeout`"


def _rejection(_context: ProblemContext) -> _Steps:
    yield (
        "Monitor: slow down (`limits.per_host_delay`, a longer `interval`) and greet with a name that resolves"
        " to this machine (`ehlo_name`)"
    )
    yield (
        "Exchange: let this machine's address in:"
        " `Get-ReceiveConnector | Format-List Identity,RemoteIPRanges,MaxInboundConnection*`"
    )
    yield (
        "Postfix: let this machine's address in: `postconf postscreen_access_list"
        " smtpd_client_connection_rate_limit smtpd_client_restrictions smtpd_helo_restrictions`"
    )
    yield (
        "Exim: let this machine's address in: `exim -bP smtp_accept_max_per_host host_reject_connection"
        " acl_smtp_connect acl_smtp_helo`"
    )


def _not_smtp(context: ProblemContext) -> _Steps:
    yield from _mode_hint(context)
    yield f"Mail server: see what answers on port {context.port}: another program, a proxy, a load balancer?"
    yield "Firewall: SMTP inspection that rewrites the dialogue must go"


def _handshake(context: ProblemContext) -> _Steps:
    yield from _mode_hint(context)
    yield "Exchange: look in the System event log for source Schannel at the time of the probe, and for event 12014"
    yield "Postfix: look for `TLS library problem` and `cannot get RSA certificate` in the mail log"
    yield "Exim: look for `TLS error` in mainlog: key file unreadable, or not the certificate's"
    yield "Firewall: TLS inspection or a protocol filter in between breaks handshakes too"


def _starttls(_context: ProblemContext) -> _Steps:
    yield "Exchange: look for event 12014 in the Application log: no certificate for the connector"
    yield "Postfix: look for `TLS library problem` in the mail log; the certificate or key cannot be read"
    yield "Exim: look for `TLS error` in mainlog and paniclog"


def _mode_hint(context: ProblemContext) -> _Steps:
    """Each side waits for the other when the server begins in another way than we do."""
    stage = context.failure.stage if context.failure else None
    if context.mode is Mode.TLS and stage is Stage.HANDSHAKE:
        yield f"Monitor: does port {context.port} speak TLS from the first byte? If not: `mode: starttls`"
    elif context.mode is Mode.STARTTLS and stage is Stage.GREETING:
        yield f"Monitor: does port {context.port} speak SMTP first? If it begins with TLS: `mode: tls`"


def _ourselves(_context: ProblemContext) -> _Steps:
    yield "Monitor: report this with the log lines of the probe; it says nothing about the server"


def _peer(context: ProblemContext) -> str:
    host = context.address or context.host
    return f"[{host}]:{context.port}" if ":" in host else f"{host}:{context.port}"


_STEPS: Mapping[Reason, Callable[[ProblemContext], _Steps]] = {
    Reason.NAME_NOT_FOUND: _name,
    Reason.NULL_MX: _domain,
    Reason.DNS_FAILURE: _name,
    Reason.CONNECTION_REFUSED: _network,
    Reason.NETWORK_UNREACHABLE: _network,
    Reason.TIMEOUT: _silence,
    Reason.CONNECTION_RESET: _silence,
    Reason.CONNECTION_CLOSED: _silence,
    Reason.TEMPORARY_FAILURE: _rejection,
    Reason.REJECTED: _rejection,
    Reason.STARTTLS_NOT_OFFERED: _starttls,
    Reason.STARTTLS_REFUSED: _starttls,
    Reason.PLAINTEXT_INJECTION: _not_smtp,
    Reason.PROTOCOL_ERROR: _not_smtp,
    Reason.LIMIT_EXCEEDED: _not_smtp,
    Reason.TLS_ALERT: _handshake,
    Reason.TLS_ERROR: _handshake,
    Reason.NO_CERTIFICATE: _handshake,
    Reason.INTERNAL_ERROR: _ourselves,
}
