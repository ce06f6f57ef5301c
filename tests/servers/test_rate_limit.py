"""A server that limits how often its clients come, and `limits.per_host_delay`, which is meant for it."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exporter.model import Mode, Policy, ProblemKind, Reason, Result, Stage, Target
from exporter.pipeline import examine
from exporter.serve.limits import Limits
from tests.processes import free_ports
from tests.servers.postfix import Service, postfix

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

pytestmark = pytest.mark.servers

WINDOW = 3
"""Seconds, whole ones, in which a client may connect once."""
DELAY = WINDOW + 1.5
"""Seconds after which anvil, whose clock has no fractions, has surely begun to count anew."""
# This machine is a client like any other.
SETTINGS = f"""\
anvil_rate_time_unit = {WINDOW}s
smtpd_client_connection_rate_limit = 1
smtpd_client_event_limit_exceptions =
"""


@pytest.fixture(scope="module")
def ports(chains: Mapping[str, Path]) -> Iterator[tuple[int, ...]]:
    """Two ports of a Postfix, as it were 25 and 587, between which a client is counted once.

    anvil counts by service; so one smtpd serves both, by way of a postscreen that lets this machine pass.
    """
    first, second = found = free_ports(2)
    options = ("postscreen_access_list=permit_mynetworks",)
    service = Service(
        "smtp", first, Mode.STARTTLS, chains["good"], options, screened=True, more_ports=(second,)
    )
    with tempfile.TemporaryDirectory(prefix="postfix-") as place:
        Path(place).chmod(0o755)
        with postfix(Path(place), [service], SETTINGS):
            yield found


async def visit(ports: tuple[int, ...], limits: Limits) -> list[Result]:
    """Look at both ports, each a target of its own, as soon as the limits allow; in the order of the visits."""

    async def one(port: int) -> None:
        target = Target(name=str(port), host="127.0.0.1", port=port, policy=Policy(stores=()))
        done.extend(await examine(target, {}, gate=limits.gate))

    done: list[Result] = []
    await asyncio.gather(*map(one, ports))
    return done


async def test_the_delay_keeps_within_the_limit(ports: tuple[int, ...]) -> None:
    """With the delay both ports are seen; without it the second visit is answered with 421."""
    polite = await visit(ports, Limits(per_host_delay=DELAY))
    assert [result.success for result in polite] == [True, True], polite

    await asyncio.sleep(DELAY)
    first, second = await visit(ports, Limits())
    assert first.success
    failure = second.observation.failure
    assert failure is not None
    assert (failure.stage, failure.reason) == (Stage.GREETING, Reason.TEMPORARY_FAILURE)
    assert "421 4.7.0" in failure.detail
    assert "too many connections" in failure.detail
    assert [problem.kind for problem in second.verdict.problems] == [ProblemKind.UNREACHABLE]
