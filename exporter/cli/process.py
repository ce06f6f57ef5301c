"""How a command behaves as a process: how signals end it, what reaches its output, and how it goes.

What it prints can neither fail on an odd encoding nor on a reader that has gone.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import threading
import warnings

TYPE_CHECKING = False
"""As `typing` has it, whose import costs more than all of this."""

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType
    from typing import NoReturn

_ENDINGS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block with a KeyboardInterrupt, as SIGINT does."""
    with ended_by(_interrupt):
        yield


@contextlib.contextmanager
def ended_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Have a handler called by the signals that end a command."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in _ENDINGS}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt(signal.Signals(number).name)


@contextlib.contextmanager
def silent_warnings() -> Iterator[None]:
    """Keep the libraries' warnings about odd certificates off the output."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def say(text: str, encoding: str | None = None) -> bool:
    """Print a text and a line end; False when nobody can read it any more.

    Args:
        text: what to print. What the encoding lacks is spelled out.
        encoding: None for the terminal's.
    """
    try:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding=encoding, errors="backslashreplace")
        print(text, flush=True)
    except (OSError, ValueError):
        _abandon_output()
        return False
    return True


def _abandon_output() -> None:
    """Point the standard output elsewhere, so that the interpreter's last flush cannot fail too."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def leave(status: int) -> NoReturn:
    """End the process at once.

    To take a whole interpreter apart costs a command that has looked at one server a tenth of its time, and
    nothing of it matters to anybody: what had to be closed or written is.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(status)
