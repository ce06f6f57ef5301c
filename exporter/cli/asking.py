"""One GET to an exporter, over HTTP/1.1 and, for an https URL, TLS.

Comes in: a URL and seconds. Goes out: a status and a body. `http.client` parses headers as mail, for which it loads more than all of
a check that asks; and its timeout begins anew with each packet, where this one is for everything from the name to the last byte.
"""

from __future__ import annotations

import socket
import threading
import time
from urllib.parse import urlsplit

from exporter import __version__
from exporter.cli.options import UsageError
from exporter.hosts import check_host
from exporter.idn import ascii_name

TYPE_CHECKING = False  # as in process.py

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

MAX_BYTES = 1024 * 1024
"""Of an answer in all."""
_PORTS = {"http": 80, "https": 443}


class Answer:
    """What came: the status, its reason in the server's words, and the body."""

    def __init__(self, head: bytes) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        version, _, rest = first.partition(" ")
        code, _, self.reason = rest.partition(" ")
        if not version.startswith("HTTP/1.") or len(code) != 3 or not (code.isascii() and code.isdigit()):
            raise ValueError(f"what answered does not speak HTTP: {first[:80]!r}")
        self.status = int(code)
        fields = (line.partition(":") for line in lines)
        self.headers = {name.strip().lower(): value.strip().lower() for name, _, value in fields}
        self.body = b""


def get(url: str, path: str, seconds: float) -> Answer:
    """Ask once. Neither proxies nor redirects are followed.

    Args:
        url: of the exporter; it may have a path of its own.
        path: what is asked for below it.
        seconds: for everything.

    Raises:
        UsageError: the URL is none.
        TimeoutError: time is over.
        OSError: nobody answers, or not with a certificate that is trusted here.
        ValueError: what comes is no answer.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname or not parts.path.isascii() or " " in parts.path:
        raise UsageError(f"--exporter must be an http or https URL, not {url!r}")
    host = ascii_name(check_host(parts.hostname))
    port = parts.port or _PORTS[parts.scheme]
    connection = _Connection(seconds)
    try:
        connection.open(host, port, secure=parts.scheme == "https")
        connection.send(_request(host, port, parts.scheme, parts.path.rstrip("/") + path))
        return connection.answer()
    finally:
        connection.close()


def _request(host: str, port: int, scheme: str, path: str) -> bytes:
    name = host.partition("%")[0]
    name = f"[{name}]" if ":" in name else name
    lines = (
        f"GET {path} HTTP/1.1",
        f"Host: {name}" if port == _PORTS[scheme] else f"Host: {name}:{port}",
        f"User-Agent: check_smtp_tls/{__version__}",
        "Accept: application/json",
        "Connection: close",
    )
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode("ascii")


class _Connection:
    """A socket that is read up to what is wanted, until a moment."""

    def __init__(self, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        self._socket: socket.socket | None = None
        self._received = bytearray()
        self._total = 0

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("time is over")
        return left

    def open(self, host: str, port: int, *, secure: bool) -> None:
        """Connect to the first address that takes a connection."""
        refused: OSError = OSError(f"{host} has no address")
        for family, kind, number, _, address in self._addresses(host, port):
            connection = self._socket = socket.socket(family, kind, number)
            try:
                connection.settimeout(self._left())
                connection.connect(address)
                break
            except TimeoutError:
                raise
            except OSError as error:
                connection.close()
                refused = error
        else:
            raise refused
        if secure:
            import ssl  # noqa: PLC0415 - 7 ms that an http URL does not pay

            connection.settimeout(self._left())
            self._socket = ssl.create_default_context().wrap_socket(connection, server_hostname=host)

    def _addresses(self, host: str, port: int) -> Sequence[tuple[Any, ...]]:
        """Ask the resolver in a thread that nobody waits for when time is over."""
        return _within(
            self._left(), lambda: socket.getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM)
        )

    def send(self, data: bytes) -> None:
        """Send all of it."""
        assert self._socket is not None
        self._socket.settimeout(self._left())
        self._socket.sendall(data)

    def answer(self) -> Answer:
        """Read the head, past those that only say that the true one will come, and the body."""
        answer = Answer(self._until(b"\r\n\r\n"))
        while answer.status < 200:
            answer = Answer(self._until(b"\r\n\r\n"))
        if answer.headers.get("transfer-encoding") == "chunked":
            answer.body = b"".join(self._chunks())
        elif (length := answer.headers.get("content-length")) is not None:
            answer.body = self._exactly(_size(length, 10))
        else:
            while self._more():
                pass
            answer.body = bytes(self._received)
        return answer

    def _chunks(self) -> Iterator[bytes]:
        """RFC 9112 section 7.1. Nobody needs what may follow the last chunk."""
        while size := _size(self._until(b"\r\n").decode("latin-1").partition(";")[0].strip(), 16):
            yield self._exactly(size)
            if self._exactly(2) != b"\r\n":
                raise ValueError("the answer is garbled")

    def _until(self, end: bytes) -> bytes:
        while (found := self._received.find(end)) < 0:
            self._need_more()
        return self._take(found + len(end))[:found]

    def _exactly(self, size: int) -> bytes:
        while len(self._received) < size:
            self._need_more()
        return self._take(size)

    def _take(self, size: int) -> bytes:
        taken = bytes(self._received[:size])
        del self._received[:size]
        return taken

    def _need_more(self) -> None:
        if not self._more():
            raise ValueError("the answer ends too soon")

    def _more(self) -> bool:
        """Receive something; False when nothing will come any more."""
        assert self._socket is not None
        self._socket.settimeout(self._left())
        data = self._socket.recv(65536)
        self._received += data
        self._total += len(data)
        if self._total > MAX_BYTES:
            raise ValueError("the answer is too long")
        return bool(data)

    def close(self) -> None:
        """Let go of the socket."""
        if self._socket is not None:
            self._socket.close()


def _size(text: str, base: int) -> int:
    """A number as a sender may write it: digits alone."""
    digits = "0123456789abcdef"[:base]
    if not text or len(text) > 16 or set(text.lower()) - set(digits):
        raise ValueError("the answer is garbled")
    return int(text, base)


def _within(seconds: float, call: Callable[[], Sequence[tuple[Any, ...]]]) -> Sequence[tuple[Any, ...]]:
    """What a call returns or raises."""
    done: list[Sequence[tuple[Any, ...]] | OSError] = []

    def run() -> None:
        try:
            done.append(call())
        except OSError as error:
            done.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if not done:
        raise TimeoutError("no answer from the resolver")
    if isinstance(done[0], OSError):
        raise done[0]
    return done[0]
