"""Asks the daemon for `/-/healthy` every 10 ms, in a process of its own.

Beside the daemon it asks an echo, a process that has nothing else to do, at the same moments. What the echo takes
is the machine's part of what the daemon takes; that the poller itself woke up late is noted, too.

    python -m tests.bench.poller PORT ECHO

Runs until its input ends, then prints a JSON list of [moment, wait, echo's wait, own delay], seconds each.
"""

from __future__ import annotations

import contextlib
import json
import selectors
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import IO, NamedTuple

from tests.bench.measure import Failed

PERIOD = 0.01
_REQUEST = b"GET /-/healthy HTTP/1.1\r\nHost: bench\r\n\r\n"


class Look(NamedTuple):
    """One question: its moment by the monotonic clock, how long the answers took, and how late it was asked."""

    moment: float
    wait: float
    echo: float
    delay: float


def poll(ports: Sequence[int], ended: threading.Event) -> Iterator[Look]:
    """Ask both again and again. A question that takes longer than the period puts off the next one."""
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for port in ports]
        waiting = stack.enter_context(selectors.DefaultSelector())
        due = time.monotonic()
        while not ended.is_set():
            time.sleep(max(0.0, due - time.monotonic()))
            began = time.monotonic()
            first, second = _answers(connections, waiting, began)
            yield Look(began, first, second, began - due)
            due = max(due + PERIOD, time.monotonic())


def _answers(
    connections: Sequence[socket.socket], waiting: selectors.BaseSelector, began: float
) -> Sequence[float]:
    """How long each took to answer."""
    for number, connection in enumerate(connections):
        connection.sendall(_REQUEST)
        waiting.register(connection, selectors.EVENT_READ, number)
    taken: dict[int, float] = {}
    while len(taken) < len(connections):
        for key, _ in waiting.select():
            if not connections[key.data].recv(4096).startswith(b"HTTP/1.1 200"):
                sys.exit("/-/healthy did not answer 200")
            taken[key.data] = time.monotonic() - began
            waiting.unregister(key.fileobj)
    return [taken[number] for number in range(len(connections))]


class Watch:
    """What the poller saw, once it has ended."""

    def __init__(self) -> None:
        self.looks: list[Look] = []

    def between(self, begin: float, end: float) -> Sequence[Look]:
        """The questions of some time."""
        return [look for look in self.looks if begin <= look.moment <= end]


@contextlib.contextmanager
def watching(port: int) -> Iterator[Watch]:
    """Poll for the length of the block; the watch is filled when it is left."""
    watch = Watch()
    with _piped("tests.bench.echo") as echo:
        assert echo.stdout
        with _piped("tests.bench.poller", str(port), echo.stdout.readline().strip()) as poller:
            yield watch
            out, _ = poller.communicate()
            if poller.returncode != 0:
                raise Failed(f"the poller ended with {poller.returncode}")
            watch.looks = [Look(*each) for each in json.loads(out)]


@contextlib.contextmanager
def _piped(module: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", module, *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _until_input_ends(stream: IO[str], ended: threading.Event) -> None:
    stream.read()
    ended.set()


if __name__ == "__main__":
    over = threading.Event()
    threading.Thread(target=_until_input_ends, args=(sys.stdin, over), daemon=True).start()
    print(json.dumps(list(poll([int(port) for port in sys.argv[1:]], over))))
