"""What mail clients say when no certificate comes into it, or TLS itself is too old.

In: a `ProblemContext`. Out: five texts, in the order of `clients.CLIENTS`.
"""

from __future__ import annotations

from exporter.judge.client_words import NOT_RECORDED, Five
from exporter.judge.context import ProblemContext
from exporter.judge.wording import shown
from exporter.model import Reason, Stage

_AUTHENTICATION_FAILED = (
    "System.Security.Authentication.AuthenticationException: Authentication failed, see inner exception"
)
_SENDING_FAILED = "System.Net.Mail.SmtpException: Failure sending mail."
_OUTLOOK_CANNOT_CONNECT = "0x800CCC0E: cannot connect to the outgoing (SMTP) server"


def legacy_tls(_context: ProblemContext) -> Five:
    """Clients of today refuse TLS 1.0 and 1.1, in words that depend on who notices first."""
    return (
        f"{_AUTHENTICATION_FAILED}; no error where TLS 1.0 is still allowed",
        "javax.net.ssl.SSLHandshakeException: Received fatal alert: protocol_version; or: The server selected"
        " protocol version TLS10 is not accepted by client preferences [TLS13, TLS12]",
        "tlsv1 alert protocol version; or: legacy sigalg disallowed or unsupported",
        "remote error: tls: protocol version not supported; or: tls: server selected unsupported protocol version 301",
        f"{NOT_RECORDED}; no error on old Windows",
    )


def starttls_missing(_context: ProblemContext) -> Five:
    """The dangerous answer is no error: then the mail, or a password, goes in plain text."""
    return (
        "System.Net.Mail.SmtpException: Server does not support secure connections. (with EnableSsl);"
        " without it no error: sends in plain text",
        "javax.mail.MessagingException: STARTTLS is required but host does not support STARTTLS (with"
        " mail.smtp.starttls.required=true); otherwise no error: sends in plain text",
        "s_client: Didn't find STARTTLS in server response, trying anyway...",
        "no error: net/smtp.SendMail sends in plain text, though smtp.PlainAuth says: unencrypted connection",
        "Your server does not support the connection encryption type you have specified.",
    )


def plaintext_injection(_context: ProblemContext) -> Five:
    """Few clients look."""
    return (
        f"{NOT_RECORDED}: it may drop the bytes or take them for replies inside TLS",
        f"{NOT_RECORDED}: it may drop the bytes or take them for replies inside TLS",
        "no error: s_client drops the bytes",
        "no error: net/smtp drops the bytes",
        f"{NOT_RECORDED}: it may drop the bytes or take them for replies inside TLS",
    )


def unreachable(context: ProblemContext) -> Five:
    """By how far the look came: no address, no connection, no dialogue, no handshake."""
    failure = context.failure
    if failure is not None and failure.stage is Stage.RESOLVE:
        return _no_address(context)
    if failure is not None and failure.stage is Stage.CONNECT:
        return _no_connection(context)
    if failure is not None and failure.stage is Stage.HANDSHAKE:
        return _no_handshake()
    return _no_dialogue(context)


def _no_address(context: ProblemContext) -> Five:
    host = shown(context.host)
    return (
        f"{_SENDING_FAILED} (with a SocketException inside)",
        f"java.net.UnknownHostException: {host}",
        "BIO_lookup_ex: Name or service not known, connect:errno=0",
        f"dial tcp: lookup {host}: no such host",
        _OUTLOOK_CANNOT_CONNECT,
    )


def _no_connection(context: ProblemContext) -> Five:
    peer = f"{shown(context.address or context.host)}:{context.port}"
    refused = context.failure is not None and context.failure.reason is Reason.CONNECTION_REFUSED
    return (
        f"{_SENDING_FAILED} (with a SocketException inside)",
        f"JavaMail: Couldn't connect to host, port: {shown(context.host)}, {context.port}"
        + ("; java.net.ConnectException: Connection refused" if refused else ""),
        "connect:errno=111" if refused else "connect:errno=…",
        f"dial tcp {peer}: connect: connection refused" if refused else f"dial tcp {peer}: …",
        _OUTLOOK_CANNOT_CONNECT,
    )


def _no_dialogue(context: ProblemContext) -> Five:
    said = f", with the server's words: {shown(context.said)}" if context.said else ""
    return (
        f"{_SENDING_FAILED} or another SmtpException{said}",
        f"javax.mail.MessagingException{said}",
        "no certificate: s_client waits, or says: no peer certificate available",
        f"an error of net/smtp{said}",
        f"{NOT_RECORDED}{said}",
    )


def _no_handshake() -> Five:
    return (
        _AUTHENTICATION_FAILED,
        "javax.net.ssl.SSLHandshakeException: …",
        "no peer certificate available",
        "an error that begins with tls: or remote error: tls:",
        NOT_RECORDED,
    )
