"""Who may ask the web server, and over which TLS: passwords, certificates, security headers.

In: the file of `--web.config.file`. Out: a TLS context and a guard before every handler. Both look whether their
files have changed whenever somebody connects or asks, so that a renewed certificate or a new user needs no
restart. What cannot be read then leaves in force what was read before.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import hmac
import logging
import ssl
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from aiohttp import hdrs, web

from exporter.config import ConfigError
from exporter.config.web import Tls, WebConfig, load_web
from exporter.serve.watch import Signature, signature
from exporter.threads import DaemonThreads

logger = logging.getLogger(__name__)

_REMEMBERED = 100
"""Passwords whose verdict is remembered: bcrypt takes a fifth of a second on purpose."""
_NOBODY = "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"
"""Compared with where the user does not exist, so that it takes as long."""
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
        self._context = None if self._config.tls is None else _ServerContext(self._config.tls)
        self._verdicts: OrderedDict[bytes, bool] = OrderedDict()

    @property
    def tls(self) -> ssl.SSLContext | None:
        """What to listen with; None for plain HTTP."""
        return self._context.listening if self._context else None

    def current(self) -> WebConfig:
        """The rules of now. Whether TLS is spoken at all is decided when the program starts."""
        now = signature([self._path])
        if now != self._read:
            self._read = now
            try:
                self._config = load_web(self._path)
                self._verdicts.clear()
                if self._context and self._config.tls:
                    self._context.tls = self._config.tls
            except ConfigError as error:
                for message in error.messages:
                    logger.error("web configuration stays as it was", extra={"problem": message})  # noqa: TRY400 - a trace helps nobody here
        return self._config

    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request pass, or ask for a password (RFC 7617)."""
        users = self.current().users
        if users and not await self._is_known(request, users):
            headers = {hdrs.WWW_AUTHENTICATE: _CHALLENGE}
            raise web.HTTPUnauthorized(text="Unauthorized\n", headers=headers)
        return await handler(request)

    async def _is_known(self, request: web.Request, users: Mapping[str, str]) -> bool:
        name, password = _credentials(request.headers.get(hdrs.AUTHORIZATION, ""))
        stored = users.get(name, _NOBODY)
        key = hashlib.sha256(b"\0".join([name.encode(), stored.encode(), password])).digest()
        if key not in self._verdicts:
            right = await _threads.run(functools.partial(_matches, password, stored))
            self._verdicts[key] = right and name in users
            while len(self._verdicts) > _REMEMBERED:
                self._verdicts.popitem(last=False)
        return self._verdicts[key]


def _credentials(header: str) -> tuple[str, bytes]:
    """Name and password of an Authorization header; empty ones where it has none."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return "", b""
    try:
        name, _, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        return name.decode(), password
    except (binascii.Error, ValueError):
        return "", b""


def _matches(password: bytes, stored: str) -> bool:
    import bcrypt  # noqa: PLC0415 - for those who have users

    try:
        # Like other implementations: what is beyond 72 bytes does not count.
        made = bcrypt.hashpw(password[:72], stored.encode())
    except ValueError:  # a NUL, which some versions refuse
        return False
    return hmac.compare_digest(made, stored.encode())


class _ServerContext:
    """The TLS of the server. Each handshake gets the certificate that the files hold then."""

    def __init__(self, tls: Tls) -> None:
        self.tls = tls
        self._read = signature(_files(tls))
        self.listening = self._latest = _context(tls)
        self.listening.sni_callback = self._choose

    def _choose(self, connection: ssl.SSLObject, _name: str | None, _first: ssl.SSLContext) -> None:
        """Called in every handshake, with or without SNI."""
        now: Signature = (self.tls, *signature(_files(self.tls)))
        if now != self._read:
            self._read = now
            try:
                self._latest = _context(self.tls)
            except ConfigError as error:
                logger.error("the certificate stays as it was", extra={"problem": str(error)})  # noqa: TRY400 - as above
        connection.context = self._latest


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


_threads = DaemonThreads(1)
