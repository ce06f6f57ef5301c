"""What mail clients say to a wrong name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exporter.judge.clients import clients
from exporter.judge.context import ProblemContext
from exporter.model import ProblemKind
from tests.judge.contexts import EXAMPLES, HOST, LEAF, SERVER, with_leaf

K = ProblemKind
_NAME = (
    "The remote certificate is invalid according to the validation procedure: RemoteCertificateNameMismatch"
)

TEXTS: dict[str, tuple[ProblemKind, ProblemContext, dict[str, str]]] = {
    "name": (
        K.HOSTNAME_MISMATCH,
        EXAMPLES[K.HOSTNAME_MISMATCH],
        {
            "dotnet": _NAME,
            "java": f"No subject alternative DNS name matching {HOST} found.",
            "openssl": "num=62:hostname mismatch",
            "go": f"x509: certificate is valid for mail.contoso.com, not {HOST}",
            "outlook": "0x80090322",
        },
    ),
    "Common Name only": (
        K.HOSTNAME_MISMATCH,
        replace(with_leaf(replace(LEAF, sans=())), unmatched=(HOST,)),
        {
            "dotnet": "no error",
            "java": "no error",
            "openssl": "no error",
            "go": "x509: certificate relies on legacy Common Name field, use SANs instead",
        },
    ),
    "other Common Name only": (
        K.HOSTNAME_MISMATCH,
        replace(with_leaf(replace(LEAF, sans=())), unmatched=("b.example",)),
        {
            "dotnet": _NAME,
            "java": "No name matching b.example found",
            "go": "x509: certificate is not valid for any names, but wanted to match b.example",
        },
    ),
    "address, names only": (
        K.HOSTNAME_MISMATCH,
        replace(SERVER, unmatched=("192.0.2.1",)),
        {
            "java": "No subject alternative names matching IP address 192.0.2.1 found",
            "openssl": "num=64:IP address mismatch",
            "go": "x509: cannot validate certificate for 192.0.2.1 because it doesn't contain any IP SANs",
        },
    ),
    "address, no alternative names": (
        K.HOSTNAME_MISMATCH,
        replace(with_leaf(replace(LEAF, sans=())), unmatched=("192.0.2.1",)),
        {"java": "No subject alternative names present"},
    ),
    "other address": (
        K.HOSTNAME_MISMATCH,
        replace(with_leaf(replace(LEAF, sans=("IP:192.0.2.9",))), unmatched=("192.0.2.1",)),
        {"go": "x509: certificate is valid for 192.0.2.9, not 192.0.2.1"},
    ),
}


@pytest.mark.parametrize(("kind", "context", "parts"), TEXTS.values(), ids=TEXTS)
def test_text(kind: ProblemKind, context: ProblemContext, parts: dict[str, str]) -> None:
    """Each client is quoted for this case."""
    texts = clients(kind, context)
    assert {client: part for client, part in parts.items() if part not in texts[client]} == {}
