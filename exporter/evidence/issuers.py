"""The issuers that certificates name: their AIA `caIssuers` URLs (RFC 5280 section 4.2.2.1).

In: a URL from a presented certificate, which nothing vouches for yet. Out: the certificates that it gives,
as they came: whether any of them signed anything is for the judge to find out. What a URL gave is kept
for a while, failures for a shorter one, and a URL that several ask for at once is asked once.
"""

from __future__ import annotations

import functools
import time
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from exporter.evidence.addresses import is_public
from exporter.evidence.cache import Cache
from exporter.evidence.failures import FetchFailure, short
from exporter.evidence.flights import Flights
from exporter.model import IssuerAnswer

if TYPE_CHECKING:
    from exporter.evidence.http import HttpClient

MAX_BYTES = 64 * 1024
MAX_CERTIFICATES = 10
KEPT = 24 * 3600.0
"""Seconds that certificates are kept: those behind a URL hardly ever change."""
FAILURE_KEPT = 600.0
"""Seconds that a failure is kept, so that a repaired URL is soon seen to be."""

_MAX_ENTRIES = 1024
_MAX_CACHE_BYTES = 4 * 1024 * 1024
_ENTRY_OVERHEAD = 512
_SHOWN = 48
_DER_SEQUENCE = b"\x30"

_Key = tuple[str, bool]
"""A URL, and whether the asker is on a public address: the other kind may be sent where this may not."""

# Some authorities publish PKCS#7 in BER; the library reads it, and warns of a fallback that works.
warnings.filterwarnings("ignore", message="PKCS#7 certificates could not be parsed as DER")


class IssuerFetcher:
    """Fetches issuers.

    Args:
        http: gives the client that is shared with everything else that is fetched.
        clock: seconds from some fixed moment, never stepping back.
    """

    def __init__(
        self, http: Callable[[], HttpClient], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._http = http
        self._answers: Cache[_Key, IssuerAnswer] = Cache(
            clock, max_entries=_MAX_ENTRIES, max_bytes=_MAX_CACHE_BYTES
        )
        self._flights: Flights[IssuerAnswer] = Flights()

    async def close(self) -> None:
        """Stop fetching."""
        await self._flights.close()

    async def fetch(self, url: str, *, asked_by: str) -> IssuerAnswer:
        """The certificates behind a URL, or none and why.

        Raises nothing but CancelledError, and then goes on fetching for those who wait for the same URL.

        Args:
            url: a `caIssuers` URL; only `http` is asked, since an `https` one could need itself.
            asked_by: address of the mail server that presented the certificate with this URL.
        """
        key = (url, is_public(asked_by))
        if kept := self._answers.get(key):
            return kept
        answer = await self._flights.join(key, functools.partial(self._load, key, asked_by))
        return answer or IssuerAnswer(url, detail="no longer fetching")

    async def _load(self, key: _Key, asked_by: str) -> IssuerAnswer:
        url, _ = key
        body = await self._http().get(url, asked_by=asked_by, limit=MAX_BYTES)
        answer = _failed(url, body) if isinstance(body, FetchFailure) else read_answer(url, body)
        size = _ENTRY_OVERHEAD + len(url) + sum(map(len, answer.certificates))
        self._answers.put(key, answer, size=size, seconds=KEPT if answer.certificates else FAILURE_KEPT)
        return answer


def read_answer(url: str, body: bytes) -> IssuerAnswer:
    """The certificates in what a URL gave: one in DER, several in PEM, or PKCS#7 in either.

    RFC 5280 asks for DER, or for PKCS#7 that holds certificates alone; PEM is what some publish.
    """
    for read in _READERS:
        try:
            found = dict.fromkeys(one.public_bytes(Encoding.DER) for one in read(body))
        except (ValueError, TypeError, UnsupportedAlgorithm):
            continue
        if found:
            return IssuerAnswer(url, tuple(found)[:MAX_CERTIFICATES])
    return IssuerAnswer(url, detail=_what_came(body))


def _der(body: bytes) -> Iterator[x509.Certificate]:
    if body.startswith(_DER_SEQUENCE):
        yield x509.load_der_x509_certificate(body)


def _der_pkcs7(body: bytes) -> Iterator[x509.Certificate]:
    if body.startswith(_DER_SEQUENCE):
        yield from pkcs7.load_der_pkcs7_certificates(body)


def _pem(body: bytes) -> Iterator[x509.Certificate]:
    if b"-----BEGIN " in body:
        yield from x509.load_pem_x509_certificates(body)


def _pem_pkcs7(body: bytes) -> Iterator[x509.Certificate]:
    if b"-----BEGIN " in body:
        yield from pkcs7.load_pem_pkcs7_certificates(body)


_READERS = (_der, _der_pkcs7, _pem, _pem_pkcs7)


def _failed(url: str, failure: FetchFailure) -> IssuerAnswer:
    return IssuerAnswer(url, detail=failure.detail)


def _what_came(body: bytes) -> str:
    if not body:
        return "an empty answer"
    start = short(body[:_SHOWN].decode("latin-1"))
    return f"no certificate but {len(body)} bytes that begin with: {start}"
