"""The second opinion: what `openssl s_client` sees on the same port."""

from __future__ import annotations

import hashlib
import re
import ssl
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.model import Mode
from tests.processes import PATIENCE
from tests.programs import program

if TYPE_CHECKING:
    from pathlib import Path

_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_FIRST_ERROR = re.compile(r"^depth=(\d+) .*\nverify error:num=(\d+):", re.MULTILINE)


@dataclass(frozen=True)
class Seen:
    """Upper-case SHA-256 of each presented certificate, leaf first, and the first verify error."""

    fingerprints: tuple[str, ...]
    code: int
    depth: int | None


def s_client(port: int, mode: Mode, name: str, ca_file: Path) -> Seen:
    """Connect to 127.0.0.1, trusting only `ca_file`, and read what was printed.

    `Verify return code: 0` in the output proves nothing, s_client prints it without a handshake
    too. So the certificates and the errors that the verification reported are counted instead.
    """
    command: list[str | Path] = [program("openssl"), "s_client", "-connect", f"127.0.0.1:{port}"]
    command += ["-servername", name, "-showcerts", "-CAfile", ca_file, "-no-CApath", "-no-CAstore"]
    command += ["-starttls", "smtp"] if mode is Mode.STARTTLS else []
    done = subprocess.run(
        command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE
    )
    presented = _CERTIFICATE.findall(done.stdout)
    assert presented, f"s_client saw no certificate:\n{done.stdout}{done.stderr}"
    error = _FIRST_ERROR.search(done.stderr)
    return Seen(
        tuple(hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest().upper() for pem in presented),
        int(error[2]) if error else 0,
        int(error[1]) if error else None,
    )
