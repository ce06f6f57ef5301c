"""The way from a file to a `Config`: read, check everything, and only then build.

Every step adds to the same faults; nothing is built while there is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

from pydantic import ValidationError

from exporter.config import (
    Config,
    ConfigError,
    Evidence,
    Ldap,
    Limits,
    Module,
    Probe,
    StoreLoader,
    checks,
    groups,
    nodes,
    schema,
    settings,
    wording,
)
from exporter.config.checks import mapping
from exporter.config.faults import Faults, KeyPath, Node, Place, Position
from exporter.config.secrets import read_secret
from exporter.config.sources import Files, Http, Mx, Source, Template
from exporter.config.stores import Stores, files_of, reason
from exporter.model import RevocationMethod, TrustStore

MAX_BYTES = 16 * 1024 * 1024

Passwords = dict[KeyPath, str]
"""The passwords of transactions, by the path of the mapping that holds the transaction."""


def build(path: Path, load_store: StoreLoader) -> Config:
    """See `exporter.config.load`."""
    faults = Faults()
    file, stores, ldap_password = None, {}, ""
    text, files = "", cast("tuple[Path, ...]", ())
    passwords: Passwords = {}
    try:
        text = _read(path, faults)
        root = nodes.parse(text, faults)
        file = _validate(root, faults)
        checks.check(root, faults)
        stores = Stores(root, path.parent, load_store, faults).load()
        ldap_password = read_secret(root, path.parent, ("evidence", "ldap", "password_file"), faults)
        passwords = _passwords(root, path.parent, faults)
        files = tuple(_read_files(path, mapping(root.data)))
    except nodes.Unreadable:
        pass
    if faults or file is None:
        raise ConfigError(faults.messages(str(path)))
    return replace(
        _config(path, file, stores, passwords),
        evidence=_evidence(file.evidence, ldap_password),
        files=files,
        text=text,
    )


def _read(path: Path, faults: Faults) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError((f"{path}: {reason(error)}",)) from error
    if len(content) > MAX_BYTES:
        raise ConfigError((f"{path}: larger than {MAX_BYTES // 1024**2} MiB",))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", "replace")
        position = Position(before.count("\n") + 1, len(before) - before.rfind("\n"))
        faults.add(Place(position, ()), f"not UTF-8: byte 0x{content[error.start]:02x}")
        raise nodes.Unreadable from error


def _read_files(path: Path, data: dict[str, object]) -> Iterator[Path]:
    """Everything that the configuration was read from."""
    yield path
    named = [
        file for store in mapping(data.get("trust_stores")).values() for _, file in files_of(mapping(store))
    ]
    named.append(mapping(mapping(data.get("evidence")).get("ldap")).get("password_file"))
    named += [
        mapping(mapping(holder.get("transaction")).get("auth")).get("password_file")
        for _, holder in checks.holders(data)
    ]
    yield from (path.parent / file for file in named if isinstance(file, str))


def _passwords(root: Node, base: Path, faults: Faults) -> Passwords:
    found: Passwords = {}
    for path, holder in checks.holders(mapping(root.data)):
        if mapping(mapping(holder.get("transaction")).get("auth")):
            found[path] = read_secret(root, base, (*path, "transaction", "auth", "password_file"), faults)
    return found


def _validate(root: Node, faults: Faults) -> schema.File | None:
    try:
        return schema.File.model_validate(root.data)
    except ValidationError as error:
        wording.tell(error, root, faults)
        return None


def _config(path: Path, file: schema.File, stores: dict[str, TrustStore], passwords: Passwords) -> Config:
    defaults = _defaults(file.defaults or schema.Defaults(), passwords.get(("defaults",), ""))
    entries = [
        (entry, _template(entry, defaults, passwords.get(("targets", index), "")))
        for index, entry in enumerate(file.targets or ())
    ]
    read = groups.Reader(frozenset(stores))
    return Config(
        path=path,
        targets=tuple(
            target
            for entry, template in entries
            if isinstance(entry, schema.Target)
            for target in template.targets(entry.host, name=entry.target or "")
        ),
        sources=tuple(
            _source(entry, template, path.parent, read)
            for entry, template in entries
            if not isinstance(entry, schema.Target)
        ),
        stores=stores,
        modules={
            name: settings.module(module, passwords.get(("modules", name), ""))
            for name, module in (file.modules or {}).items()
        },
        probe=_probe(file.probe or schema.Probe()),
        limits=Limits(**(file.limits or schema.Limits()).model_dump(exclude_none=True)),
        defaults=defaults,
    )


def _template(entry: schema.AnyTarget, defaults: Module, password: str) -> Template:
    return Template(
        own=settings.module(entry, password),
        defaults=defaults,
        port=getattr(entry, "port", None),
        labels=tuple((entry.labels or {}).items()),
        key_types=tuple(entry.key_types or ()),
    )


def _source(
    entry: schema.Mx | schema.FileSd | schema.HttpSd, template: Template, base: Path, read: groups.Reader
) -> Source:
    match entry:
        case schema.Mx():
            return Mx(domain=entry.mx, template=template)
        case schema.FileSd():
            return Files(patterns=tuple(entry.file_sd), base=base, read=read, template=template)
        case schema.HttpSd():
            interval = 60.0 if entry.refresh_interval is None else entry.refresh_interval
            return Http(url=entry.http_sd, interval=interval, read=read, template=template)


def _defaults(entry: schema.Defaults, password: str) -> Module:
    """What the file sets for all targets, and revocation by every method unless it says otherwise."""
    given = settings.module(entry, password)
    return given if given.revocation is not None else replace(given, revocation=tuple(RevocationMethod))


def _probe(entry: schema.Probe) -> Probe:
    allow = entry.allow or []
    return Probe(
        names=tuple(one for one in allow if isinstance(one, str)),
        networks=tuple(one for one in allow if not isinstance(one, str)),
        ports=Probe().ports if entry.ports is None else frozenset(entry.ports),
    )


def _evidence(entry: schema.Evidence | None, ldap_password: str) -> Evidence:
    given = {key: value for key, value in entry or () if value is not None}
    if entry and entry.allow_networks:
        given["allow_networks"] = tuple(entry.allow_networks)
    if entry and entry.ldap:
        told = entry.ldap.model_dump(exclude_none=True, exclude={"password_file"})
        given["ldap"] = Ldap(**told, password=ldap_password)
    return Evidence(**given)
