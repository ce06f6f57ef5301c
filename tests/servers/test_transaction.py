"""The transaction at Debian's Postfix, whose accounts are Dovecot's, up to the mail in the mailbox."""

from __future__ import annotations

import email
import os
import shutil
import subprocess
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exporter.model import AuthMechanism, Login, Mode, Observation, Target, Transaction
from exporter.probe.stream import look
from exporter.probe.transaction import SUBJECT
from tests.processes import PATIENCE, Running, free_ports, running, wait_until
from tests.programs import program, root_only
from tests.servers.postfix import Postfix, Service, postfix

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

pytestmark = pytest.mark.servers

_NOBODY = 65534
_MAIN = """\
virtual_mailbox_domains = example.org
virtual_mailbox_base = {directory}/mail
virtual_mailbox_maps = inline:{{probe@example.org=probe/, grey@example.org=grey/}}
virtual_uid_maps = static:{nobody}
virtual_gid_maps = static:{nobody}
smtpd_recipient_restrictions =
  check_recipient_access inline:{{ {{grey@example.org = 450 4.2.0 Greylisted, come back later}} }},
  permit_sasl_authenticated, reject_unauth_destination
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{auth}
smtpd_tls_auth_only = yes
smtpd_error_sleep_time = 0
"""
_MASTER = """\
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
"""
_ACCOUNTS = """\
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {directory}/dovecot.log
protocols =
ssl = no
default_internal_user = dovecot
default_login_user = dovenull
auth_mechanisms = plain login
auth_failure_delay = 0
passdb {{
  driver = static
  args = user=monitor password={password}
}}
service auth {{
  inet_listener {{
    address = 127.0.0.1
    port = {auth}
  }}
}}
service anvil {{
  chroot =
}}
"""
_PASSWORD = "s3cret-word"
_SUBMISSION = ("smtpd_sasl_auth_enable=yes", "smtpd_client_restrictions=permit_sasl_authenticated,reject")


@dataclass(frozen=True)
class Office:
    """The running servers: what listens where, and where the mail lies."""

    postfix: Postfix
    ports: Mapping[str, int]
    mail: Path

    def mails(self, who: str) -> list[Message]:
        """What has been delivered to somebody."""
        return [email.message_from_bytes(path.read_bytes()) for path in (self.mail / who).glob("new/*")]


def _accounts(stack: ExitStack, directory: Path, port: int) -> None:
    """Dovecot, for the passwords alone."""
    binary = program("dovecot")
    config = directory / "dovecot.conf"
    config.write_text(_ACCOUNTS.format(directory=directory, auth=port, password=_PASSWORD))
    server = stack.enter_context(running([binary, "-F", "-c", config], log=directory / "dovecot-output.log"))
    server.wait_until_listening(port)
    stack.callback(_stop, binary, config, server)


def _stop(binary: Path, config: Path, server: Running) -> None:
    subprocess.run([binary, "-c", config, "stop"], check=False, capture_output=True)
    server.process.wait(PATIENCE)


@pytest.fixture(scope="module")
def office(chains: Mapping[str, Path]) -> Iterator[Office]:
    """Postfix that takes mail for two users, greylists one of them, and has a port for submission."""
    root_only("a running Postfix")
    starttls, tls, submission, auth = free_ports(4)
    ports = {"starttls": starttls, "tls": tls, "submission": submission}
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="office-")))
        directory.chmod(0o755)
        mail = directory / "mail"
        mail.mkdir()
        os.chown(mail, _NOBODY, _NOBODY)
        chain = directory / "chain.pem"
        shutil.copy(chains["good"], chain)
        services = [
            Service("mx", starttls, Mode.STARTTLS, chain),
            Service("smtps", tls, Mode.TLS, chain),
            Service("submission", submission, Mode.STARTTLS, chain, _SUBMISSION),
        ]
        _accounts(stack, directory, auth)
        settings = _MAIN.format(directory=directory, nobody=_NOBODY, auth=auth)
        server = stack.enter_context(postfix(directory, services, settings, _MASTER))
        yield Office(server, ports, mail)


async def attempt(office: Office, service: str, wanted: Transaction) -> Observation:
    """Try a transaction at one of the services."""
    mode = Mode.TLS if service == "tls" else Mode.STARTTLS
    target = Target(
        name="office", host="127.0.0.1", port=office.ports[service], mode=mode, transaction=wanted,
        ehlo_name="probe.example.org",
    )  # fmt: skip
    return (await look(target, "127.0.0.1", timeout=PATIENCE))[0]


def to(who: str, *, send: bool = False, login: Login | None = None) -> Transaction:
    """A transaction to one of the users."""
    return Transaction(mail_from="monitor@example.org", rcpt_to=f"{who}@example.org", send=send, login=login)


@pytest.mark.parametrize("service", ["starttls", "tls"])
async def test_accepted_recipient(office: Office, service: str) -> None:
    """Postfix would take the mail, and is not given any."""
    seen = await attempt(office, service, to("probe"))
    assert seen.failure is None
    assert seen.transaction is not None
    assert (seen.transaction.success, seen.transaction.detail) == (True, "")
    greeting = {"greeting": 220} if service == "tls" else {}
    commands = {"ehlo": 250, "mail": 250, "rcpt": 250, "rset": 250, "quit": 221}
    assert seen.transaction.codes == {**greeting, **commands}
    assert office.mails("probe") == []


@pytest.mark.parametrize(
    ("who", "code", "words"),
    [("nobody", 550, "User unknown in virtual mailbox table"), ("grey", 450, "Greylisted, come back later")],
)
async def test_refused_recipient(office: Office, who: str, code: int, words: str) -> None:
    """The certificate is fine all the same, and the server's words say why the mail is not."""
    seen = await attempt(office, "starttls", to(who))
    assert len(seen.chain) == 2
    assert seen.failure is None
    assert seen.transaction is not None
    assert not seen.transaction.success
    assert seen.transaction.codes["rcpt"] == code
    assert seen.transaction.detail.startswith(f"RCPT was answered with {code} ")
    assert words in seen.transaction.detail
    assert seen.transaction.codes["quit"] == 221


@pytest.mark.parametrize("mechanism", [None, *AuthMechanism])
async def test_right_password(office: Office, mechanism: AuthMechanism | None) -> None:
    """With the account the submission port takes the mail."""
    login = Login(username="monitor", password=_PASSWORD, mechanism=mechanism)
    seen = await attempt(office, "submission", to("probe", login=login))
    assert seen.transaction is not None
    assert (seen.transaction.success, seen.transaction.codes["auth"]) == (True, 235)
    assert _PASSWORD not in repr(seen)


async def test_wrong_password(office: Office) -> None:
    """It is refused with 535, and the mail is not tried."""
    login = Login(username="monitor", password="wrong")
    seen = await attempt(office, "submission", to("probe", login=login))
    assert seen.transaction is not None
    assert (seen.transaction.success, seen.transaction.codes["auth"]) == (False, 535)
    assert "mail" not in seen.transaction.codes
    assert "AUTH was answered with 535 5.7.8" in seen.transaction.detail


async def test_no_account(office: Office) -> None:
    """Without one, the submission port refuses the recipient."""
    seen = await attempt(office, "submission", to("probe"))
    assert seen.transaction is not None
    assert (seen.transaction.success, seen.transaction.codes["rcpt"]) == (False, 554)


async def test_sent_message_lies_in_the_mailbox_once(office: Office) -> None:
    """One probe, one mail, as it was composed."""
    seen = await attempt(office, "starttls", to("probe", send=True))
    assert seen.transaction is not None
    assert seen.transaction.success, seen.transaction.detail
    wait_until(lambda: office.mails("probe"), "the mail")
    wait_until(lambda: "removed" in office.postfix.log.read_text(), "an empty queue")
    (mail,) = office.mails("probe")
    assert mail["Subject"] == SUBJECT
    assert mail["Return-Path"] == "<monitor@example.org>"
    token = mail["Message-ID"].strip("<>").partition("@")[0]
    assert f"Token: {token}" in mail.get_payload()
