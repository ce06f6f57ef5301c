"""Everything that is fetched to judge, behind one door: issuers, OCSP answers and revocation lists.

In: what may be fetched and from where. Out: the two questions that a pipeline asks. All of it goes through
one HTTP client, which is made when the first URL is asked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.evidence.addresses import Network
from exporter.evidence.bodies import Bodies
from exporter.evidence.dns import LookUp, system_look_up
from exporter.evidence.issuers import IssuerFetcher
from exporter.evidence.ldap import Directory, LdapServer
from exporter.evidence.revocation import Readers, Revocation
from exporter.evidence.statistics import Statistics
from exporter.model import IssuerAnswer, RevocationAnswer, RevocationMethod, RevocationQuestion

if TYPE_CHECKING:
    from exporter.evidence.http import HttpClient

__all__ = ["Readers", "Sources"]


class Sources:
    """Fetches evidence, for as long as its context is entered.

    Args:
        timeout: seconds for one URL in all.
        allow_networks: addresses that may be asked whatever the rules say.
        readers: read what is to be known about revocation; None where nobody wants to know.
        ldap: the directory for lists whose URL names none.
        cache_dir: where signed evidence is kept for the next run.
        clock: seconds from some fixed moment, never stepping back.
        look_up: how names are resolved.
    """

    def __init__(  # noqa: PLR0913 - each is a separate thing that may or may not be fetched
        self,
        timeout: float = 10.0,
        allow_networks: Sequence[Network] = (),
        *,
        readers: Readers | None = None,
        ldap: LdapServer | None = None,
        cache_dir: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
        look_up: LookUp = system_look_up,
    ) -> None:
        self._timeout = timeout
        self._allow_networks = tuple(allow_networks)
        self._look_up = look_up
        self._client: HttpClient | None = None
        self._issuers = IssuerFetcher(http=self._http, clock=clock)
        self._revocation: Revocation | None = None
        if readers:
            self._revocation = Revocation(
                self._http,
                readers,
                timeout=timeout,
                directory=Directory(ldap, timeout, self._allow_networks, look_up=look_up),
                bodies=Bodies(cache_dir) if cache_dir else None,
                clock=clock,
            )

    async def __aenter__(self) -> Sources:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._issuers.close()
        if self._revocation:
            await self._revocation.close()
        if self._client:
            await self._client.__aexit__(None, None, None)

    @property
    def statistics(self) -> Statistics:
        """What was fetched about revocation."""
        return self._revocation.statistics if self._revocation else Statistics()

    async def issuer(self, url: str, *, asked_by: str) -> IssuerAnswer:
        """The certificates behind a `caIssuers` URL, see `IssuerFetcher.fetch`."""
        return await self._issuers.fetch(url, asked_by=asked_by)

    async def revocation(
        self, question: RevocationQuestion, methods: Sequence[RevocationMethod], *, asked_by: str
    ) -> tuple[RevocationAnswer, ...]:
        """What the places that a certificate names say about its revocation.

        Raises nothing but CancelledError.

        Args:
            question: the certificate and its issuer.
            methods: those that are wanted.
            asked_by: address of the mail server that presented the certificate.
        """
        if self._revocation is None:
            return ()
        return await self._revocation.ask(question, methods, asked_by=asked_by)

    def _http(self) -> HttpClient:
        if self._client is None:
            from exporter.evidence.http import HttpClient  # noqa: PLC0415 - 100 ms that few chains need

            self._client = HttpClient(self._timeout, self._allow_networks, look_up=self._look_up)
        return self._client
