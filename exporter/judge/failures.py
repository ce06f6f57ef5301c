"""The summaries of looks that ended without a certificate.

In: a `ProblemContext` with the failure and the server's words. Out: one sentence, as `summaries` wants it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from exporter.judge.context import ProblemContext
from exporter.judge.wording import quoted, shown
from exporter.model import Failure, Reason, Stage

_STRIPPED = re.compile(r"X{4,}A?", re.IGNORECASE)
"""What Cisco PIX and ASA leave of a keyword that they do not let pass."""
_WAITING = {
    Stage.CONNECT: "for the connection",
    Stage.GREETING: "for the greeting",
    Stage.EHLO: "for the reply to EHLO",
    Stage.STARTTLS: "for the reply to STARTTLS",
    Stage.HANDSHAKE: "for the TLS handshake",
}
_UNREACHABLE: Mapping[Reason, str] = {
    Reason.NAME_NOT_FOUND: "the name {host} does not exist or has no address",
    Reason.NULL_MX: "{host} takes no mail",
    Reason.DNS_FAILURE: "no DNS server could answer for {host}",
    Reason.CONNECTION_REFUSED: "{peer} refuses the connection",
    Reason.NETWORK_UNREACHABLE: "there is no route to {peer}",
    Reason.TIMEOUT: "{peer} does not answer in time{waiting}",
    Reason.CONNECTION_RESET: "{peer} reset the connection{waiting}",
    Reason.CONNECTION_CLOSED: "{peer} closed the connection{waiting}",
    Reason.TEMPORARY_FAILURE: "{peer} answers with a temporary failure",
    Reason.REJECTED: "{peer} rejects us",
    Reason.STARTTLS_NOT_OFFERED: "{peer} does not offer STARTTLS",
    Reason.STARTTLS_REFUSED: "{peer} refuses STARTTLS",
    Reason.PLAINTEXT_INJECTION: "{peer} sent plaintext where TLS must begin",
    Reason.PROTOCOL_ERROR: "{peer} does not speak SMTP",
    Reason.LIMIT_EXCEEDED: "{peer} sends more than a mail server should",
    Reason.TLS_ALERT: "{peer} ended the TLS handshake with an alert",
    Reason.TLS_ERROR: "the TLS handshake with {peer} failed",
    Reason.NO_CERTIFICATE: "{peer} offers TLS without a certificate",
    Reason.INTERNAL_ERROR: "the probe itself failed, which is a fault of this program",
}
REPLY_LIMIT = 160
"""Characters of the server's words: whole sentences, often with a URL, are usual here."""


def stripped_keyword(context: ProblemContext) -> str:
    """The `XXXXXXXA` that an inspecting firewall left in the EHLO reply, or nothing."""
    words = (word for line in context.capabilities for word in line.split())
    return next((word for word in words if _STRIPPED.fullmatch(word)), "")


def starttls_missing(context: ProblemContext) -> str:
    """Not offered, or taken out on the way."""
    keyword = stripped_keyword(context)
    if keyword:
        return (
            "the server does not offer STARTTLS; a firewall seems to remove it"
            f" ({quoted(keyword)} in the EHLO reply)"
        )
    return "the server does not offer STARTTLS"


def plaintext_injection(context: ProblemContext) -> str:
    """How much, and what it looks like."""
    size = len(context.injected)
    what = f"{size} byte{'s' if size != 1 else ''}" if size else "bytes"
    text = context.injected[:1000].decode("ascii", "replace")
    words = f": {quoted(text)}" if size else ""
    return f"{what} of plaintext followed the 220 reply to STARTTLS before TLS began{words}"


def unreachable(context: ProblemContext) -> str:
    """The stage and the reason in words, with the server's own where it said something."""
    failure = context.failure
    if failure is None:
        return "no certificate could be obtained"
    if context.domain:
        return f"the mail exchanges of {quoted(context.domain)} are not known{_words(context, failure)}"
    waiting = _WAITING.get(failure.stage, "")
    text = _UNREACHABLE[failure.reason].format(
        host=quoted(context.host), peer=_peer(context), waiting=f" while we wait {waiting}" if waiting else ""
    )
    return text + _words(context, failure) + _beyond_reach(failure)


def _beyond_reach(failure: Failure) -> str:
    """What a handshake that found nothing in common means, since the server may well serve its old clients."""
    nothing_in_common = any(words in failure.detail for words in _NOTHING_IN_COMMON)
    if failure.stage is not Stage.HANDSHAKE or not nothing_in_common:
        return ""
    return "; a server that knows only SSLv3, RC4, DES, 3DES or export ciphers cannot be looked into"


_NOTHING_IN_COMMON = (
    "handshake failure",
    "protocol version",
    "unsupported protocol",
    "insufficient security",
)


def _peer(context: ProblemContext) -> str:
    return f"{shown(context.address or context.host)} port {context.port}"


def _words(context: ProblemContext, failure: Failure) -> str:
    """The server's own words where they are the reason, or else what the probe knows."""
    if context.said:
        return f": {quoted(context.said, REPLY_LIMIT)}"
    return f" ({shown(failure.detail, REPLY_LIMIT)})" if failure.detail else ""
