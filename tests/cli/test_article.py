"""The administrator's case: `probe exchange01.int.contoso.com:PORT --trust root.pem`, by that very name.

The name resolves through /etc/hosts, which the command sees in a mount namespace of its own.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from exporter.demo import Demo
from exporter.demo.cases import EXCHANGE
from exporter.model import State
from tests.processes import PATIENCE
from tests.programs import program, root_only

SCRIPT = 'mount --bind "$0" /etc/hosts && exec "$@"'


def probe(lab: Demo, trusted: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Run the command where the name of the article's server leads to the demo's."""
    (directory / "hosts").write_text(f"127.0.0.1 localhost {EXCHANGE}\n")
    (directory / "root.pem").write_text(trusted)
    where = f"{EXCHANGE}:{lab.servers['untrusted-root'].port}"
    command = [
        sys.executable,
        "-m",
        "exporter",
        "probe",
        where,
        "--trust",
        "root.pem",
        "--allow-network",
        "127.0.0.0/8",
    ]
    return subprocess.run(
        [program("unshare"), "--mount", "sh", "-c", SCRIPT, "hosts", *command],
        cwd=directory,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=PATIENCE,
    )


@pytest.mark.servers
def test_the_root_is_not_in_the_store(lab: Demo, tmp_path: Path) -> None:
    """Leaf and Subordinate CA are sent, the root is not trusted: the chain, error 20 at depth 1, what to do."""
    root_only("a mount namespace")
    run = probe(lab, lab.pki.root.pem, tmp_path)
    assert (run.returncode, run.stderr) == (State.CRITICAL, "")
    for expected in (
        f"subject  CN={EXCHANGE}",
        "issuer   CN=Contoso Subordinate CA 2,DC=int,DC=contoso,DC=com",
        "subject  CN=Contoso Subordinate CA 2,DC=int,DC=contoso,DC=com",
        "issuer   CN=Contoso Offline Root CA 2\n",
        "depth=1 CN=Contoso Subordinate CA 2,DC=int,DC=contoso,DC=com\n",
        "verify error:num=20:unable to get local issuer certificate\n",
        "1. untrusted_root",
        "certutil -addstore -f Root contoso-offline-root-ca-2.cer",
        "keytool -importcert",
        "update-ca-certificates",
    ):
        assert expected in run.stdout


@pytest.mark.servers
def test_the_root_is_in_the_store(lab: Demo, tmp_path: Path) -> None:
    """With its root trusted the same server is fine."""
    root_only("a mount namespace")
    run = probe(lab, lab.pki.root_2.pem, tmp_path)
    assert (run.returncode, run.stderr) == (State.OK, "")
    assert run.stdout.startswith(f"✓ OK  {EXCHANGE}:")
