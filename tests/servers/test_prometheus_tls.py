"""Prometheus asks the exporter for its targets, and for each of them, over TLS with a password."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bcrypt
import pytest
import yaml

from exporter.demo.authority import Leaf
from exporter.demo.cases import CASES
from tests.processes import free_ports, running, wait_until
from tests.servers.prometheus import DEPLOY, DOCUMENTED_EXPORTER, prometheus

if TYPE_CHECKING:
    from exporter.demo.authority import Issued

pytestmark = pytest.mark.servers

COMMAND = Path(sys.executable).parent / "smtp-tls-exporter"
WEB = """\
tls_server_config: {{cert_file: server.crt, key_file: server.key}}
basic_auth_users: {{prometheus: {hashed}}}
"""


def job(exporter: str, directory: Path) -> dict[str, Any]:
    """The job of deploy/, as users are told to adapt it."""
    text = (DEPLOY / "scrape-http-sd.yml").read_text()
    assert text.count(DOCUMENTED_EXPORTER) == 2
    text = text.replace(DOCUMENTED_EXPORTER, exporter).replace("exporter-ca.pem", str(directory / "ca.pem"))
    text = text.replace("exporter.pass", str(directory / "exporter.pass"))
    found: dict[str, Any]
    (found,) = yaml.safe_load(text)["scrape_configs"]
    return found | {"scrape_interval": "1s", "scrape_timeout": "1s"}


def test_targets_and_probes_over_tls_with_a_password(
    tmp_path: Path, root: Issued, intermediate: Issued
) -> None:
    """Every server of the demo arrives with its own problems, and nothing without the password."""
    leaf = intermediate.issue(Leaf("CN=localhost", dns=("localhost",), ips=("127.0.0.1",)))
    (tmp_path / "server.crt").write_text(leaf.chain_pem(intermediate))
    (tmp_path / "server.key").write_text(leaf.key_pem)
    (tmp_path / "ca.pem").write_text(root.pem)
    (tmp_path / "exporter.pass").write_text("s3cret")
    hashed = bcrypt.hashpw(b"s3cret", bcrypt.gensalt(10)).decode()
    (tmp_path / "web.yml").write_text(WEB.format(hashed=hashed))
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    flags = ["--demo", f"--web.listen-address={address}", f"--web.config.file={tmp_path / 'web.yml'}"]
    with running([COMMAND, *flags], log=tmp_path / "exporter.log") as daemon:
        daemon.wait_for_port(port)
        with prometheus(tmp_path, [job(address, tmp_path)]) as server:
            wanted = f"count(count by (instance) (probe_success)) == {len(CASES)}"
            wait_until(partial(server.query, wanted), "all targets")
            found: dict[str, set[str]] = {}
            for labels, _ in server.query("smtp_tls_problem == 1"):
                found.setdefault(labels["target"], set()).add(labels["problem"])
            assert found == {case.name: case.problems for case in CASES if case.problems}
            assert {value for _, value in server.query("up")} == {1}
        (tmp_path / "again").mkdir()
        (tmp_path / "exporter.pass").write_text("wrong")
        with prometheus(tmp_path / "again", [job(address, tmp_path)]) as server:
            wait_until(lambda: "401" in (tmp_path / "again" / "prometheus.log").read_text(), "a refusal")
            assert server.query("probe_success") == []
