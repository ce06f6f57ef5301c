"""Programs that tests start: each in a process group of its own, watched, and always stopped.

    with running([nginx, "-c", config], log=tmp_path / "nginx.log") as server:
        server.wait_for_port(port)

What they print goes to a file. `tests/conftest.py` adds the files of all programs that are running
to the report of a failed test.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

T = TypeVar("T")
PATIENCE = 30.0
"""Seconds that anything may take on a busy machine before a test gives it up."""
_PAUSE = 0.02
_TAIL = 8000
_LISTENING = "0A"
"""TCP_LISTEN in /proc/net/tcp."""

_alive: list[Running] = []


def free_ports(count: int, host: str = "127.0.0.1") -> tuple[int, ...]:
    """Return TCP ports of the kernel's choice, all different, that nothing listens on now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((host, 0))
        return tuple(each.getsockname()[1] for each in sockets)


def wait_until(condition: Callable[[], T], what: str) -> T:
    """Ask again and again until the answer is truthy; for what gives no event to wait for.

    Raises:
        AssertionError: it did not come true within `PATIENCE` seconds.
    """
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if answer := condition():
            return answer
        threading.Event().wait(_PAUSE)
    raise AssertionError(f"after {PATIENCE:g} s still waiting for {what}")


class Running:
    """A program that was started. `log` is the file with all that it printed."""

    def __init__(
        self, command: Sequence[str | Path], log: Path, *, env: Mapping[str, str] | None, cwd: Path | None
    ) -> None:
        self.name = Path(command[0]).name
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                cwd=cwd,
                start_new_session=True,
            )

    def wait_for_port(self, port: int, host: str = "127.0.0.1") -> None:
        """Return once the port accepts connections.

        Raises:
            AssertionError: the program ended, or never listened; with its log.
        """
        wait_until(lambda: self._answers(host, port), f"{self.name} on {host}:{port}")

    def wait_until_listening(self, port: int) -> None:
        """Return once something listens on the IPv4 port, without a connection that a server would log."""
        wait_until(lambda: self._listens(port), f"{self.name} on port {port}")

    def _listens(self, port: int) -> bool:
        status = self.process.poll()
        assert status is None, f"{self.name} ended with status {status}:\n{self.tail()}"
        lines = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
        return any(
            state == _LISTENING and address.endswith(f":{port:04X}")
            for _, address, _, state, *_ in map(str.split, lines)
        )

    def _answers(self, host: str, port: int) -> bool:
        status = self.process.poll()
        assert status is None, f"{self.name} ended with status {status}:\n{self.tail()}"
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection((host, port), PATIENCE):
            return True
        return False

    def tail(self) -> str:
        """The end of what the program printed."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-_TAIL:]

    def stop(self) -> None:
        """End the whole process group, by force after a while; its leader has then been waited for."""
        self._signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            pass
        finally:
            self._signal(signal.SIGKILL)
            self.process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


@contextlib.contextmanager
def running(
    command: Sequence[str | Path],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Iterator[Running]:
    """Run a program for the length of the block. `env` is added to this process's environment."""
    started = Running(command, log, env=env, cwd=cwd)
    _alive.append(started)
    try:
        yield started
    finally:
        _alive.remove(started)
        started.stop()


def logs() -> Iterator[tuple[str, str]]:
    """Name and last output of each program that is running now."""
    for each in _alive:
        yield each.name, each.tail()


def children(pid: int) -> list[int]:
    """The processes that a process has started and that run, by what the kernel says of its threads (Linux)."""
    lists = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(one) for text in lists for one in text.split()]
