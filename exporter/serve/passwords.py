"""Whether a name and a password are right (RFC 7617).

In: an Authorization header and the bcrypt hashes of the users. Out: yes or no. A comparison takes a fifth of a
second on purpose, so it is made in a thread, once for all who ask the same at the same time, and its outcome is
remembered. Nobody who guesses may cost the others more than that thread: right passwords are remembered apart
from wrong ones, and only so many guesses wait.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import functools
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Mapping

from exporter.threads import DaemonThreads

REMEMBERED = 100
"""Right passwords that are remembered, and wrong ones."""
WAITING = 16
"""Different passwords that may be waiting to be compared."""
_COUNTS = 72
"""Bytes of a password that bcrypt looks at."""


class TooManyGuessesError(Exception):
    """So many passwords are being compared that another one was not looked at."""


class Passwords:
    """The verdicts of the passwords that were seen. A changed hash or user makes another verdict necessary."""

    def __init__(self) -> None:
        self._verdicts: Mapping[bool, OrderedDict[bytes, None]] = {True: OrderedDict(), False: OrderedDict()}
        self._checks: dict[bytes, asyncio.Task[bool]] = {}

    async def right(self, header: str, users: Mapping[str, str]) -> bool:
        """Whether an Authorization header has the name and the password of one of the users, of whom there are some.

        Raises:
            TooManyGuessesError: it must be asked again later.
        """
        name, password = credentials(header)
        # A user who does not exist is compared with somebody, so that it takes as long.
        stored = users.get(name) or next(iter(users.values()))
        parts = (str(name in users).encode(), name.encode(), stored.encode(), password)
        key = hashlib.sha256(b"\0".join(parts)).digest()
        for verdict, keys in self._verdicts.items():
            if key in keys:
                return verdict
        check = self._checks.get(key)
        if check is None:
            if len(self._checks) >= WAITING:
                raise TooManyGuessesError
            check = asyncio.create_task(self._check(key, password, stored, exists=name in users))
            self._checks[key] = check
        return await asyncio.shield(check)  # others may wait for it when this client has gone

    async def _check(self, key: bytes, password: bytes, stored: str, *, exists: bool) -> bool:
        try:
            verdict = await _threads.run(functools.partial(_matches, password, stored)) and exists
        finally:
            del self._checks[key]
        keys = self._verdicts[verdict]
        keys[key] = None
        while len(keys) > REMEMBERED:
            keys.popitem(last=False)
        return verdict


def credentials(header: str) -> tuple[str, bytes]:
    """Name and password of an Authorization header, as much of it as counts; empty ones where it has none."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return "", b""
    try:
        name, _, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        return name.decode(), password[:_COUNTS]
    except (binascii.Error, ValueError):
        return "", b""


def _matches(password: bytes, stored: str) -> bool:
    import bcrypt  # noqa: PLC0415 - for those who have users

    try:
        made = bcrypt.hashpw(password, stored.encode())
    except ValueError:  # a NUL, which some versions refuse
        return False
    return hmac.compare_digest(made, stored.encode())


_threads = DaemonThreads(1)
