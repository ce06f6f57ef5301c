"""The one way in which the protocol machines say that they cannot go on."""

from __future__ import annotations

from exporter.model import Reason


class ProbeError(Exception):
    """The peer, or the way to it, makes it impossible to go on; `detail` is for people."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail
