"""The one way to say that a probe cannot go on, for the protocol machines and for what the system says."""

from __future__ import annotations

import errno

from exporter.model import Reason

_UNREACHABLE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EACCES, errno.EPERM}


class ProbeError(Exception):
    """The peer, or the way to it, makes it impossible to go on; `detail` is for people."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


def explained(error: OSError) -> ProbeError:
    """The system's error as a reason."""
    if isinstance(error, ConnectionRefusedError):
        return ProbeError(Reason.CONNECTION_REFUSED, "nothing listens there, or a firewall rejects it")
    if isinstance(error, TimeoutError):
        return ProbeError(Reason.TIMEOUT, "the network gave up")
    if error.errno in _UNREACHABLE:
        return ProbeError(Reason.NETWORK_UNREACHABLE, str(error.strerror))
    if isinstance(error, ConnectionError):
        return ProbeError(Reason.CONNECTION_RESET, "by the server")
    return ProbeError(Reason.NETWORK_UNREACHABLE, str(error))
