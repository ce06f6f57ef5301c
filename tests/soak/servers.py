"""The servers of a soak, in a process of their own: prints their ports as JSON and runs until its input ends.

    python -m tests.soak.servers GOOD HOSTILE

A hostile server plays one of the scripts of `tests.probe.hostile`; those that would keep a probe until its deadline are
every tenth only, since otherwise a soak would consist of waiting.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from exporter.demo.smtpd import Server, postfix
from tests.peers import Peer
from tests.probe.hostile import HANGING, PEERS, usual

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.probe.hostile import Hostile


def _hostile() -> Iterator[Hostile]:
    """Nine that end by themselves, then one that hangs, and so on."""
    quick = itertools.cycle([peer for name, peer in PEERS.items() if name not in HANGING])
    hanging = itertools.cycle(HANGING.values())
    while True:
        yield from itertools.islice(quick, 9)
        yield next(hanging)


async def main(good: int, hostile: int) -> None:
    """Start them, print where they are, and wait."""
    async with AsyncExitStack() as stack:
        found = []
        for _ in range(good):
            server = await stack.enter_async_context(Server(postfix("mx"), usual()))
            found.append((server.port, "starttls"))
        for one in itertools.islice(_hostile(), hostile):
            peer = Peer(*one.steps)
            await peer.start()
            stack.push_async_callback(peer.stop)
            found.append((peer.port, one.mode.value))
        print(json.dumps(found), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
