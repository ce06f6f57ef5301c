"""What mail clients say when there is no certificate."""

from __future__ import annotations

import pytest

from exporter.judge.clients import clients
from exporter.judge.context import ProblemContext
from exporter.model import ProblemKind, Reason, Stage
from tests.judge.contexts import EXAMPLES, HOST, failed

K = ProblemKind

TEXTS: dict[str, tuple[ProblemKind, ProblemContext, dict[str, str]]] = {
    "no STARTTLS": (
        K.STARTTLS_MISSING,
        EXAMPLES[K.STARTTLS_MISSING],
        {
            "dotnet": "Server does not support secure connections.",
            "java": "STARTTLS is required but host does not support STARTTLS",
            "openssl": "Didn't find STARTTLS in server response",
            "go": "no error: ",
        },
    ),
    "no such name": (
        K.UNREACHABLE,
        failed(Stage.RESOLVE, Reason.NAME_NOT_FOUND),
        {"go": f"lookup {HOST}: no such host", "java": f"UnknownHostException: {HOST}"},
    ),
    "refused": (
        K.UNREACHABLE,
        failed(Stage.CONNECT, Reason.CONNECTION_REFUSED),
        {
            "go": "dial tcp 192.0.2.25:25: connect: connection refused",
            "openssl": "connect:errno=111",
            "java": "Connection refused",
        },
    ),
    "no connection": (
        K.UNREACHABLE,
        failed(Stage.CONNECT, Reason.TIMEOUT),
        {"go": "dial tcp 192.0.2.25:25: …"},
    ),
    "turned away": (
        K.UNREACHABLE,
        EXAMPLES[K.UNREACHABLE],
        {"java": "421 4.3.2 Service not available"},
    ),
    "handshake": (
        K.UNREACHABLE,
        failed(Stage.HANDSHAKE, Reason.TLS_ALERT),
        {"dotnet": "Authentication failed, see inner exception", "java": "SSLHandshakeException"},
    ),
}


@pytest.mark.parametrize(("kind", "context", "parts"), TEXTS.values(), ids=TEXTS)
def test_text(kind: ProblemKind, context: ProblemContext, parts: dict[str, str]) -> None:
    """Each client is quoted for this case."""
    texts = clients(kind, context)
    assert {client: part for client, part in parts.items() if part not in texts[client]} == {}


def test_a_friendly_reply_is_not_quoted_as_the_reason() -> None:
    """The last reply is no explanation for what happened after it."""
    context = failed(Stage.STARTTLS, Reason.TIMEOUT, reply="250 STARTTLS")
    assert not any("250 STARTTLS" in text for text in clients(K.UNREACHABLE, context).values())


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("reason", Reason)
def test_every_failure_has_texts(stage: Stage, reason: Reason) -> None:
    """No combination of stage and reason leaves a client without words."""
    assert all(clients(K.UNREACHABLE, failed(stage, reason)).values())
