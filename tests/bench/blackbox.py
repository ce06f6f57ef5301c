"""Debian's blackbox_exporter as a process, with a module that obtains and verifies the certificates of the servers."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from exporter.model import Mode
from tests.bench.exporters import PORTS, Exporter
from tests.bench.servers import Fleet
from tests.processes import running
from tests.programs import program

_DIALOGUE = {
    Mode.STARTTLS: [
        {"expect": "^220 ([^ ]+) ESMTP (.+)$"},
        {"send": "EHLO prober\r"},
        {"expect": "^250[- ]STARTTLS"},
        {"send": "STARTTLS\r"},
        {"expect": "^220"},
        {"starttls": True},
        {"send": "EHLO prober\r"},
        {"expect": "^250[- ]AUTH"},
        {"send": "QUIT\r"},
    ],
    Mode.TLS: [
        {"expect": "^220 ([^ ]+) ESMTP (.+)$"},
        {"send": "EHLO prober\r"},
        {"expect": "^250[- ]AUTH"},
        {"send": "QUIT\r"},
    ],
}
"""That with STARTTLS is what blackbox_exporter documents, for a server that has STARTTLS on the last line, too."""


@contextlib.contextmanager
def blackbox(directory: Path, fleet: Fleet) -> Iterator[Exporter]:
    """Run Debian's blackbox_exporter, which trusts the servers' root."""
    binary = program("prometheus-blackbox-exporter")
    config = directory / "blackbox.json"
    config.write_text(json.dumps({"modules": _modules(fleet)}), encoding="utf-8")  # which is YAML, too
    port = next(PORTS)
    command: list[str | Path] = [
        binary,
        f"--config.file={config}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    with running(command, log=directory / "blackbox.log") as process:
        process.wait_for_port(port)
        yield Exporter(f"http://127.0.0.1:{port}", process.process.pid, "{name}")


def _modules(fleet: Fleet) -> dict[str, object]:
    """One for each name, since Debian's takes the name to expect from nowhere else."""
    return {
        name: {
            "prober": "tcp",
            "timeout": "5s",
            "tcp": {
                "query_response": _DIALOGUE[fleet.mode],
                "tls": fleet.mode is Mode.TLS,
                "tls_config": {"ca_file": fleet.root, "server_name": name},
            },
        }
        for _, _, name in fleet.of(fleet.certificates).members()
    }
