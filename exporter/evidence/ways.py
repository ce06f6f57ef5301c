"""The ways to evidence as a pipeline takes them: functions, wherever they lead."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from exporter.model import IssuerAnswer, RevocationAnswer, RevocationMethod, RevocationQuestion

FetchIssuer = Callable[[str, str], Awaitable[IssuerAnswer]]
"""Called with an AIA URL and the address of the server whose certificate names it."""

AskRevocation = Callable[
    [RevocationQuestion, Sequence[RevocationMethod], str], Awaitable[Sequence[RevocationAnswer]]
]
"""Called with a question, the methods that are wanted and the address of the server."""


class Evidence(NamedTuple):
    """The ways to what must be fetched to judge, as far as there are any.

    `fetch_issuer` gets a certificate that a chain lacks. `ask_revocation` asks OCSP responders and for
    lists; without it a server is judged by what it staples alone.
    """

    fetch_issuer: FetchIssuer | None = None
    ask_revocation: AskRevocation | None = None


NOTHING = Evidence()
"""Judge by what the server itself sends."""
