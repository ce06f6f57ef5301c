"""Real servers, started once for all tests of this directory."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exporter.model import Mode
from tests.processes import free_ports
from tests.servers.nginx import Endpoint, nginx
from tests.servers.postfix import Postfix, Service, postfix
from tests.servers.situations import SITUATIONS, write_chains

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from exporter.demo.authority import Issued

Ports = dict[tuple[str, Mode], int]
"""The port of each situation and mode."""


@pytest.fixture(scope="session")
def chains(
    tmp_path_factory: pytest.TempPathFactory, intermediate: Issued, leaf: Issued
) -> Mapping[str, Path]:
    """The PEM files with key and chain of each situation."""
    return write_chains(tmp_path_factory.mktemp("chains"), intermediate, leaf)


@pytest.fixture(scope="session")
def ca_file(tmp_path_factory: pytest.TempPathFactory, root: Issued) -> Path:
    """A PEM file with the one trusted root."""
    path = tmp_path_factory.mktemp("ca") / "root.pem"
    path.write_text(root.pem, encoding="ascii")
    return path


def _ports(names: list[str]) -> Ports:
    keys = [(name, mode) for name in names for mode in Mode]
    return dict(zip(keys, free_ports(len(keys)), strict=True))


@pytest.fixture(scope="session")
def nginx_ports(tmp_path_factory: pytest.TempPathFactory, chains: Mapping[str, Path]) -> Iterator[Ports]:
    """nginx with an endpoint for each situation and mode."""
    ports = _ports(list(SITUATIONS))
    endpoints = [Endpoint(port, mode, chains[name]) for (name, mode), port in ports.items()]
    with nginx(tmp_path_factory.mktemp("nginx"), endpoints):
        yield ports


@pytest.fixture(scope="session")
def postfix_server(chains: Mapping[str, Path]) -> Iterator[tuple[Postfix, Ports]]:
    """Postfix with a service for each situation and mode, and one named `observed` with a good chain.

    pytest's own directories are closed to the users that Postfix runs as, hence another place.
    """
    ports = _ports([*SITUATIONS, "observed"])
    files = {**chains, "observed": chains["good"]}
    services = [Service(f"{name}-{mode}", port, mode, files[name]) for (name, mode), port in ports.items()]
    with tempfile.TemporaryDirectory(prefix="postfix-") as place:
        Path(place).chmod(0o755)
        with postfix(Path(place), services) as server:
            yield server, ports


@pytest.fixture(scope="session")
def postfix_ports(postfix_server: tuple[Postfix, Ports]) -> Ports:
    """The ports of Postfix."""
    return postfix_server[1]
