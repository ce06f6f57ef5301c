"""Fixtures that every test may ask for."""

from __future__ import annotations

import contextlib
import itertools
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

import pytest

from exporter.demo.authority import Intermediate, Issued, Leaf, Root, self_signed
from tests import processes

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def now() -> datetime:
    """The moment of the test run, to the second. The only clock of the tests."""
    return datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="session")
def root(now: datetime) -> Issued:
    """A root authority."""
    return self_signed(Root("CN=Contoso Offline Root CA,O=Contoso"), now)


@pytest.fixture(scope="session")
def intermediate(root: Issued) -> Issued:
    """An authority below the root."""
    return root.issue(Intermediate("CN=Contoso Subordinate CA,O=Contoso"))


@pytest.fixture(scope="session")
def leaf(intermediate: Issued) -> Issued:
    """A good server certificate for `mail.example.org`, issued by the intermediate."""
    return intermediate.issue(Leaf("CN=mail.example.org", dns=("mail.example.org",)))


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Ask for a TCP port on 127.0.0.1 that nothing listens on."""
    return lambda: processes.free_ports(1)[0]


class RunProgram(Protocol):
    """The type of the fixture `run_program`."""

    def __call__(self, *command: str | Path, port: int | None = None, **env: str) -> processes.Running:
        """Start a program; with a port, return once it accepts connections there on 127.0.0.1."""


@pytest.fixture
def run_program(tmp_path: Path) -> Iterator[RunProgram]:
    """Start programs that are stopped, with all of their children, when the test ends."""
    numbers = itertools.count()
    with contextlib.ExitStack() as stack:

        def run(*command: str | Path, port: int | None = None, **env: str) -> processes.Running:
            log = tmp_path / f"program-{next(numbers)}.log"
            program = stack.enter_context(processes.running(command, log=log, env=env))
            if port is not None:
                program.wait_for_port(port)
            return program

        yield run


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the running programs printed beside a failure."""
    report = yield
    if report.failed:
        report.sections += [(f"Log of {name}", text) for name, text in processes.logs()]
    return report
