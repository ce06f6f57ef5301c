"""One run of a command that looks once: trust stores and results.

Comes in: targets and the paths of trust stores. Goes out: results.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from exporter.cli import process
from exporter.cli.options import UsageError
from exporter.evidence.ways import NOTHING
from exporter.model import State

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence
    from types import FrameType

    from exporter.evidence.ways import Evidence
    from exporter.model import Result, Target, TrustStore

T = TypeVar("T")


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

        with process.ended_by(cancel):
            try:
                return await work
            except asyncio.CancelledError:
                if told:
                    raise KeyboardInterrupt(told[0]) from None
                raise

    # The usual loop of Windows does not watch sockets.
    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        return runner.run(cancelled_when_told())
