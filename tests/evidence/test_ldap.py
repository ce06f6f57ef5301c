"""Directories that mean harm; a real one is in tests/servers/test_revocation.py."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from exporter.evidence.failures import FetchFailure, FetchReason
from exporter.evidence.ldap import Directory
from tests.evidence.conftest import LOOPBACK, PUBLIC

LIMIT = 1024 * 1024
PATIENCE = 30.0
TAIL = "cn=sub,o=pki?certificateRevocationList;binary?base?(objectClass=*)"
_get_address_info = socket.getaddrinfo

Talk = Callable[[socket.socket], None]


class HostileDirectory:
    """Accepts any bind, and answers the search with whatever a test wants until that is no longer read."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.left = threading.Event()
        """Set when the client has gone."""
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        connection, _ = self._listening.accept()
        with contextlib.suppress(OSError), connection:
            number = connection.recv(4096)[4]
            connection.sendall(
                bytes.fromhex(f"300c0201{number:02x}61070a010004000400")
            )  # bindResponse, success
            connection.recv(4096)
            while True:
                self._talk(connection)
        self.left.set()

    def close(self) -> None:
        """Listen no longer."""
        self._listening.close()


@pytest.fixture(autouse=True)
def numbers_alone(attempts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """ldap3 has the system read addresses; names it must not look up."""

    def look_up(host: str, port: int, *rest: int, **more: int) -> object:
        assert host == "127.0.0.1"
        return _get_address_info(host, port, *rest, **more)

    monkeypatch.setattr("socket.getaddrinfo", look_up)


@contextlib.contextmanager
def directory(talk: Talk) -> Iterator[HostileDirectory]:
    """A directory while it is needed."""
    made = HostileDirectory(talk)
    try:
        yield made
    finally:
        made.close()


def announcing(length: int, then: Talk) -> Talk:
    """A message of some length is announced first; later turns send what `then` sends."""
    begun: list[bool] = []

    def talk(connection: socket.socket) -> None:
        if not begun:
            begun.append(True)
            connection.sendall(b"\x30\x84" + length.to_bytes(4, "big"))
        then(connection)

    return talk


async def fetched(
    url: str, timeout: float, look_up: Callable[[str], list[str]] | None = None
) -> FetchFailure:
    """Why a URL gives nothing."""
    asked = Directory(None, timeout, LOOPBACK, look_up=look_up or _nobody)
    got = await asked.fetch(url, asked_by=PUBLIC, limit=LIMIT)
    assert isinstance(got, FetchFailure)
    return got


def _nobody(host: str) -> list[str]:
    raise AssertionError(f"{host} must not be looked up")


async def test_a_directory_that_sends_without_end() -> None:
    """What is longer than a list may be is neither read to its end nor kept."""
    sent = [0]

    def pour(connection: socket.socket) -> None:
        connection.sendall(bytes(64 * 1024))
        sent[0] += 64 * 1024

    with directory(announcing(1 << 30, pour)) as hostile:
        got = await fetched(f"ldap://127.0.0.1:{hostile.port}/{TAIL}", PATIENCE)
        assert hostile.left.wait(PATIENCE)
    assert got.reason is FetchReason.TOO_LARGE, got
    assert sent[0] < 64 * LIMIT  # what lay in the kernel's buffers included


async def test_a_directory_that_drips() -> None:
    """The deadline is for all of an answer, and no thread goes on reading after it."""
    pause = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"\0")
        pause.wait(0.05)

    with directory(announcing(LIMIT, drip)) as hostile:
        got = await fetched(f"ldap://127.0.0.1:{hostile.port}/{TAIL}", 1.0)
        assert got.reason is FetchReason.TIMEOUT, got
        assert hostile.left.wait(PATIENCE)


@pytest.mark.parametrize(
    "url",
    [
        "ldap://[bad/" + TAIL,
        "ldap://name:secret@directory.example/" + TAIL,
        "ldap://directory.example:25/" + TAIL,
        "ldap://directory.example:99999/" + TAIL,
        "ldap://directory.example/cn=x?userPassword?base",
        "ldap://directory.example/" + "x" * 2048,
        "gopher://directory.example/" + TAIL,
    ],
)
async def test_urls_that_are_not_asked(url: str) -> None:
    """They lead nowhere, and no name in them is looked up."""
    assert (await fetched(url, PATIENCE)).reason is FetchReason.BAD_URL


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "::ffff:169.254.169.254", "10.0.0.1", "192.168.1.1", "fe80::1"]
)
async def test_names_of_forbidden_addresses(address: str) -> None:
    """A server on a public address sends us to no private, link-local or metadata address."""
    got = await fetched("ldap://directory.example/" + TAIL, PATIENCE, lambda _: [address])
    assert got.reason is FetchReason.FORBIDDEN_ADDRESS
