"""Where the programs are that tests run, and what happens when one is missing.

`program("nginx")` returns its path. Without it the test is skipped with a reason that names Debian's
package, or fails when the environment says `SMTP_TLS_TEST_SERVERS=required`, as it does in CI.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

PACKAGES = {
    "amtool": "prometheus-alertmanager",
    "check_smtp": "monitoring-plugins-basic",
    "check_ssl_cert": "monitoring-plugins-contrib",
    "chromium": "chromium",
    "curl": "curl",
    "dovecot": "dovecot-submissiond",
    "groff": "groff-base",
    "host": "bind9-host",
    "icinga2": "icinga2-bin",
    "keytool": "default-jre-headless",
    "nagios4": "nagios4-core",
    "nginx": "nginx libnginx-mod-mail",
    "node": "nodejs",
    "openssl": "openssl",
    "postfix": "postfix",
    "prometheus": "prometheus",
    "prometheus-blackbox-exporter": "prometheus-blackbox-exporter",
    "promtool": "prometheus",
    "slapadd": "slapd",
    "slapd": "slapd",
    "stunnel": "stunnel4",
    "systemd-analyze": "systemd",
    "unshare": "util-linux",
    "zsh": "zsh",
}
"""The Debian packages that hold each program; .ci/run installs them."""

_SYSTEM = ("/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/lib/nagios/plugins")
"""Where programs live that an ordinary user's PATH leaves out."""


def program(name: str, *alternatives: str) -> Path:
    """Find a program by its first name that exists, or skip or fail the test that needs it."""
    places = os.pathsep.join([os.environ.get("PATH", os.defpath), *_SYSTEM])
    for candidate in (name, *alternatives):
        if found := shutil.which(candidate, path=places):
            return Path(found)
    return missing(f"{name} is not installed (Debian: apt install {PACKAGES.get(name, name)})")


def fetched(path: str) -> Path:
    """Find what .ci/fetch-servers laid down, or skip or fail the test that needs it."""
    found = _fetched_into() / path
    return found if found.exists() else missing(f"{found} is missing (run .ci/fetch-servers)")


def _fetched_into() -> Path:
    if given := os.environ.get("SMTP_TLS_TEST_CACHE"):
        return Path(given)
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "smtp-tls-exporter-tests"


def missing(reason: str) -> NoReturn:
    """Skip the test because the machine lacks something, or fail it where everything is required."""
    if os.environ.get("SMTP_TLS_TEST_SERVERS") == "required":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def root_only(what: str) -> None:
    """Skip or fail the test that needs root for something, when it is not run by root."""
    if os.geteuid() != 0:
        missing(f"{what} can only be had by root")
