"""The beginning of a mail transaction after TLS: what is asked for, and what the server said to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from exporter.words import AuthMechanism

MAX_LOCAL_PART = 64
"""RFC 5321 section 4.5.3.1.1."""
MAX_ADDRESS = 254
"""RFC 5321 section 4.5.3.1.3, without the angle brackets."""

_LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(
    r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*"
)
_LITERAL = re.compile(r"\[(?:IPv6:)?[0-9A-Fa-f:.]+\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """An account. Without a mechanism, PLAIN is preferred to LOGIN among those that the server offers."""

    username: str
    password: str = field(repr=False)
    mechanism: AuthMechanism | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """What is tried once the connection is encrypted.

    MAIL FROM and RCPT TO, then RSET; with `send` a message is delivered instead. An empty `mail_from` is the
    null reverse-path (RFC 5321 section 4.5.5).
    """

    mail_from: str
    rcpt_to: str
    send: bool = False
    login: Login | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionFacts:
    """What became of a transaction: the last reply code to each command, and why it failed if it did.

    The commands are `greeting` (over implicit TLS), `ehlo`, `auth`, `mail`, `rcpt`, `data`, `message`, `rset` and
    `quit`; those without a reply are left out.
    """

    success: bool
    codes: Mapping[str, int] = field(default_factory=dict)
    detail: str = ""


def check_mailbox(text: str) -> str:
    """A mail address that can stand in a command and in a header (RFC 5321 section 4.1.2, no quoted strings).

    Raises:
        ValueError: it is none, or could be read as more than one; the message says why.
    """
    if not text.isascii():
        raise ValueError("must be ASCII, since SMTPUTF8 is not spoken: write the domain as xn--…")
    if not text.isprintable() or " " in text:
        raise ValueError("must not have spaces, line ends or other control characters")
    local, at, domain = text.rpartition("@")
    if (
        not at
        or not _LOCAL_PART.fullmatch(local)
        or not (_DOMAIN.fullmatch(domain) or _LITERAL.fullmatch(domain))
    ):
        raise ValueError("must be a mail address such as monitor@example.org")
    if len(local) > MAX_LOCAL_PART or len(text) > MAX_ADDRESS:
        raise ValueError(
            f"must not be longer than {MAX_ADDRESS} characters, and {MAX_LOCAL_PART} before the @"
        )
    return text
