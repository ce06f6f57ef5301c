"""The mail servers that people run: what is seen of each, and what each says of our visit."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exporter.model import Mode
from tests.servers.mail import postfix
from tests.servers.mail.aiosmtpd import aiosmtpd
from tests.servers.mail.dovecot import dovecot
from tests.servers.mail.exim import exim
from tests.servers.mail.haraka import haraka
from tests.servers.mail.nginx import nginx_mail
from tests.servers.mail.opensmtpd import opensmtpd
from tests.servers.mail.smtp_server import smtp_server
from tests.servers.mail.stunnel import stunnel
from tests.servers.s_client import s_client
from tests.servers.situations import HOST
from tests.servers.test_chains import look, seen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from exporter.demo.authority import Issued
    from tests.servers.mail.observed import Observed, Start

pytestmark = pytest.mark.servers

BOTH = tuple(Mode)
SERVERS: dict[str, tuple[Start, tuple[Mode, ...]]] = {
    "postfix": (postfix.plain, BOTH),
    "postscreen": (postfix.screened, (Mode.STARTTLS,)),
    "postscreen-deep": (postfix.deep, (Mode.STARTTLS,)),
    "exim": (exim, BOTH),
    "nginx": (nginx_mail, BOTH),
    "dovecot": (dovecot, BOTH),
    "aiosmtpd": (aiosmtpd, BOTH),
    "smtp-server": (smtp_server, BOTH),
    "haraka": (haraka, BOTH),
    "stunnel": (stunnel, BOTH),
    "opensmtpd": (opensmtpd, BOTH),
}
"""postscreen has no implicit TLS."""
POLITE = [(name, mode) for name, (_, modes) in SERVERS.items() if name != "opensmtpd" for mode in modes]
COMPLAINTS = (
    "lost connection",
    "unexpected disconnection",
    "connection reset",
    "improper command pipelining",
    "synchronization error",
    "pregreet",
    "talk too soon",
    "early=Y",
    "client half closed connection",
    "SSL_accept error",
    "SSL_do_handshake() failed",
    "TLS handshake fail",
    "error:0",
    "Traceback",
    "timed out",
)
"""What these servers write of clients that misbehave."""


@contextmanager
def _started(name: str, chain: Path) -> Iterator[Observed]:
    """A server in a directory of its own, since pytest's are closed to other users."""
    start, _ = SERVERS[name]
    with tempfile.TemporaryDirectory(prefix="server-") as place:
        Path(place).chmod(0o755)
        with start(Path(place), chain) as running:
            yield running


@pytest.fixture(scope="module")
def turn(chains: Mapping[str, Path]) -> Iterator[Callable[[str], Observed]]:
    """Ask for a server with the good chain by name. It runs until another one is asked for."""
    with ExitStack() as stack:
        running: dict[str, Observed] = {}

        def take(name: str) -> Observed:
            if name not in running:
                running.clear()
                stack.close()
                running[name] = stack.enter_context(_started(name, chains["good"]))
            return running[name]

        yield take


@pytest.mark.parametrize(("name", "mode"), POLITE)
async def test_certificate_is_obtained_and_the_server_has_nothing_to_complain_of(
    turn: Callable[[str], Observed], name: str, mode: Mode, root: Issued, ca_file: Path
) -> None:
    """The chain is the one that s_client sees, and the server's log tells of a session that QUIT ended.

    s_client hangs up without QUIT: that the log of its visit is told apart shows that the log says something.
    """
    server = turn(name)
    mark = server.mark()
    result = await look(server.ports[mode], mode, root)
    logged = server.session(mode, mark)
    assert result.success
    assert result.observation.tls is not None
    assert result.observation.tls.aborted is None
    assert server.ended_well(mode, logged), logged
    assert not [each for each in COMPLAINTS if each.lower() in logged.lower()], logged

    mark = server.mark()
    reference = s_client(server.ports[mode], mode, HOST, ca_file)
    assert not server.ended_well(mode, server.session(mode, mark))
    assert seen(result) == reference
    assert len(reference.fingerprints) == 2


@pytest.mark.parametrize("mode", BOTH)
async def test_a_server_that_hangs_up_after_its_certificate(
    turn: Callable[[str], Observed], mode: Mode, root: Issued, ca_file: Path
) -> None:
    """The certificate is reported and judged; that the handshake was broken off is a remark."""
    server = turn("opensmtpd")
    mark = server.mark()
    result = await look(server.ports[mode], mode, root)
    logged = server.session(mode, mark)
    assert "SSL_accept: error" in logged, "this OpenSMTPD completes handshakes"
    assert result.success
    assert result.observation.tls is not None
    assert result.observation.tls.aborted
    assert seen(result) == s_client(server.ports[mode], mode, HOST, ca_file)
