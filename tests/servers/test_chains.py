"""The presented chain and its first verification error, compared with `openssl s_client`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exporter.model import Mode, Policy, Result, Target, TrustStore
from exporter.pipeline import examine
from tests.servers.s_client import Seen, s_client
from tests.servers.situations import HOST, SITUATIONS

if TYPE_CHECKING:
    from pathlib import Path

    from exporter.demo.authority import Issued
    from tests.servers.conftest import Ports
    from tests.servers.postfix import Postfix

pytestmark = pytest.mark.servers


async def look(port: int, mode: Mode, root: Issued) -> Result:
    """Examine a port of 127.0.0.1, trusting only the root."""
    target = Target(
        name="test",
        host="127.0.0.1",
        port=port,
        mode=mode,
        names=(HOST,),
        sni=HOST,
        ehlo_name="probe.example.org",
        policy=Policy(stores=("test",)),
    )
    (result,) = await examine(target, {"test": TrustStore("test", (root.der,))})
    return result


def seen(result: Result) -> Seen:
    """The part of a result that s_client has an opinion on."""
    (store,) = result.verdict.stores
    return Seen(tuple(each.sha256 for each in result.verdict.chain), store.code, store.depth)


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("server", ["nginx", "postfix"])
async def test_chain_and_first_error_equal_those_of_s_client(
    request: pytest.FixtureRequest, server: str, mode: Mode, situation: str, root: Issued, ca_file: Path
) -> None:
    """A real server's chain is reported as sent, with the code and depth that s_client reports."""
    ports: Ports = request.getfixturevalue(f"{server}_ports")
    port = ports[situation, mode]
    reference = s_client(port, mode, HOST, ca_file)
    expected = SITUATIONS[situation]
    assert (len(reference.fingerprints), reference.code, reference.depth) == expected
    assert seen(await look(port, mode, root)) == reference


@pytest.mark.parametrize(
    ("mode", "commands"),
    [(Mode.STARTTLS, "ehlo=1 starttls=1 quit=1 commands=3"), (Mode.TLS, "quit=1 commands=1")],
    ids=["starttls", "tls"],
)
async def test_postfix_logs_an_orderly_session(
    postfix_server: tuple[Postfix, Ports], mode: Mode, commands: str, root: Issued
) -> None:
    """A probe leaves nothing in Postfix's log that an administrator would look into."""
    server, ports = postfix_server
    result = await look(ports["observed", mode], mode, root)
    log = server.session(f"observed-{mode}")
    assert result.success
    assert f"disconnect from unknown[127.0.0.1] {commands}" in log
    for complaint in ("lost connection", "improper command pipelining", "SSL_accept error", "timeout"):
        assert complaint not in log
