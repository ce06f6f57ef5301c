"""Asking whether a certificate is revoked: its OCSP responders, and the lists that it names.

In: a question about one certificate. Out: what each place gave, read and with its signature checked by the
readers that are handed in; this module knows nothing of certificates but the URLs in them. Evidence is kept
until its own `nextUpdate` and shared by all targets, so that a thousand certificates of one authority cost
one download. What is asked for at the same moment is fetched once.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from exporter.evidence.addresses import is_public
from exporter.evidence.cache import Cache
from exporter.evidence.failures import FetchFailure, FetchReason, short
from exporter.evidence.flights import Flights
from exporter.evidence.statistics import Statistics
from exporter.model import (
    CertificateFacts,
    Reading,
    RevocationAnswer,
    RevocationMethod,
    RevocationQuestion,
    RevocationStatus,
)
from exporter.threads import DaemonThreads

if TYPE_CHECKING:
    from exporter.evidence.bodies import Bodies
    from exporter.evidence.http import HttpClient
    from exporter.evidence.ldap import Directory

MAX_OCSP = 64 * 1024
MAX_CRL = 32 * 1024 * 1024
MAX_PLACES = 4
"""URLs of one certificate and method that are tried."""
KEPT, KEPT_MOST = 300.0, 24 * 3600.0
"""Seconds that usable evidence is kept without a `nextUpdate`, and at most with one."""
FAILURE_KEPT = 300.0
"""Seconds that a failure is kept, so that a repaired service is soon seen to be."""

_GET_LIMIT = 255
"""Characters of a URL up to which an OCSP request goes into it (RFC 5019 section 5)."""
_MAX_ENTRIES = 20_000
_MAX_CACHE_BYTES = 128 * 1024 * 1024
_OVERHEAD = 512
_WEB = ("http", "https")
_DIRECTORY = ("ldap", "ldaps")
_OCSP_TYPE = "application/ocsp-request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Readers:
    """The functions that know what evidence says; see `exporter.judge`."""

    ocsp_request: Callable[[RevocationQuestion], bytes]
    read_ocsp: Callable[[bytes, RevocationQuestion], Reading]
    read_crl: Callable[[bytes, CertificateFacts], Reading]


@dataclass(frozen=True, slots=True)
class _Place:
    """One URL that is asked by one method, on behalf of one server."""

    method: RevocationMethod
    url: str
    question: RevocationQuestion
    asked_by: str

    @property
    def key(self) -> tuple[object, ...]:
        """What the answer is the same for."""
        serial = self.question.certificate.sha256 if self.method is RevocationMethod.OCSP else ""
        return self.method, self.url, self.question.issuer.sha256, serial, is_public(self.asked_by)

    def answer(
        self,
        reading: Reading | None = None,
        status: RevocationStatus = RevocationStatus.UNREACHABLE,
        detail: str = "",
    ) -> RevocationAnswer:
        """What the place gave: a reading, or why there is none."""
        return RevocationAnswer(
            position=self.question.position,
            method=self.method,
            url=self.url,
            reading=reading,
            status=status,
            detail=detail,
        )


class Revocation:
    """Asks, and remembers.

    Args:
        http: gives the client that is shared with everything else that is fetched.
        readers: read what comes.
        timeout: seconds for one URL; all of one certificate and method get twice that.
        directory: asked for lists by LDAP; None where nothing is configured.
        bodies: keeps what came for another run; None for not at all.
        clock: seconds from some fixed moment, never stepping back.
        now: seconds of Unix time, by which evidence says when it ends.
    """

    def __init__(  # noqa: PLR0913 - each is a separate way to the outside
        self,
        http: Callable[[], HttpClient],
        readers: Readers,
        *,
        timeout: float = 10.0,
        directory: Directory | None = None,
        bodies: Bodies | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._http = http
        self._readers = readers
        self._patience = 2 * timeout
        self._directory = directory
        self._bodies = bodies
        self._clock = clock
        self._now = now
        self._cache: Cache[tuple[object, ...], RevocationAnswer] = Cache(
            clock, max_entries=_MAX_ENTRIES, max_bytes=_MAX_CACHE_BYTES
        )
        self._flights: Flights[RevocationAnswer] = Flights()
        self.statistics = Statistics(entries=lambda: len(self._cache), size=lambda: self._cache.size)

    async def close(self) -> None:
        """Stop fetching."""
        await self._flights.close()

    async def ask(
        self,
        question: RevocationQuestion,
        methods: Sequence[RevocationMethod],
        *,
        asked_by: str,
    ) -> tuple[RevocationAnswer, ...]:
        """What the places that a certificate names say, by each of the methods at the same time.

        Args:
            question: the certificate and its issuer.
            methods: those that are wanted; `staple` needs no asking.
            asked_by: address of the mail server that presented it.
        """
        asking = [
            self._by_method(method, question, asked_by)
            for method in (RevocationMethod.OCSP, RevocationMethod.CRL)
            if method in methods
        ]
        return tuple([answer for group in await asyncio.gather(*asking) for answer in group])

    async def _by_method(
        self, method: RevocationMethod, question: RevocationQuestion, asked_by: str
    ) -> Sequence[RevocationAnswer]:
        """One place after the other, until one gives evidence that can be used."""
        certificate = question.certificate
        urls = certificate.ocsp_urls if method is RevocationMethod.OCSP else _by_reach(certificate.crl_urls)
        if not urls:
            what = "OCSP responder" if method is RevocationMethod.OCSP else "revocation list"
            nowhere = _Place(method, "", question, asked_by)
            detail = f"the certificate names no {what}"
            return [nowhere.answer(status=RevocationStatus.UNSUPPORTED, detail=detail)]
        answers: list[RevocationAnswer] = []
        places = [_Place(method, url, question, asked_by) for url in urls[:MAX_PLACES]]
        try:
            async with asyncio.timeout(self._patience):
                for place in places:
                    answers.append(await self._kept(place))
                    if self._settles(answers[-1]):
                        break
        except TimeoutError:
            late = places[len(answers) :]
            answers += [place.answer(detail=f"not asked within {self._patience:g} s") for place in late]
        return answers

    def _settles(self, answer: RevocationAnswer) -> bool:
        """Whether no other place needs to be asked."""
        return answer.reading is not None and answer.reading.usable and self._is_current(answer.reading)

    async def _kept(self, place: _Place) -> RevocationAnswer:
        """What is known of a place, by whomever it was asked about."""
        known = self._cache.get(place.key)
        if known is None:
            known = await self._flights.join(place.key, functools.partial(self._load, place))
        if known is None:
            return place.answer(detail="no longer fetching")
        return replace(known, position=place.question.position)

    async def _load(self, place: _Place) -> RevocationAnswer:
        answer = await self._from_disk(place) or await self._from_network(place)
        size = _OVERHEAD + len(place.url) + (answer.reading.size if answer.reading else 0)
        self._cache.put(place.key, answer, size=size, seconds=self._seconds(answer.reading))
        return answer

    async def _from_disk(self, place: _Place) -> RevocationAnswer | None:
        """What an earlier run kept, if it still holds by its own signature and date."""
        if self._bodies is None or (body := await self._bodies.get(place.key)) is None:
            return None
        reading = await self._read(place, body)
        return place.answer(reading) if _may_lie(reading) and self._is_current(reading) else None

    async def _from_network(self, place: _Place) -> RevocationAnswer:
        begun = self._clock()
        body = await self._fetch(place)
        failed = isinstance(body, FetchFailure)
        self.statistics.fetched(place.method, _host(place.url), self._clock() - begun, failed=failed)
        if isinstance(body, FetchFailure):
            unsupported = body.reason in {FetchReason.BAD_URL, FetchReason.UNSUPPORTED}
            status = RevocationStatus.UNSUPPORTED if unsupported else RevocationStatus.UNREACHABLE
            return place.answer(status=status, detail=body.detail)
        reading = await self._read(place, body)
        if self._bodies is not None and _may_lie(reading):
            await self._bodies.put(place.key, body)
        return place.answer(reading)

    async def _read(self, place: _Place, body: bytes) -> Reading:
        """Large lists take a while to read, and the event loop has none."""
        if place.method is RevocationMethod.OCSP:
            return self._readers.read_ocsp(body, place.question)
        return await _threads.run(functools.partial(self._readers.read_crl, body, place.question.issuer))

    async def _fetch(self, place: _Place) -> bytes | FetchFailure:
        if place.method is RevocationMethod.OCSP:
            return await self._fetch_ocsp(place)
        if _scheme(place.url) in _DIRECTORY:
            if self._directory is None:
                detail = "lists by LDAP are not asked for here, see evidence.ldap"
                return FetchFailure(FetchReason.UNSUPPORTED, detail)
            return await self._directory.fetch(place.url, asked_by=place.asked_by, limit=MAX_CRL)
        return await self._http().get(place.url, asked_by=place.asked_by, limit=MAX_CRL, schemes=_WEB)

    async def _fetch_ocsp(self, place: _Place) -> bytes | FetchFailure:
        """By GET where the request fits into the URL, as caches like it, else or when refused by POST."""
        from exporter.evidence.http import Posted  # noqa: PLC0415 - 100 ms for those who fetch

        try:
            request = self._readers.ocsp_request(place.question)
        except ValueError as error:
            return FetchFailure(FetchReason.UNSUPPORTED, short(f"nothing can be asked: {error}"))
        url = place.url.removesuffix("/") + "/" + quote(base64.b64encode(request).decode(), safe="")
        ask = functools.partial(self._http().get, asked_by=place.asked_by, limit=MAX_OCSP, schemes=_WEB)
        if len(url) <= _GET_LIMIT:
            body = await ask(url)
            if not (isinstance(body, FetchFailure) and body.reason is FetchReason.HTTP_STATUS):
                return body
        return await ask(place.url, post=Posted(request, _OCSP_TYPE))

    def _is_current(self, reading: Reading) -> bool:
        until = reading.next_update
        return until is None or until > datetime.fromtimestamp(self._now(), UTC)

    def _seconds(self, reading: Reading | None) -> float:
        if reading is None or not reading.usable or not self._is_current(reading):
            return FAILURE_KEPT
        until = reading.next_update
        left = KEPT if until is None else until.timestamp() - self._now()
        return min(max(left, 1.0), KEPT_MOST)


def _may_lie(reading: Reading) -> bool:
    """Whether it may be kept on disk: without a `nextUpdate` it would be believed for ever."""
    return reading.usable and reading.next_update is not None


def _by_reach(urls: Sequence[str]) -> Sequence[str]:
    """The Web first: a directory is rarely open to everybody."""
    return sorted(urls, key=lambda url: _scheme(url) in _DIRECTORY)


def _scheme(url: str) -> str:
    try:
        return urlsplit(url).scheme
    except ValueError:  # the HTTP client says what is wrong with it
        return ""


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


_threads = DaemonThreads(2)
