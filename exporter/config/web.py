"""The file of `--web.config.file`, in the format of Prometheus' exporters: YAML in, a `WebConfig` out.

    tls_server_config: {cert_file: server.crt, key_file: server.key}
    basic_auth_users: {prometheus: $2y$10$...}

Format: https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md
What it knows and this program cannot do is refused by name, never passed over in silence: somebody relies on it.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PlainValidator, ValidationError

from exporter.config import ConfigError, fields, nodes, wording
from exporter.config.faults import Faults, KeyPath, Node
from exporter.config.schema import Strict

MAX_BYTES = 1024 * 1024

VERSIONS: Mapping[str, ssl.TLSVersion] = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}
CLIENT_CERTIFICATES: Mapping[str, ssl.VerifyMode] = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}
HEADERS = (
    "Content-Security-Policy",
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "X-XSS-Protection",
)
CHOICES: Mapping[str, tuple[str, ...]] = {
    "X-Content-Type-Options": ("nosniff",),
    "X-Frame-Options": ("deny", "sameorigin"),
}
"""Headers that have only these values."""
UNSUPPORTED = frozenset(
    {
        "cert", "key", "client_ca", "client_allowed_sans", "cipher_suites", "prefer_server_cipher_suites",
        "curve_preferences", "rate_limit",
    }
)  # fmt: skip
"""Keys of the format that are refused."""

_HASH = re.compile(r"\$2[aby]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How the server speaks TLS. Paths are those of PEM files."""

    cert_file: Path
    key_file: Path
    client_ca_file: Path | None = None
    client_certificates: ssl.VerifyMode = ssl.CERT_NONE
    min_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2
    max_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3


@dataclass(frozen=True, slots=True, kw_only=True)
class WebConfig:
    """Who may ask, and how. `users` are bcrypt hashes by name, nobody for everybody."""

    tls: Tls | None = None
    users: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


def _hash(value: object) -> str:
    if not isinstance(value, str) or not _HASH.fullmatch(value):
        raise ValueError("must be a bcrypt hash: htpasswd -nBC 10 '' | tr -d ':'")
    return value


def _no_http2(value: object) -> bool:
    if value is not False:
        raise ValueError("HTTP/2 is not spoken here: leave it out, or say false")
    return False


class TlsServerConfig(Strict):
    """Section `tls_server_config`."""

    cert_file: fields.Text
    key_file: fields.Text
    client_auth_type: Annotated[ssl.VerifyMode, fields.one_of(CLIENT_CERTIFICATES)] = ssl.CERT_NONE
    client_ca_file: fields.Text | None = None
    min_version: Annotated[ssl.TLSVersion, fields.one_of(VERSIONS)] = ssl.TLSVersion.TLSv1_2
    max_version: Annotated[ssl.TLSVersion, fields.one_of(VERSIONS)] = ssl.TLSVersion.TLSv1_3


class HttpServerConfig(Strict):
    """Section `http_server_config`."""

    http2: Annotated[bool, PlainValidator(_no_http2)] = False
    headers: dict[
        Annotated[str, fields.one_of({name: name for name in HEADERS}, "header")],
        Annotated[str, AfterValidator(fields.printable)],
    ] = Field(default_factory=dict)


class WebFile(Strict):
    """The whole file."""

    tls_server_config: TlsServerConfig | None = None
    http_server_config: HttpServerConfig | None = None
    basic_auth_users: dict[fields.Text, Annotated[str, PlainValidator(_hash)]] | None = None


def load_web(path: Path) -> WebConfig:
    """Read the file, and look whether the files that it names can be read.

    Raises:
        ConfigError: it carries every error that was found.
    """
    faults = Faults()
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)[:MAX_BYTES].decode("utf-8-sig")
    except OSError as error:
        raise ConfigError((f"{path}: cannot be read: {error.strerror or error}",)) from error
    except UnicodeDecodeError as error:
        raise ConfigError((f"{path}: not UTF-8",)) from error
    given = None
    try:
        root = nodes.parse(text, faults)
        given = _validated(root, faults)
        for place, file_name in _files(root.data):
            _look_at(path.parent / file_name, root, place, faults)
        if given is not None:
            for place, message in _contradictions(given):
                faults.add(root.find(place), message)
    except nodes.Unreadable:
        pass
    if faults or given is None:
        raise ConfigError(faults.messages(str(path)))
    return _config(given, path.parent)


def _validated(root: Node, faults: Faults) -> WebFile | None:
    try:
        return WebFile.model_validate(root.data)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            known = wording.words(details)
            place = tuple(part for part in details["loc"] if part != "[key]")
            unsupported = place[-1:] and place[-1] in UNSUPPORTED
            message = "is not supported here" if unsupported else known
            faults.add(
                root.find(place, at_key=details["type"] == "extra_forbidden" or "[key]" in details["loc"]),
                message,
            )
        return None


def _contradictions(given: WebFile) -> Iterator[tuple[KeyPath, str]]:
    """What can be read but would not do what it says: nobody would notice that a door is open, or shut for all."""
    if tls := given.tls_server_config:
        asks = tls.client_auth_type is not ssl.CERT_NONE
        if tls.client_ca_file is not None and not asks:
            message = "checks nobody: client_auth_type must say whose certificate is wanted"
            yield ("tls_server_config", "client_ca_file"), message
        if asks and tls.client_ca_file is None:
            yield ("tls_server_config", "client_auth_type"), "needs client_ca_file: nobody could be verified"
        if tls.min_version > tls.max_version:
            yield ("tls_server_config", "max_version"), "must not be older than min_version"
    if http := given.http_server_config:
        for name, value in http.headers.items():
            allowed = CHOICES.get(name, (value,))
            if value not in allowed:
                yield ("http_server_config", "headers", name), f"must be {' or '.join(allowed)}"


def _files(data: object) -> Iterator[tuple[KeyPath, str]]:
    section = data.get("tls_server_config") if isinstance(data, dict) else None
    for key in ("cert_file", "key_file", "client_ca_file"):
        name = section.get(key) if isinstance(section, dict) else None
        if isinstance(name, str) and name:
            yield ("tls_server_config", key), name


def _look_at(file: Path, root: Node, place: KeyPath, faults: Faults) -> None:
    try:
        file.open("rb").close()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        faults.add(root.find(place), f"{file} cannot be read: {reason}")


def _config(given: WebFile, base: Path) -> WebConfig:
    section, tls = given.tls_server_config, None
    if section is not None:
        tls = Tls(
            cert_file=base / section.cert_file,
            key_file=base / section.key_file,
            client_ca_file=None if section.client_ca_file is None else base / section.client_ca_file,
            client_certificates=section.client_auth_type,
            min_version=section.min_version,
            max_version=section.max_version,
        )
    http: Any = given.http_server_config
    return WebConfig(
        tls=tls, users=given.basic_auth_users or {}, headers=http.headers if http is not None else {}
    )
