"""The trust stores that a file defines: plain data in, loaded stores and faults out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from exporter.config import StoreLoader, checks, schema
from exporter.config.checks import SYSTEM, mapping, sequence
from exporter.config.faults import Faults, KeyPath, Node
from exporter.model import TrustStore


def reason(error: OSError) -> str:
    """Why a file cannot be read."""
    return f"cannot be read: {error.strerror or error}"


class Stores:
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
        readable = self._checkfiles_of(mapping(data), place)
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

    def _checkfiles_of(self, data: dict[str, object], place: KeyPath) -> bool:
        """Whether all files of a store can be read; each that cannot is told by itself."""
        unreadable = [
            file
            for key, file in files_of(data)
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
            why = reason(error) if isinstance(error, OSError) else str(error)
            self._faults.add(self._root.find(place), f"{path} {why}")
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


def files_of(data: dict[str, object]) -> Iterator[tuple[KeyPath, object]]:
    """What a store's definition gives as its files, whether or not it is text, each with its key path."""
    kind, given = data.get("type"), data.get("path")
    if kind == "pem":
        for index, file in enumerate([given] if isinstance(given, str) else sequence(given)):
            yield ("path", index), file
    elif kind in schema.KEYSTORE_TYPES:
        yield ("path",), given
        yield ("password_file",), data.get("password_file")
