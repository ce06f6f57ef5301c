"""One name with three addresses, and a domain with two exchanges, by real lookups of the system's resolver.

All of it is in namespaces of its own (`tests.servers.lab`): only there can a name server be made the system's.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter.demo.authority import DAY, Leaf
from tests.programs import program, root_only

if TYPE_CHECKING:
    from exporter.demo.authority import Issued

pytestmark = pytest.mark.servers

CONFIG = """\
defaults: {trust_stores: [lab], revocation: [], ehlo_name: probe.test}
trust_stores: {lab: {type: pem, path: root.pem}}
targets:
  - host: mail.test
  - mx: example.test
"""
SCRIPT = 'mount --bind "$0/resolv.conf" /etc/resolv.conf && exec "$@"'
SOURCE = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory, root: Issued, intermediate: Issued) -> str:
    """What the exporter and the check say in the lab."""
    root_only("a network namespace")
    place = tmp_path_factory.mktemp("lab")
    for name, leaf in {
        "good": intermediate.issue(Leaf("CN=mail.test", dns=("mail.test",))),
        "old": intermediate.issue(Leaf("CN=mail.test", dns=("mail.test",), begins=-90 * DAY, ends=-DAY)),
    }.items():
        (place / f"{name}.pem").write_text(leaf.key_pem + leaf.chain_pem(intermediate))
    (place / "root.pem").write_text(root.pem)
    (place / "config.yaml").write_text(CONFIG)
    (place / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:2\n")
    command: list[str | Path] = [program("unshare"), "--mount", "--net", "sh", "-c", SCRIPT, place]
    command += [sys.executable, "-m", "tests.servers.lab", place]
    done = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def series(printed: str) -> dict[tuple[str, str, str], dict[str, float]]:
    """Values by domain, target and address, then by metric or problem."""
    found: dict[tuple[str, str, str], dict[str, float]] = {}
    for family in text_string_to_metric_families(printed.partition("\nexit ")[0]):
        for sample in family.samples:
            labels = sample.labels
            if "target" in labels:
                key = (labels.get("mx", ""), labels["target"], labels.get("address", ""))
                found.setdefault(key, {})[labels.get("problem", sample.name)] = sample.value
    return found


@pytest.mark.parametrize("domain", ["", "example.test"], ids=["host", "mx"])
def test_the_node_that_was_not_renewed(
    series: dict[tuple[str, str, str], dict[str, float]], domain: str
) -> None:
    """Three addresses are three series, one of them expired, and two certificates are behind the name."""
    expired = {
        address: series[domain, "mail.test:25", address]["expired"]
        for address in ("127.0.0.2", "127.0.0.3", "127.0.0.4")
    }
    assert expired == {"127.0.0.2": 0, "127.0.0.3": 0, "127.0.0.4": 1}
    assert series[domain, "mail.test:25", ""] == {"smtp_tls_distinct_certificates": 2}


def test_a_dead_exchange(series: dict[tuple[str, str, str], dict[str, float]]) -> None:
    """The exchange where nobody listens is there and unreachable."""
    dead = series["example.test", "dead.test:25", "127.0.0.9"]
    assert (dead["smtp_tls_probe_success"], dead["unreachable"]) == (0, 1)


def test_the_labels_of_an_exchange(printed: str) -> None:
    """Domain and preference are on every series."""
    start = 'smtp_tls_state{target="dead.test:25",address="127.0.0.9",mx="example.test",preference="20"} 2'
    assert f"\n{start}\n" in printed


def test_the_check(printed: str) -> None:
    """Nagios sees the same on one line."""
    _, _, said = printed.partition("\nexit ")
    assert said.startswith("2: SMTP_TLS CRITICAL - MX of example.test STARTTLS, 4 addresses: ")
    assert "expired (mail.test 127.0.0.4): " in said
    assert "unreachable (dead.test 127.0.0.9): " in said
