"""Names to addresses."""

from __future__ import annotations

import socket

import pytest

from exporter.evidence.dns import system_look_up


def test_the_system_resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's answers are given in its order, each address once."""
    found = [
        (socket.AF_INET6, 1, 6, "", ("::1", 0, 0, 0)),
        (socket.AF_INET, 1, 6, "", ("127.0.0.1", 0)),
        (socket.AF_INET, 1, 6, "", ("127.0.0.1", 0)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    assert system_look_up("localhost") == ("::1", "127.0.0.1")
