"""READ THIS FIRST: the whole way from a target to its results.

`examine` resolves the target's name, looks at each of its addresses, fetches the evidence that judging
asks for, and has all of it judged. `run` has these steps one by one, and their clock; everything below takes
the time as an argument.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext

from exporter.evidence.ways import NOTHING, Evidence
from exporter.model import Addresses, Failure, Result, Stage, Target, TrustStore
from exporter.probe.errors import ProbeError
from exporter.probe.resolve import resolve
from exporter.probe.stream import look
from exporter.run import Earlier, Gate, Look, Means, Run

Refusal = Callable[[Sequence[str]], str | None]
"""Called with the addresses that a name has, before any of them is connected to."""


def refuse_nothing(_addresses: Sequence[str]) -> None:
    """All addresses are right."""


def open_gate(_address: str) -> AbstractAsyncContextManager[None]:
    """A gate that keeps nobody waiting."""
    return nullcontext()


async def examine(  # noqa: PLR0913 - each is a separate way to the outside
    target: Target,
    stores: Mapping[str, TrustStore],
    *,
    previous: Sequence[Result] = (),
    carry: bool = True,
    gate: Gate = open_gate,
    evidence: Evidence = NOTHING,
    look: Look = look,
    timeout: float | None = None,
    refusal: Refusal = refuse_nothing,
) -> tuple[Result, ...]:
    """Look at a target and judge it: one result per address, one in all when there is no address.

    Args:
        target: what to look at; its timeout is for each address, from the moment of its turn.
        stores: trust stores by label, all that the target's policy names among them.
        previous: earlier results of the target. What has not changed since is not judged anew.
        carry: whether, where a look fails, their certificates are judged again.
        gate: limits on what is connected to at a time.
        evidence: the ways to what judging needs beside what the server sends.
        look: looks at one address, in this process by default.
        timeout: seconds for everything, waiting for the gate included; None for no such limit.
        refusal: says why addresses must not be connected to, None when they may.

    Raises:
        NotPermittedError: they must not.
    """
    earlier = Earlier(previous, carry=carry)
    run = Run(target, stores, earlier, Means(gate=gate, evidence=evidence, look=look), timeout)
    try:
        addresses = await resolve(target.host, target.ip_family, timeout=run.remaining())
    except ProbeError as error:
        # The name may have lost its addresses, but the results of each are still told apart by them.
        known = earlier.carried() or ("",)
        failure = Failure(Stage.RESOLVE, error.reason, error.detail)
        return tuple([await run.give_up(address, failure) for address in known])
    if reason := refusal(addresses):
        raise NotPermittedError(reason)
    run.resolved()
    if len(addresses) == 1:
        return (await run.examine_address(addresses[0]),)
    if target.addresses is Addresses.ALL:
        return tuple(await asyncio.gather(*map(run.examine_address, addresses)))
    return (await _first_that_connects(run, addresses),)


async def unresolved(
    target: Target, stores: Mapping[str, TrustStore], failure: Failure
) -> tuple[Result, ...]:
    """The results of a target of which it is known beforehand that there is nothing to connect to."""
    return (await Run(target, stores, Earlier(), _NOWHERE, None).give_up("", failure),)


async def _first_that_connects(run: Run, addresses: Sequence[str]) -> Result:
    """As a client does: the next address when one cannot be connected to, but not for any other fault."""
    for left in range(len(addresses), 0, -1):
        result = await run.examine_address(addresses[-left], share=left)
        failure = result.observation.failure
        if failure is None or failure.stage is not Stage.CONNECT or left == 1:
            return result
    raise AssertionError("a name that resolves has an address")


_NOWHERE = Means(gate=open_gate, evidence=NOTHING, look=look)


class NotPermittedError(Exception):
    """An address of the target must not be connected to, and nothing was; the message says why."""
