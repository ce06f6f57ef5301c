"""Asking a test's web server, under rules that a test chooses."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from exporter.evidence.failures import FetchFailure, FetchReason
from exporter.evidence.http import HttpClient
from tests.evidence.conftest import PUBLIC

LIMIT = 64 * 1024


class Names:
    """A name server: addresses by name, and what was asked. A name's answers come one after the other."""

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        self.answers = {name: list(several) for name, several in answers.items()}
        self.asked: list[str] = []

    def __call__(self, name: str) -> Sequence[str]:
        """The next answer."""
        self.asked.append(name)
        return self.answers[name.partition(".")[0]].pop(0)


def client(*allowed: str, timeout: float = 30.0, names: Names | None = None) -> HttpClient:
    """A client that may go to these networks."""
    networks = [ipaddress.ip_network(text) for text in allowed]
    return HttpClient(timeout, networks, look_up=names or Names())


async def get(
    url: str, *allowed: str, asked_by: str = PUBLIC, timeout: float = 30.0, names: Names | None = None
) -> bytes | FetchFailure:
    """Ask for one URL; loopback is allowed unless other networks are."""
    async with client(*(allowed or ["127.0.0.0/8"]), timeout=timeout, names=names) as http:
        return await http.get(url, asked_by=asked_by, limit=LIMIT)


def reason(outcome: bytes | FetchFailure) -> FetchReason:
    """Why it failed."""
    assert isinstance(outcome, FetchFailure), outcome
    assert outcome.detail.isascii()
    assert outcome.detail.isprintable()
    assert 0 < len(outcome.detail) <= 200
    return outcome.reason
