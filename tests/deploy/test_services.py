"""systemd, Nagios and Icinga themselves read the files that are made for them."""

from __future__ import annotations

import configparser
import grp
import os
import pwd
import re
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest

from exporter.cli import check_options, daemon_options
from exporter.model import Mode
from tests.deploy.copied import DEPLOY, DOCS
from tests.programs import program

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

USER = pwd.getpwuid(os.getuid()).pw_name
GROUP = grp.getgrgid(os.getgid()).gr_name
"""Whoever runs the tests. Started by root, Nagios and Icinga would change to users of their own."""
DEBIAN = DEPLOY / "debian"
UNIT = DEPLOY / "systemd" / "smtp-tls-exporter.service"

NAGIOS = """\
log_file={here}/nagios.log
resource_file={here}/resource.cfg
check_result_path={here}
temp_file={here}/nagios.tmp
nagios_user={user}
nagios_group={group}
illegal_macro_output_chars=`~$&|'"<>
cfg_file={here}/objects.cfg
cfg_file={copied}
"""
NAGIOS_OBJECTS = """\
define timeperiod {
    timeperiod_name  24x7
    alias            always
    monday           00:00-24:00
    tuesday          00:00-24:00
    wednesday        00:00-24:00
    thursday         00:00-24:00
    friday           00:00-24:00
    saturday         00:00-24:00
    sunday           00:00-24:00
}
define command {
    command_name  notify
    command_line  /bin/true
}
define contact {
    contact_name                   admin
    host_notifications_enabled     0
    service_notifications_enabled  0
    host_notification_period       24x7
    service_notification_period    24x7
    host_notification_commands     notify
    service_notification_commands  notify
}
define contactgroup {
    contactgroup_name  admins
    alias              admins
    members            admin
}
define host {
    host_name            mx1.example.org
    address              127.0.0.1
    max_check_attempts   1
    check_period         24x7
    notification_period  24x7
    contact_groups       admins
}
"""
ICINGA = """\
include <itl>
include <plugins>
const PluginDir = "/usr/lib/nagios/plugins"
const NodeName = "monitor"
object CheckerComponent "checker" {{ }}
template Host "generic-host" {{ check_command = "dummy" }}
include "{copied}/smtp-tls*.conf"
{example}
"""


def _run(command: Sequence[str | Path]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_unit_makes_no_promise_that_the_daemon_does_not_keep() -> None:
    """SIGHUP reloads, and systemd is told of readiness and life."""
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # keys of systemd have capitals
    unit.read(UNIT, encoding="utf-8")
    assert unit["Service"]["Type"] == "notify"
    assert unit["Service"]["WatchdogSec"] == "2min"
    assert unit["Service"]["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert unit["Service"]["DynamicUser"] == "yes"
    # pyOpenSSL's callbacks need memory that is both writable and executable.
    assert "MemoryDenyWriteExecute" not in unit["Service"]


@pytest.mark.servers
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    """systemd finds nothing wrong with the unit but that the program is not installed there."""
    unit = tmp_path / UNIT.name
    text = UNIT.read_text(encoding="utf-8")
    unit.write_text(
        re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.MULTILINE), encoding="utf-8"
    )
    assert _run([program("systemd-analyze"), "verify", unit]).strip() == ""


@pytest.mark.servers
def test_systemd_accepts_the_files_for_debian(tmp_path: Path) -> None:
    """With the drop-in beside the unit systemd finds nothing wrong; the flags are the daemon's; the page installs both where they are read."""
    unit = tmp_path / UNIT.name
    (tmp_path / f"{UNIT.name}.d").mkdir()
    copied = {UNIT: unit, DEBIAN / "smtp-tls-exporter.conf": tmp_path / f"{UNIT.name}.d" / "debian.conf"}
    for source, place in copied.items():
        text = source.read_text(encoding="utf-8")
        place.write_text(re.sub(r"/opt/\S+/smtp-tls-exporter", "/bin/true", text), encoding="utf-8")
    assert _run([program("systemd-analyze"), "verify", unit]).strip() == ""
    (drop_in,) = (path for path in copied if path.suffix == ".conf")
    assert "EnvironmentFile=/etc/default/smtp-tls-exporter\n" in drop_in.read_text(encoding="utf-8")
    flags = re.search(r'^ARGS="(.*)"$', (DEBIAN / "default").read_text(encoding="utf-8"), re.MULTILINE)
    assert flags
    given = daemon_options.parser().parse_args(shlex.split(flags[1]))
    assert f"`{given.config_file}`" in (DOCS / "deploy.md").read_text(encoding="utf-8")


@pytest.mark.servers
def test_systemd_finds_the_unit_confined() -> None:
    """The exposure that systemd computes is the one that deploy.md promises."""
    printed = _run([program("systemd-analyze"), "security", "--offline=true", "--no-pager", UNIT])
    score = re.search(r"Overall exposure level for \S+: (\S+)", printed)
    assert score, printed
    print(score[0])
    assert f"gives it {score[1]}." in (DOCS / "deploy.md").read_text(encoding="utf-8")


@pytest.mark.servers
def test_nagios_accepts_the_objects(tmp_path: Path) -> None:
    """Nagios loads commands and services beside the contacts and the time period of a plain installation."""
    copied = DEPLOY / "nagios" / "smtp-tls.cfg"
    (tmp_path / "objects.cfg").write_text(NAGIOS_OBJECTS, encoding="utf-8")
    (tmp_path / "resource.cfg").write_text("$USER1$=/usr/lib/nagios/plugins\n", encoding="utf-8")
    main = tmp_path / "nagios.cfg"
    main.write_text(NAGIOS.format(here=tmp_path, copied=copied, user=USER, group=GROUP), encoding="utf-8")
    printed = _run([program("nagios4", "nagios"), "-v", main])
    assert re.search(r"Checked 2 services", printed), printed
    assert re.search(r"Total Errors:\s+0", printed), printed
    assert re.search(r"Total Warnings:\s+0", printed), printed


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("check_smtp_tls", ["-w 21 -c 7"]),
        ("check_smtp_tls", ["-p 587 -w 30 -c 14"]),
        ("check_smtps", ["--warning 21 --critical 7 --rootcert /etc/ssl/certs/contoso-root.pem"]),
        ("check_smtp_tls_name", ["mail.example.org", ""]),
    ],
)
def test_nagios_commands_are_understood(command: str, arguments: list[str]) -> None:
    """check_smtp_tls understands each command line once Nagios has filled it, and expects the right name."""
    text = (DEPLOY / "nagios" / "smtp-tls.cfg").read_text(encoding="utf-8")
    line = re.search(rf"command_name +{command}\n +command_line +\S+/check_smtp_tls (.*)", text)
    assert line
    filled = line[1].replace("$HOSTADDRESS$", "192.0.2.25").replace("$HOSTNAME$", "mx1.example.org")
    for number, argument in enumerate(arguments, start=1):
        filled = filled.replace(f"$ARG{number}$", argument)
    given = check_options.parser().parse_args(shlex.split(filled))
    assert given.hostname == "192.0.2.25"
    assert given.names == ["mail.example.org" if command.endswith("_name") else "mx1.example.org"]
    assert given.mode is {"check_smtp_tls": Mode.STARTTLS, "check_smtps": Mode.TLS}.get(command)


@pytest.mark.servers
def test_icinga_accepts_the_command(tmp_path: Path) -> None:
    """Icinga loads the CheckCommand, and the example host of nagios.md gets its three services; with a domain, a fourth."""
    page = (DOCS / "nagios.md").read_text(encoding="utf-8")
    example = re.search(r"^object Host .*?^\}$", page, re.DOTALL | re.MULTILINE)
    assert example
    with_domain = example[0].replace(
        "  address =", '  vars.smtp_tls_domains = [ "example.org" ]\n  address ='
    )
    main = tmp_path / "icinga2.conf"
    copied = DEPLOY / "icinga2"
    main.write_text(ICINGA.format(copied=copied, example=with_domain), encoding="utf-8")
    directories = [f"-D{name}Dir={tmp_path}" for name in ("Data", "Cache", "Log", "InitRun", "Spool")]
    identity = [f"-DRunAsUser={USER}", f"-DRunAsGroup={GROUP}"]
    printed = _run([program("icinga2"), "daemon", "-C", "-c", main, *directories, *identity])
    assert "Instantiated 4 Services." in printed
    assert "warning/" not in printed
