"""Why a URL gave nothing: the closed list, for every protocol that evidence is fetched by."""

from __future__ import annotations

import enum
from dataclasses import dataclass

_MAX_DETAIL = 200


class FetchReason(enum.StrEnum):
    """Why a URL gave nothing."""

    BAD_URL = "bad_url"
    """Not a URL that is asked: scheme, user name, port or form."""
    UNSUPPORTED = "unsupported"
    """Asked for in a way that is not configured or not installed."""
    FORBIDDEN_ADDRESS = "forbidden_address"
    NAME_NOT_RESOLVED = "name_not_resolved"
    CONNECTION_FAILED = "connection_failed"
    """No connection, or it ended before the answer did."""
    TLS_FAILED = "tls_failed"
    TIMEOUT = "timeout"
    HTTP_STATUS = "http_status"
    TOO_MANY_REDIRECTS = "too_many_redirects"
    TOO_LARGE = "too_large"
    PROTOCOL_ERROR = "protocol_error"
    """What came is not HTTP, or not what was asked for."""
    INTERNAL_ERROR = "internal_error"
    """A fault of this program."""


@dataclass(frozen=True, slots=True)
class FetchFailure:
    """Why a URL gave nothing; `detail` is for people: short, printable ASCII."""

    reason: FetchReason
    detail: str


class FetchError(Exception):
    """Raised on the way to a `FetchFailure`."""

    def __init__(self, reason: FetchReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def short(text: str) -> str:
    """Foreign text as printable ASCII on one line, cut."""
    escaped = ascii(text)[1:-1]
    return escaped if len(escaped) <= _MAX_DETAIL else escaped[: _MAX_DETAIL - 3] + "..."
