"""Names to addresses, by the system's resolver."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence

LookUp = Callable[[str], Sequence[str]]
"""Gives the addresses of a name. Runs in a thread; raises OSError when there is no answer."""


def system_look_up(name: str) -> Sequence[str]:
    """The addresses of a name in the system's order, each once.

    Raises:
        OSError: there are none, or the resolver did not answer.
        UnicodeError: the name cannot be a domain name.
    """
    answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in answers))
