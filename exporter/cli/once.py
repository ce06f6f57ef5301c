"""One run of a command that looks once: trust stores, results, and a clean way out.

Comes in: targets and the paths of trust stores. Goes out: results, and text on standard output that
can neither fail on an odd encoding nor on a reader that has gone.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from exporter.cli.options import UsageError
from exporter.evidence.ways import NOTHING
from exporter.model import State

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
    from types import FrameType

    from exporter.evidence.ways import Evidence
    from exporter.model import Result, Target, TrustStore

T = TypeVar("T")

_ENDINGS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


def stores(given: Sequence[str], password_file: Path | None = None) -> Mapping[str, TrustStore]:
    """The trust stores of `[LABEL=]PATH` options; without any, that of the system.

    Paths of one label are one store, and so are all paths without a label: whoever names two roots
    trusts both. What kind of store a file is shows in its content.

    Args:
        given: the options' values.
        password_file: holds the password of those stores that have one.

    Raises:
        UsageError: a store cannot be read.
    """
    from exporter import trust  # noqa: PLC0415 - the parser answers --help without cryptography

    try:
        if not given:
            return {"system": trust.system()}
        return {label: _store(label, paths, password_file) for label, paths in _labelled(given).items()}
    except trust.StoreError as error:
        raise UsageError(f"trust store: {error}") from error


def _store(label: str, paths: tuple[Path, ...], password_file: Path | None) -> TrustStore:
    from exporter import trust  # noqa: PLC0415 - as above
    from exporter.model import TrustStore  # noqa: PLC0415 - beside it

    anchors: dict[bytes, None] = {}
    for path in paths:
        kind = trust.detect(path)
        password = password_file if kind in _WITH_PASSWORD else None
        anchors |= dict.fromkeys(trust.load(label, kind, (path,), password).anchors)
    return TrustStore(label, tuple(anchors))


_WITH_PASSWORD = {"jks", "pkcs12"}


def _labelled(given: Sequence[str]) -> Mapping[str, tuple[Path, ...]]:
    """Paths by label. What stands before `=` is no label when it looks like a part of a path."""
    found: dict[str, tuple[Path, ...]] = {}
    unlabelled: list[Path] = []
    for text in given:
        label, separator, path = text.partition("=")
        if separator and label and path and os.sep not in label and not Path(text).exists():
            found[label] = (*found.get(label, ()), Path(path))
        else:
            unlabelled.append(Path(text))
    if unlabelled:
        found[",".join(path.name for path in unlabelled)] = tuple(unlabelled)
    return found


async def look(
    wanted: Sequence[Target],
    trusted: Mapping[str, TrustStore],
    evidence: Evidence = NOTHING,
) -> list[Result]:
    """Examine all targets at the same time; the results are in the targets' order.

    Args:
        wanted: what to look at.
        trusted: trust stores by label.
        evidence: fetches missing intermediates and what is to be known about revocation.
    """
    import asyncio  # noqa: PLC0415 - 40 ms that --help does not pay

    from exporter.pipeline import examine  # noqa: PLC0415 - as above

    runs = (examine(one, trusted, evidence=evidence, timeout=one.timeout) for one in wanted)
    groups = await asyncio.gather(*runs)
    return [result for group in groups for result in group]


def worst(states: Sequence[State]) -> State:
    """The state that several amount to."""
    return max(states, key=lambda state: state.rank, default=State.UNKNOWN)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block with a KeyboardInterrupt, as SIGINT does."""
    with _ended_by(_interrupt):
        yield


def run(work: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run`, ended by SIGTERM and SIGHUP in the same way as by SIGINT: by cancelling.

    An exception that a signal's handler raised could stop the event loop between any two instructions
    and leave half-made transports behind, of which the interpreter complains.

    Raises:
        KeyboardInterrupt: with the signal's name.
    """
    import asyncio  # noqa: PLC0415 - 40 ms that --help and wrong usage do not pay

    async def cancelled_when_told() -> T:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        told: list[str] = []

        def cancel(number: int, _frame: FrameType | None) -> None:
            told.append(signal.Signals(number).name)
            if task is not None:
                task.cancel()
            loop.call_soon_threadsafe(lambda: None)  # wakes the loop

        with _ended_by(cancel):
            try:
                return await work
            except asyncio.CancelledError:
                if told:
                    raise KeyboardInterrupt(told[0]) from None
                raise

    return asyncio.run(cancelled_when_told())


@contextlib.contextmanager
def _ended_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
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
