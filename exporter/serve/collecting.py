"""How Python's collector of cycles is kept from holding up the event loop.

By default it looks through everything that is kept every now and then, and the results of ten thousand targets are
half a million objects: a third of a second in which nobody is answered. None of them is part of a cycle, so
whatever stays is set aside (`gc.freeze`), where the collector does not look; it is freed all the same as soon as
nobody needs it. What it still has to look through is what came since.

That is right only as long as probes and requests leave no cycles behind: what would be part of one when it is set aside
would stay for good. `probe.stream` unties its own when a look ends; tests/serve/test_collecting.py watches over it.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

_NEW_OBJECTS = 50_000
_YOUNG, _OLD = 5, 10
KEPT = 250
"""Results after which what is kept is set aside."""


def look_seldom() -> None:
    """From now on, and never again at what is there already: modules, targets and trust stores stay."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, _YOUNG, _OLD)


@contextlib.contextmanager
def nothing_collected() -> Iterator[None]:
    """For a block that makes very much of which most stays, and leaves no cycles: the reading of a configuration.

    What results leave behind meanwhile is not looked at either: to find it, all that is being made would be.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


class Keeping:
    """Counts results that are kept, and sets aside what there is when they have become many."""

    def __init__(self) -> None:
        self._results = 0

    def kept(self) -> None:
        """One more."""
        self._results += 1
        if self._results >= KEPT and gc.isenabled():
            self._results = 0
            # First what the libraries left behind since the last time: a few thousand objects at most.
            gc.collect(1)
            gc.freeze()
