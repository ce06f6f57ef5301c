"""Nagios and Icinga run with the files that are made for them, and end in the states of the demo's servers."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import ssl
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from exporter.demo.authority import Leaf
from exporter.model import Mode
from tests.deploy.copied import DEPLOY
from tests.deploy.test_services import GROUP, NAGIOS, NAGIOS_OBJECTS, USER
from tests.laboratory import demo_in_thread
from tests.processes import free_ports, running, wait_until
from tests.programs import program

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from exporter.demo import Demo
    from exporter.demo.authority import Issued
    from exporter.demo.cases import Case

pytestmark = pytest.mark.servers

OK, CRITICAL = 0, 2
NAGIOS_RUNS = """
object_cache_file={here}/objects.cache
precached_object_file={here}/objects.precache
status_file={here}/status.dat
lock_file={here}/nagios.lock
command_file={here}/nagios.cmd
query_socket={here}/nagios.qh
state_retention_file={here}/retention.dat
temp_path={here}
check_external_commands=0
enable_notifications=0
status_update_interval=1
service_inter_check_delay_method=n
service_interleave_factor=1
use_syslog=0
"""
ICINGA_RUNS = """
include <itl>
include <plugins>
const PluginDir = "{plugins}"
const NodeName = "monitor"
const ZoneName = "monitor"
object Endpoint NodeName {{ }}
object Zone ZoneName {{ endpoints = [ NodeName ] }}
object CheckerComponent "checker" {{ }}
object ApiUser "reader" {{
  password = "{password}"
  permissions = [ "objects/query/Service", "actions/reschedule-check" ]
}}
object ApiListener "api" {{
  bind_host = "127.0.0.1"
  bind_port = {port}
}}
template Host "generic-host" {{ check_command = "dummy" }}
include "{copied}/smtp-tls*.conf"
"""
PASSWORD = "of a throw-away Icinga"


@pytest.fixture(scope="module")
def lab() -> Iterator[Demo]:
    """The demo's servers, one for each cause."""
    with demo_in_thread() as demo:
        yield demo


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plugin directory with the plugin in it, linked as nagios.md says."""
    directory = tmp_path_factory.mktemp("plugins")
    (directory / "check_smtp_tls").symlink_to(Path(sys.executable).with_name("check_smtp_tls"))
    return directory


def expected(lab: Demo) -> dict[int, int]:
    """The state of each port's service."""
    return {lab.servers[case.name].port: CRITICAL if case.problems else OK for case in lab.cases}


def test_nagios_ends_in_the_expected_states(lab: Demo, plugins: Path, tmp_path: Path) -> None:
    """Nagios executes the commands of the file against every server of the demo; status.dat has the states and the words."""
    hosts = {case.expects for case in lab.cases}
    objects = [
        NAGIOS_OBJECTS,
        *(_nagios_host(name) for name in hosts),
        *(_nagios_service(c, lab) for c in lab.cases),
    ]
    (tmp_path / "objects.cfg").write_text("".join(objects), encoding="utf-8")
    (tmp_path / "resource.cfg").write_text(f"$USER1$={plugins}\n", encoding="utf-8")
    copied = DEPLOY / "nagios" / "smtp-tls.cfg"
    main = tmp_path / "nagios.cfg"
    text = NAGIOS.format(here=tmp_path, copied=copied, user=USER, group=GROUP)
    main.write_text(text + NAGIOS_RUNS.format(here=tmp_path), encoding="utf-8")
    with running([program("nagios4", "nagios"), main], log=tmp_path / "output.log"):
        checked = wait_until(lambda: _nagios_states(tmp_path / "status.dat", lab), "a check of every service")
    assert {port: int(one["current_state"]) for port, one in checked.items()} == expected(lab)
    for case in lab.cases:
        one = checked[lab.servers[case.name].port]
        assert one["plugin_output"].startswith(f"SMTP_TLS {'CRITICAL' if case.problems else 'OK'} - ")
        assert all(f"{kind}: " in one["plugin_output"] for kind in case.problems)
        assert "'time'=" in one["performance_data"]


def _nagios_host(name: str) -> str:
    return f"""
define host {{
    host_name            {name}
    address              127.0.0.1
    max_check_attempts   1
    check_period         24x7
    notification_period  24x7
    contact_groups       admins
}}
"""


def _nagios_service(case: Case, lab: Demo) -> str:
    command = "check_smtps" if case.mode is Mode.TLS else "check_smtp_tls"
    port = lab.servers[case.name].port
    revocation = "--revocation --allow-network 127.0.0.0/8" if case.revoked else ""
    return f"""
define service {{
    use                  smtp-tls-service
    host_name            {case.expects}
    service_description  port {port}
    check_command        {command}!--port {port} --rootcert {lab.root_path} {revocation}
}}
"""


def _nagios_states(status: Path, lab: Demo) -> Mapping[int, Mapping[str, str]]:
    """The services by port, once each has been checked; nothing before."""
    text = status.read_text(encoding="utf-8") if status.exists() else ""
    blocks = re.findall(r"^servicestatus \{\n(.*?)\n\t\}", text, re.DOTALL | re.MULTILINE)
    services = [dict(re.findall(r"^\t(\w+)=(.*)$", block, re.MULTILINE)) for block in blocks]
    found = {
        int(one["service_description"].split()[1]): one
        for one in services
        if one["service_description"].startswith("port ") and one["has_been_checked"] == "1"
    }
    return found if len(found) == len(lab.cases) else {}


def test_icinga_ends_in_the_expected_states(lab: Demo, plugins: Path, tmp_path: Path, root: Issued) -> None:
    """Icinga makes a service of each entry by the apply rule, executes the CheckCommand, and its API has the states."""
    (port,) = free_ports(1)
    hosts = {case.expects: [one for one in lab.cases if one.expects == case.expects] for case in lab.cases}
    objects = "".join(_icinga_host(name, cases, lab) for name, cases in hosts.items())
    with _icinga(tmp_path, plugins, port, root, objects) as api:
        found = wait_until(lambda: api.results(len(lab.cases)), "a check of every service")
    assert {number: int(one["state"]) for number, one in found.items()} == expected(lab)


@contextlib.contextmanager
def _icinga(here: Path, plugins: Path, port: int, root: Issued, objects: str) -> Iterator[_Api]:
    """A running Icinga with the shipped files and these hosts, told to check every service at once."""
    _certificates(here / "certs", root)
    settings = ICINGA_RUNS.format(plugins=plugins, port=port, password=PASSWORD, copied=DEPLOY / "icinga2")
    main = here / "icinga2.conf"
    main.write_text(settings + objects, encoding="utf-8")
    directories = [f"-D{name}Dir={here}" for name in ("Data", "Cache", "Log", "InitRun", "Spool", "Config")]
    identity = [f"-DRunAsUser={USER}", f"-DRunAsGroup={GROUP}"]
    command: list[str | Path] = [program("icinga2"), "daemon", "-c", main, *directories, *identity]
    with running(command, log=here / "output.log") as icinga:
        icinga.wait_for_port(port)
        api = _Api(port, here / "certs" / "ca.crt")
        api.ask("actions/reschedule-check", {"type": "Service", "filter": "true", "force": True})
        yield api


def test_icinga_asks_a_running_exporter(lab: Demo, plugins: Path, tmp_path: Path, root: Issued) -> None:
    """The apply rule asks by the name of the host object, not by its address, and says nothing that the exporter knows itself."""
    port, asked = free_ports(2)
    server = lab.servers["expired"]
    target = {
        "host": "localhost",
        "port": server.port,
        "ip_family": "ipv4",
        "mode": "starttls",
        "revocation": [],
    }
    target |= {"names": ["mail.int.contoso.com"], "trust_stores": ["demo"]}
    stores = {"demo": {"type": "pem", "path": str(lab.root_path)}}
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({"trust_stores": stores, "targets": [target]}), encoding="utf-8")
    url = f"http://127.0.0.1:{asked}"
    flags = [f"--config.file={config}", f"--web.listen-address=127.0.0.1:{asked}"]
    host = f'''
object Host "localhost" {{
  import "generic-host"
  address = "192.0.2.25"
  vars.smtp_tls["{server.port}"] = {{ smtp_tls_exporter = "{url}" }}
}}
'''
    with running([sys.executable, "-m", "exporter", *flags], log=tmp_path / "exporter.log") as exporter:
        exporter.wait_for_port(asked)
        with _icinga(tmp_path, plugins, port, root, host) as api:
            (result,) = wait_until(lambda: api.results(1), "a check of the service").values()
    assert result["output"].startswith("SMTP_TLS CRITICAL - localhost:")
    assert "expired: " in result["output"]


def _icinga_host(name: str, cases: list[Case], lab: Demo) -> str:
    lines = [f'object Host "{name}" {{', '  import "generic-host"', '  address = "127.0.0.1"']
    for case in cases:
        options: dict[str, str | bool] = {"smtp_tls_rootcert": str(lab.root_path)}
        options |= {"smtp_tls_tls": True} if case.mode is Mode.TLS else {"smtp_tls_starttls": True}
        options |= (
            {"smtp_tls_revocation": True, "smtp_tls_allow_network": "127.0.0.0/8"} if case.revoked else {}
        )
        inner = ", ".join(f"{key} = {json.dumps(value)}" for key, value in options.items())
        lines.append(f'  vars.smtp_tls["{lab.servers[case.name].port}"] = {{ {inner} }}')
    return "\n".join([*lines, "}", ""])


def _certificates(directory: Path, root: Issued) -> None:
    """What the API needs to begin: its own certificate and the authority's."""
    directory.mkdir()
    issued = root.issue(Leaf("CN=monitor", dns=("monitor",)))
    (directory / "ca.crt").write_text(root.pem)
    (directory / "monitor.crt").write_text(issued.pem)
    (directory / "monitor.key").write_text(issued.key_pem)


class _Api:
    """Asks Icinga's API."""

    def __init__(self, port: int, authority: Path) -> None:
        self._url = f"https://127.0.0.1:{port}/v1"
        self._context = ssl.create_default_context(cafile=authority)
        self._context.check_hostname = False
        self._login = "Basic " + base64.b64encode(f"reader:{PASSWORD}".encode()).decode()

    def ask(self, path: str, body: Mapping[str, Any], **headers: str) -> Any:  # noqa: ANN401 - JSON
        """The results of one request."""
        headers = {"Accept": "application/json", "Authorization": self._login, **headers}
        request = urllib.request.Request(f"{self._url}/{path}", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=30, context=self._context) as answer:
            return json.load(answer)["results"]

    def results(self, count: int) -> dict[int, Mapping[str, Any]]:
        """The result of each service by its port, once all have been checked; nothing before."""
        override = {"X-HTTP-Method-Override": "GET"}
        services = self.ask("objects/services", {"attrs": ["name", "last_check_result"]}, **override)
        found = {
            int(one["attrs"]["name"].removeprefix("smtp-tls-")): one["attrs"]["last_check_result"]
            for one in services
            if one["attrs"]["last_check_result"]
        }
        return found if len(found) == count else {}
