"""Which of several processes with one configuration probes a target.

In: the identity of a target. Out: the same number in every process and every run. When there is one process more,
only as many targets move as it gets.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shard:
    """One process of `count`, the first of which is 0."""

    index: int = 0
    count: int = 1

    def has(self, identity: str) -> bool:
        """Whether a target is this process'."""
        return self.count == 1 or shard_of(identity, self.count) == self.index


def shard_of(identity: str, count: int) -> int:
    """The process for a target, 0 to `count` - 1.

    Jump consistent hash: J. Lamping, E. Veach, "A Fast, Minimal Memory, Consistent Hash Algorithm", 2014.
    """
    key = int.from_bytes(hashlib.sha256(identity.encode()).digest()[:8])
    shard, following = -1, 0
    while following < count:
        shard = following
        key = (key * 2862933555777941757 + 1) % 2**64
        following = int((shard + 1) * (2**31 / ((key >> 33) + 1)))
    return shard
