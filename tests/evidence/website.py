"""A web server on loopback that says whatever a test wants, byte for byte, and counts what it is asked."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

GIGABYTE = 1 << 30

Page = Callable[["Visit"], Awaitable[None]]


@dataclass
class Visit:
    """One request, and the means to answer it."""

    path: str
    headers: dict[str, str]
    writer: asyncio.StreamWriter
    site: Site

    async def send(self, octets: bytes) -> None:
        """Send bytes, and count them once the kernel has taken them."""
        self.writer.write(octets)
        await self.writer.drain()
        self.site.sent += len(octets)


@dataclass
class Site:
    """The server: its pages by path, and what happened so far."""

    host: str = "127.0.0.1"
    port: int = 0
    pages: dict[str, Page] = field(default_factory=dict)
    visits: list[Visit] = field(default_factory=list)
    connections: int = 0
    sent: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def url(self, path: str, host: str | None = None) -> str:
        """The URL of a page, by another name of the server if one is given."""
        return f"http://{host or self.host}:{self.port}{path}"

    def put(self, path: str, page: Page) -> str:
        """Serve a page; returns its URL."""
        self.pages[path] = page
        return self.url(path)

    def asked(self, path: str) -> int:
        """How often a page was asked for."""
        return sum(visit.path == path for visit in self.visits)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._answer(reader, writer)
                writer.close()
                await writer.wait_closed()
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        visit = Visit(request.split(" ")[1], headers, writer, self)
        self.visits.append(visit)
        await self.pages.get(visit.path, answer(b"not here", status="404 Not Found"))(visit)

    async def close(self) -> None:
        """End the answers that are still being given."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)  # in which the transports close their sockets


@asynccontextmanager
async def website(host: str = "127.0.0.1") -> AsyncIterator[Site]:
    """A running site on a loopback address."""
    site = Site(host)
    server = await asyncio.start_server(site._serve, host, 0)
    site.port = server.sockets[0].getsockname()[1]
    try:
        yield site
    finally:
        server.close()
        await site.close()
        await server.wait_closed()


def answer(body: bytes, *headers: str, status: str = "200 OK") -> Page:
    """A page with these bytes as its body, and further header lines."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return raw("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)


def raw(octets: bytes) -> Page:
    """A page of exactly these bytes, header and all."""

    async def page(visit: Visit) -> None:
        await visit.send(octets)

    return page


def redirect(location: str, status: str = "302 Found") -> Page:
    """A page that sends elsewhere."""
    return answer(b"", f"Location: {location}", status=status)


def endless(octets: bytes, start: bytes = b"") -> Page:
    """A page that repeats these bytes until the client leaves, or a gigabyte was sent."""

    async def page(visit: Visit) -> None:
        await visit.send(start)
        while visit.site.sent < GIGABYTE:
            await visit.send(octets)

    return page


def silent(octets: bytes = b"") -> Page:
    """A page that never ends: it sends these bytes and then waits for the client to leave."""

    async def page(visit: Visit) -> None:
        await visit.send(octets)
        await asyncio.Event().wait()

    return page
