"""`check_smtp_tls` against every hostile peer: one well-formed line, the right exit status, no more bytes than NRPE takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exporter.model import Mode, Reason, State
from tests.cli.test_check import NRPE, ONE_LINE, check
from tests.laboratory import in_thread
from tests.peers import Peer
from tests.probe.hostile import HOST, PEERS

if TYPE_CHECKING:
    from tests.probe.hostile import Hostile


@pytest.mark.parametrize("hostile", PEERS.values(), ids=PEERS)
def test_one_line_whatever_comes(hostile: Hostile, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing of the peers' words breaks the line; only a peer whose certificate was obtained has days; time-outs are as wanted."""
    mode = "--tls" if hostile.mode is Mode.TLS else "--starttls"
    timed_out = hostile.end is not None and hostile.end[1] is Reason.TIMEOUT
    with in_thread(Peer(*hostile.steps)) as peer:
        given = (
            "-H",
            "127.0.0.1",
            "-p",
            str(peer.port),
            mode,
            "-n",
            HOST,
            "-F",
            "monitor.test",
            "-t",
            "0.5:unknown",
        )
        state, out = check(capsys, *given)
    assert state is (State.UNKNOWN if timed_out else State.CRITICAL)
    assert ONE_LINE.fullmatch(out)
    assert out.startswith(f"SMTP_TLS {state.name} - ")
    assert len(out.encode()) <= NRPE
    assert ("'days_to_expiry'=" in out) == (hostile.end is None)
