"""The way from a file to a `Config`: read, check everything, and only then build.

Every step adds to the same faults; nothing is built while there is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from pydantic import TypeAdapter, ValidationError

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
from exporter.config.checks import SYSTEM, mapping, sequence
from exporter.config.faults import Faults, KeyPath, Node, Place, Position
from exporter.config.secrets import read_secret
from exporter.config.sources import Files, Http, Mx, Source, Template
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
        stores = _Stores(root, path.parent, load_store, faults).load()
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
        raise ConfigError((f"{path}: {_reason(error)}",)) from error
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
        file for store in mapping(data.get("trust_stores")).values() for _, file in _files(mapping(store))
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


def _reason(error: OSError) -> str:
    return f"cannot be read: {error.strerror or error}"


def _validate(root: Node, faults: Faults) -> schema.File | None:
    try:
        return schema.File.model_validate(root.data)
    except ValidationError as error:
        wording.tell(error, root, faults)
        return None


class _Stores:
    """Loads the trust stores that a file defines, as far as their definitions are right."""

    def __init__(self, root: Node, base: Path, load_store: StoreLoader, faults: Faults) -> None:
        self._root = root
        self._base = base
        self._load_store = load_store
        self._faults = faults

    def load(self) -> dict[str, TrustStore]:
        """The stores by name, without those that could not be loaded: their faults are added."""
        defined = mapping(mapping(self._root.data).get("trust_stores"))
        found = {name: self._defined(name, data) for name, data in defined.items()}
        if SYSTEM not in defined and checks.uses_system_store(self._root):
            found[SYSTEM] = self._call(SYSTEM, SYSTEM, ("trust_stores", SYSTEM))
        return {name: store for name, store in found.items() if store is not None}

    def _defined(self, name: str, data: object) -> TrustStore | None:
        place: KeyPath = ("trust_stores", name)
        readable = self._check_files(mapping(data), place)
        try:
            store: schema.AnyStore = _STORE.validate_python(data)
        except ValidationError:
            return None  # told with the whole file
        if not readable:
            return None
        match store:
            case schema.PemStore():
                return self._call(name, store.type, (*place, "path"), store.path)
            case schema.KeyStore():
                return self._call(name, store.type, (*place, "path"), [store.path], store.password_file)
            case schema.SystemStore() | schema.MozillaStore():
                return self._call(name, store.type, place)

    def _check_files(self, data: dict[str, object], place: KeyPath) -> bool:
        """Whether all files of a store can be read; each that cannot is told by itself."""
        unreadable = [
            file
            for key, file in _files(data)
            if isinstance(file, str) and file and not self._readable(file, data["type"], (*place, *key))
        ]
        return not unreadable

    def _readable(self, file: str, kind: object, place: KeyPath) -> bool:
        path = self._base / file
        try:
            if kind == "pem" and path.is_dir():
                next(path.iterdir(), None)
            else:
                path.open("rb").close()
        except (OSError, ValueError) as error:
            reason = _reason(error) if isinstance(error, OSError) else str(error)
            self._faults.add(self._root.find(place), f"{path} {reason}")
            return False
        return True

    def _call(
        self,
        name: str,
        kind: str,
        place: KeyPath,
        files: Sequence[str] = (),
        password_file: str | None = None,
    ) -> TrustStore | None:
        paths = tuple(self._base / file for file in files)
        password = None if password_file is None else self._base / password_file
        try:
            return self._load_store(name, kind, paths, password)
        except Exception as error:  # noqa: BLE001 - whatever keeps a store from loading is told at its place
            self._faults.add(self._root.find(place), f"cannot be loaded: {error}")
            return None


_STORE: TypeAdapter[schema.AnyStore] = TypeAdapter(schema.Store)


def _files(data: dict[str, object]) -> Iterator[tuple[KeyPath, object]]:
    """What a store's definition gives as its files, whether or not it is text, each with its key path."""
    kind, given = data.get("type"), data.get("path")
    if kind == "pem":
        for index, file in enumerate([given] if isinstance(given, str) else sequence(given)):
            yield ("path", index), file
    elif kind in schema.KEYSTORE_TYPES:
        yield ("path",), given
        yield ("password_file",), data.get("password_file")


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
