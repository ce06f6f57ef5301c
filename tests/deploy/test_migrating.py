"""The migration tables: they have every option and every metric of the other programs, and none that does not exist."""

from __future__ import annotations

import re
import subprocess
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.deploy.copied import code_words, options, rows
from tests.laboratory import demo_in_thread
from tests.processes import free_ports, running
from tests.programs import program

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.servers

BLACKBOX = """\
modules:
  smtp_starttls:
    prober: tcp
    tcp:
      query_response:
        - {expect: "^220 "}
        - {send: "EHLO monitor.example.org\\r"}
        - {expect: "^250[ -]STARTTLS"}
        - {send: "STARTTLS\\r"}
        - {expect: "^220"}
        - {starttls: true}
      tls_config: {insecure_skip_verify: true}
"""
SSL_EXPORTER = {
    "ssl_cert_not_after", "ssl_cert_not_before", "ssl_file_cert_not_after", "ssl_file_cert_not_before",
    "ssl_kubeconfig_cert_not_after", "ssl_kubeconfig_cert_not_before", "ssl_kubernetes_cert_not_after",
    "ssl_kubernetes_cert_not_before", "ssl_ocsp_response_next_update", "ssl_ocsp_response_produced_at",
    "ssl_ocsp_response_revoked_at", "ssl_ocsp_response_status", "ssl_ocsp_response_stapled",
    "ssl_ocsp_response_this_update", "ssl_probe_success", "ssl_prober", "ssl_tls_version_info",
    "ssl_verified_cert_not_after", "ssl_verified_cert_not_before",
}  # fmt: skip
"""The metrics of its README, version 2.4."""


def _named(name: str) -> set[str]:
    """The options in the first column of the program's table, without those of later versions."""
    table = [row[0] for row in list(rows("migrating.md", f"From {name}"))[1:]]
    said = [words for cell in table if "(since" not in cell for words in code_words(cell)]
    return {option for words in said for option in options(words)}


def _help(name: str) -> str:
    """What the program prints; it exits with 3, as plugins do."""
    return subprocess.run([program(name), "--help"], capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("name", ["check_smtp", "check_ssl_cert"])
def test_options_are_those_of_the_program(name: str) -> None:
    """Each option that the table translates stands in the program's help."""
    assert len(_named(name)) > 10
    assert _named(name) <= options(_help(name))


def test_every_option_of_check_smtp_has_its_row() -> None:
    """Nothing that an administrator may have in a command line of check_smtp is passed over."""
    short = set(re.findall(r"^ (-\w)\b", _help("check_smtp"), re.MULTILINE))
    assert len(short) > 10
    assert short <= _named("check_smtp")


def test_every_option_of_check_ssl_cert_has_its_row() -> None:
    """Nothing that an administrator may have in a command line of check_ssl_cert is passed over, old spellings included."""
    lines = re.findall(r"^ +(-[-\w]+(?:,-[-\w]+)*)", _help("check_ssl_cert"), re.MULTILINE)
    known = {option for line in lines for option in line.split(",")}
    assert len(known) > 150
    assert known == _named("check_ssl_cert")


def test_every_metric_of_blackbox_exporter_has_its_row(tmp_path: Path) -> None:
    """Nothing that blackbox_exporter says of a server that speaks STARTTLS is passed over."""
    (tmp_path / "blackbox.yml").write_text(BLACKBOX, encoding="utf-8")
    (port,) = free_ports(1)
    command: list[str | Path] = [
        program("prometheus-blackbox-exporter"), f"--config.file={tmp_path / 'blackbox.yml'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    with demo_in_thread() as demo, running(command, log=tmp_path / "blackbox.log") as blackbox:
        blackbox.wait_for_port(port)
        server = demo.servers["healthy"]
        url = f"http://127.0.0.1:{port}/probe?module=smtp_starttls&target={server.host}:{server.port}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            said = answer.read().decode()
    assert re.search(r"^probe_success 1$", said, re.MULTILINE), said
    names = set(re.findall(r"^(probe_\w+)", said, re.MULTILINE))
    assert "probe_ssl_earliest_cert_expiry" in names
    assert names <= _metrics("From blackbox_exporter, module `smtp_starttls`", "probe_")


def test_every_metric_of_ssl_exporter_has_its_row() -> None:
    """Nothing of the table of metrics in ssl_exporter's own documentation is passed over."""
    assert _metrics("From ssl_exporter", "ssl_") == SSL_EXPORTER


def _metrics(heading: str, prefix: str) -> set[str]:
    words = [word for row in rows("migrating.md", heading) for word in code_words(row[0])]
    return {word for word in words if word.startswith(prefix)}
