"""The embedded lab behind `--demo`: a mail server for every cause, all on loopback.

In: a moment, from which the certificates' dates count. Out: running servers, and a directory with the
root to trust and a configuration that monitors them. It needs no network, no root and no other program.
"""

from __future__ import annotations

import contextlib
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from exporter.demo.cases import CASES, ISSUER, Case, Pki, server
from exporter.demo.publication import Site

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.demo.authority import Issued
    from exporter.demo.smtpd import Server

HEAD = """\
# The demo's own configuration: a mail server for every cause, each in this very process.
# A copy of it is a good beginning for your own; `host`, `port` and `names` are what to change.

trust_stores:
  contoso:
    type: pem
    path: contoso-root.pem

# Certificates say where their issuer's is, and the revocation lists. This machine is asked only if allowed.
evidence:
  allow_networks: [127.0.0.0/8]

defaults:
  interval: 30s
  timeout: 5s
  ehlo_name: monitor.int.contoso.com
  trust_stores: [contoso]

targets:
"""

TRANSACTION = """\
    transaction: {{mail_from: monitor@{expects}, rcpt_to: postmaster@{expects}}}
"""
TARGET = """\
  # {wrong}
  - target: {name}
    host: {host}
    port: {port}
    mode: {mode}
    names: [{expects}]
    labels:
      cause: {cause}
"""


class Demo:
    """Runs the servers of all cases inside `async with`.

    Attributes:
        cases: what each server is like, and which problems must be found.
        servers: the running servers by the name of their case.
        chains: the certificates that each sends, leaf first, by the same names. Both are empty until the
            demo runs.
    """

    cases: tuple[Case, ...] = CASES

    def __init__(self, now: datetime | None = None) -> None:
        self._now = now or datetime.now(UTC)
        self._site = Site()
        self._pki: Pki | None = None
        self.chains: Mapping[str, tuple[Issued, ...]] = {}
        self.servers: Mapping[str, Server] = {}
        self._directory: Path | None = None
        self._running = contextlib.AsyncExitStack()

    @property
    def directory(self) -> Path:
        """Where the files are; it vanishes with the demo. Raises RuntimeError before it runs."""
        if self._directory is None:
            raise RuntimeError("the demo is not running")
        return self._directory

    @property
    def pki(self) -> Pki:
        """The authorities that issued the certificates. Raises RuntimeError before the demo runs."""
        if self._pki is None:
            raise RuntimeError("the demo is not running")
        return self._pki

    @property
    def issuer_url(self) -> str:
        """Where two of the certificates say that their issuer's is."""
        return self._site.url(ISSUER)

    @property
    def config_path(self) -> Path:
        """The configuration that monitors all servers."""
        return self.directory / "config.yaml"

    @property
    def root_path(self) -> Path:
        """The root that clients trust, as PEM."""
        return self.directory / "contoso-root.pem"

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="smtp-tls-exporter-demo-"))
            await stack.enter_async_context(self._site)
            self._pki = Pki(self._now, self._site.url)
            self.chains = {case.name: self.pki.chain(case) for case in self.cases}
            self._site.files.update(self.pki.published())
            self.servers = {case.name: server(case, self.chains[case.name]) for case in self.cases}
            for each in self.servers.values():
                await stack.enter_async_context(each)
            self._directory = Path(directory)
            self._write()
            self._running = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._directory = None
        await self._running.aclose()

    def _write(self) -> None:
        self.root_path.write_text(self.pki.root.pem, encoding="utf-8")
        self.config_path.write_text(HEAD + "\n".join(map(self._target, self.cases)), encoding="utf-8")

    def _target(self, case: Case) -> str:
        running = self.servers[case.name]
        text = TARGET + (TRANSACTION if case.transaction else "")
        return text.format(
            wrong=case.wrong,
            name=case.name,
            host=running.host,
            port=running.port,
            mode=case.mode,
            expects=case.expects,
            cause="+".join(sorted(case.problems)) or "none",
        )
