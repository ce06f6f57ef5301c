"""How often Python looks for cycles of objects that nobody needs any more.

By default it looks after every 700 new objects that hold others, and a result is a hundred of those: a twentieth of
the time of a sweep went into looking through results that are kept. Whatever is not part of a cycle,
which is nearly all, is freed at once however seldom it looks.
"""

from __future__ import annotations

import gc

_NEW_OBJECTS = 20_000
_YOUNG, _OLD = 10, 10


def look_seldom() -> None:
    """From now on, and never again at what is there already: modules, targets and trust stores stay."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, _YOUNG, _OLD)
