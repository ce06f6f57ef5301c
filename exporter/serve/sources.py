"""How each kind of source is followed: asked again and again, what it names is handed on.

In: a source of the configuration. Out: a stream of what it says, one `Found` each time it was asked and had
something to say. A source that fails never ends its stream.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from exporter.config import ConfigError, Files, Http, Mx, Source
from exporter.evidence.mx import Exchange, MxError, exchanges
from exporter.model import Failure, Reason, Stage, Target
from exporter.serve.watch import PERIOD, Signature, signature

LOOKUP_TIMEOUT = 15.0
"""Seconds for the answer about a domain."""
HTTP_TIMEOUT = 30.0
"""Seconds for a list in all."""
RETRY = 60.0
"""Seconds after which a domain is asked for again that could not be told; sooner if its interval is."""
MAX_BYTES = 16 * 1024 * 1024
"""Of one list."""
LOOKUPS = 50
"""Domains that are looked up at the same time."""

_AUTHORITATIVE = frozenset({Reason.NAME_NOT_FOUND, Reason.NULL_MX})
"""Answers after which a domain has no exchanges, whatever it had before."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a source says.

    `targets` is None where what it named before still counts. `failure` says why a domain has no exchanges
    at all, and `complaints` are for the log, one line each.
    """

    targets: tuple[Target, ...] | None
    complaints: tuple[str, ...] = ()
    failure: Failure | None = None


LookUp = Callable[[str], Awaitable[tuple[Exchange, ...]]]


@dataclass(slots=True)
class Ways:
    """How the outside is asked. `period` is seconds between two looks at files."""

    look_up: LookUp | None = None
    period: float = PERIOD
    lookups: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LOOKUPS))
    session: aiohttp.ClientSession | None = None

    async def exchanges(self, domain: str) -> tuple[Exchange, ...]:
        """The exchanges of a domain.

        Raises:
            MxError: they cannot be told.
        """
        async with self.lookups:
            if self.look_up is not None:
                return await self.look_up(domain)
            return await exchanges(domain, timeout=LOOKUP_TIMEOUT)

    def http(self) -> aiohttp.ClientSession:
        """The client for lists, made when it is first needed."""
        if self.session is None:
            self.session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=HTTP_TIMEOUT), cookie_jar=aiohttp.DummyCookieJar()
            )
        return self.session

    async def close(self) -> None:
        """Let go of all connections."""
        if self.session is not None:
            await self.session.close()


def follow(source: Source, ways: Ways) -> AsyncIterator[Found]:
    """What the source says, without end."""
    match source:
        case Mx():
            return _follow_mx(source, ways)
        case Files():
            return _follow_files(source, ways)
        case Http():
            return _follow_http(source, ways)


async def _follow_mx(source: Mx, ways: Ways) -> AsyncIterator[Found]:
    """Look the domain up in every interval (RFC 5321 section 5.1)."""
    interval, known = source.template.interval, False
    while True:
        pause = interval
        try:
            found = await ways.exchanges(source.domain)
        except MxError as error:
            known = known and error.reason not in _AUTHORITATIVE
            failure = None if known else Failure(Stage.RESOLVE, error.reason, error.detail)
            yield Found(None if known else (), (error.detail,), failure)
            pause = min(interval, RETRY)
        else:
            known = True
            yield Found(tuple(target for one in found for target in _at(source, one)))
        await asyncio.sleep(pause)


def _at(source: Mx, exchange: Exchange) -> tuple[Target, ...]:
    labels = (("mx", source.domain), ("preference", str(exchange.preference)))
    return tuple(source.template.targets(exchange.host, labels=labels, domain=source.domain))


async def _follow_files(source: Files, ways: Ways) -> AsyncIterator[Found]:
    """Read the files that match whenever one of them has changed.

    A file that cannot be read keeps the targets that it had: only its absence removes them.
    """
    seen: Signature | None = None
    lists: dict[Path, tuple[Target, ...]] = {}
    while True:
        files = await asyncio.to_thread(_matching, source)
        now = await asyncio.to_thread(signature, files)
        if now != seen:
            seen = now
            complaints = await asyncio.to_thread(_read, source, files, lists)
            yield Found(tuple(target for file in files for target in lists.get(file, ())), complaints)
        await asyncio.sleep(ways.period)


def _matching(source: Files) -> list[Path]:
    patterns = [source.base / pattern for pattern in source.patterns]
    return sorted({path for pattern in patterns for path in pattern.parent.glob(pattern.name)})


def _read(source: Files, files: list[Path], lists: dict[Path, tuple[Target, ...]]) -> tuple[str, ...]:
    """Bring the lists up to date; returns what is wrong with files."""
    complaints: list[str] = []
    for vanished in lists.keys() - set(files):
        del lists[vanished]
    for file in files:
        try:
            with file.open("rb") as opened:
                content = opened.read(MAX_BYTES + 1)
            lists[file] = source.read(str(file), _text(content), source.template)
        except ConfigError as error:
            complaints += error.messages
        except (OSError, ValueError) as error:
            complaints.append(f"{file}: {error}")
    if not files:
        complaints.append(f"no file matches {source.name}")
    return tuple(complaints)


def _text(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise ValueError(f"larger than {MAX_BYTES // 1024**2} MiB")
    return content.decode("utf-8-sig")


async def _follow_http(source: Http, ways: Ways) -> AsyncIterator[Found]:
    """Ask for the list in every interval; the last good one counts while that fails."""
    headers = {"X-Prometheus-Refresh-Interval-Seconds": f"{source.interval:g}", "Accept": "application/json"}
    while True:
        try:
            text = await _get(source.url, headers, ways)
            found = Found(await asyncio.to_thread(source.read, source.url, text, source.template))
        except ConfigError as error:
            found = Found(None, error.messages)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            found = Found(None, (f"{source.url}: {str(error) or type(error).__name__}",))
        yield found
        await asyncio.sleep(source.interval)


async def _get(url: str, headers: Mapping[str, str], ways: Ways) -> str:
    async with ways.http().get(url, headers=headers) as answer:
        if answer.status != 200:
            raise ValueError(f"answered {answer.status} {answer.reason}")
        content = b""
        async for chunk in answer.content.iter_chunked(65536):
            content += chunk
            if len(content) > MAX_BYTES:
                break
        return _text(content)
