"""Who may ask the web server, and over which TLS: passwords, certificates, security headers.

In: the file of `--web.config.file`. Out: a TLS context and a guard before every handler. Both look whether their
files have changed whenever somebody connects or asks, so that a renewed certificate or a new user needs no
restart. What cannot be read then leaves in force what was read before.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from aiohttp import hdrs, web

from exporter.config import ConfigError
from exporter.config.web import Tls, WebConfig, load_web
from exporter.serve.passwords import Passwords, TooManyGuessesError
from exporter.serve.watch import Signature, signature

logger = logging.getLogger(__name__)

_CHALLENGE = 'Basic realm="smtp-tls-exporter", charset="UTF-8"'

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Access:
    """The rules of one file, read again when it changes.

    Raises:
        ConfigError: the file, or what it names, cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._config = load_web(path)
        self._read = signature([path])
        self._context = (
            None if self._config.tls is None else _ServerContext(self._config.tls, before=self.current)
        )
        self._passwords = Passwords()

    @property
    def tls(self) -> ssl.SSLContext | None:
        """What to listen with; None for plain HTTP."""
        return self._context

    def current(self) -> WebConfig:
        """The rules of now. Whether TLS is spoken at all is decided when the program starts."""
        now = signature([self._path])
        if now != self._read:
            self._read = now
            try:
                self._config = load_web(self._path)
                self._take_over(self._config.tls)
            except ConfigError as error:
                for message in error.messages:
                    logger.error("web configuration stays as it was", extra={"problem": message})  # noqa: TRY400 - a trace helps nobody here
        return self._config

    def _take_over(self, tls: Tls | None) -> None:
        if self._context and tls:
            self._context.tls = tls
        elif self._context or tls:
            logger.warning("TLS is turned on or off when the program starts: restart it")

    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request pass, or ask for a password (RFC 7617)."""
        if users := self.current().users:
            try:
                right = await self._passwords.right(request.headers.get(hdrs.AUTHORIZATION, ""), users)
            except TooManyGuessesError:
                text = "Too many passwords are being compared\n"
                raise web.HTTPTooManyRequests(text=text, headers={hdrs.RETRY_AFTER: "5"}) from None
            if not right:
                headers = {hdrs.WWW_AUTHENTICATE: _CHALLENGE}
                raise web.HTTPUnauthorized(text="Unauthorized\n", headers=headers)
        return await handler(request)


class _ServerContext(ssl.SSLContext):
    """The TLS of the server. Each connection gets the settings and the certificate that the files hold then.

    They are those of a context of its own. Exchanging the context in the middle of a handshake, as is done for
    SNI, would exchange the certificate alone: OpenSSL keeps whether a client must have one, and the versions.
    """

    tls: Tls
    _before: Callable[[], object]
    _read: Signature
    _latest: ssl.SSLContext

    def __new__(cls, tls: Tls, *, before: Callable[[], object]) -> _ServerContext:
        """With `before`, which is called for every connection and may exchange `tls`."""
        made = super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)
        made.tls, made._before = tls, before
        made._read = made._now()
        made._latest = _context(tls)
        return made

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Called by asyncio for every connection."""
        self._before()
        now = self._now()
        if now != self._read:
            self._read = now
            try:
                self._latest = _context(self.tls)
            except ConfigError as error:
                logger.error("the certificate stays as it was", extra={"problem": str(error)})  # noqa: TRY400 - as above
        return self._latest.wrap_bio(incoming, outgoing, server_side, server_hostname, session)

    def _now(self) -> Signature:
        return (self.tls, *signature(_files(self.tls)))


def _files(tls: Tls) -> Sequence[Path]:
    return [file for file in (tls.cert_file, tls.key_file, tls.client_ca_file) if file is not None]


def _context(tls: Tls) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.minimum_version, context.maximum_version = tls.min_version, tls.max_version
        context.load_cert_chain(tls.cert_file, tls.key_file, password=b"")
        if tls.client_ca_file is not None:
            context.load_verify_locations(tls.client_ca_file)
        context.verify_mode = tls.client_certificates
    except (OSError, ValueError) as error:
        names = " or ".join(map(str, _files(tls)))
        raise ConfigError((f"{names}: not usable for TLS: {error}",)) from error
    context.set_alpn_protocols(["http/1.1"])
    return context
