"""The last results on disk, so that a restart forgets nothing: one SQLite file, written off the event loop.

In: results as they come. Out: the same after a restart, with how often each address has changed its certificate, and
which it had. Results are collected for a moment and written in one transaction: after a crash the file holds only
whole batches. What cannot be written is lost after a restart and nothing else.

It must not judge, and no secret is in what it is given.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from exporter.model import Result, Target
from exporter.serve.codec import pack, unpack
from exporter.threads import DaemonThreads

logger = logging.getLogger(__name__)

PAUSE = 1.0
"""Seconds for which results are collected."""
KEPT = 30 * 86400
"""Seconds for which a target that is no longer configured is kept: it may come back."""

_APPLICATION = 0x534D5450
_VERSION = 1
_SCHEMA = """
CREATE TABLE results (
    target TEXT NOT NULL, address TEXT NOT NULL, position INTEGER NOT NULL, result BLOB NOT NULL,
    changes INTEGER NOT NULL, written INTEGER NOT NULL, PRIMARY KEY (target, address)
) WITHOUT ROWID;
CREATE TABLE certificates (
    target TEXT NOT NULL, address TEXT NOT NULL, sha256 TEXT NOT NULL, sha1 TEXT NOT NULL,
    first_seen TEXT NOT NULL, last_seen TEXT NOT NULL, PRIMARY KEY (target, address, sha256)
) WITHOUT ROWID;
"""


class StorageError(Exception):
    """The file cannot be used; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What is kept of one target: its results in their order, and how often each address changed its certificate."""

    results: tuple[Result, ...]
    changes: Mapping[str, int]


Batch = Mapping[str, Stored]
"""By the target's id."""


class Store:
    """The file itself, for one thread.

    Raises:
        StorageError: it cannot be opened or made, is damaged, or belongs to something else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = sqlite3.connect(path, timeout=10, check_same_thread=False, isolation_level=None)
        except sqlite3.Error as error:
            raise StorageError(f"{path}: cannot be used as storage: {error}") from error
        try:
            self._prepare()
        except sqlite3.Error as error:
            self._file.close()
            raise StorageError(f"{path}: cannot be used as storage: {error}") from error
        except StorageError:
            self._file.close()
            raise

    def _prepare(self) -> None:
        ask = self._file.execute
        (application,), (version,) = (
            ask(f"PRAGMA {name}").fetchone() for name in ("application_id", "user_version")
        )
        tables = ask("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if tables and application != _APPLICATION:
            raise StorageError(f"{self._path}: belongs to another program")
        if version > _VERSION:
            raise StorageError(f"{self._path}: was written by a newer version of this program")
        if ask("PRAGMA quick_check(1)").fetchone()[0] != "ok":
            raise StorageError(f"{self._path}: is damaged: move it away to begin anew")
        ask("PRAGMA journal_mode=WAL")
        ask("PRAGMA synchronous=NORMAL")
        if not tables:
            pragmas = f"PRAGMA application_id={_APPLICATION}; PRAGMA user_version={_VERSION};"
            self._file.executescript(f"BEGIN; {_SCHEMA} {pragmas} COMMIT;")

    def close(self) -> None:
        """Write everything back and let go."""
        self._file.close()

    def write(self, batch: Batch, now: int) -> None:
        """Replace what is kept of these targets, all or nothing; `now` is Unix time.

        Raises:
            sqlite3.Error: it could not be written.
        """
        with closing(self._file.cursor()) as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            try:
                for identity, stored in batch.items():
                    cursor.execute("DELETE FROM results WHERE target = ?", (identity,))
                    cursor.executemany(
                        "INSERT INTO results VALUES (?, ?, ?, ?, ?, ?)", _rows(identity, stored, now)
                    )
                    cursor.executemany(_CERTIFICATE, _leaves(identity, stored))
                for table in ("results", "certificates"):
                    cursor.execute(f"DELETE FROM {table} WHERE {_OLD[table]}", {"before": now - KEPT})  # noqa: S608 - ours
                cursor.execute("COMMIT")
            except BaseException:
                cursor.execute("ROLLBACK")
                raise

    def read(self, targets: Iterable[Target]) -> Batch:
        """What is kept of these targets; what cannot be read is left out.

        Raises:
            sqlite3.Error: the file cannot be read.
        """
        found = {}
        for target in targets:
            rows = self._file.execute(
                "SELECT address, result, changes FROM results WHERE target = ? ORDER BY position",
                (target.id,),
            ).fetchall()
            try:
                results = tuple(unpack(packed, target) for _, packed, _ in rows)
            except ValueError as error:
                logger.warning(
                    "a stored result is left out", extra={"target": target.name, "problem": str(error)}
                )
                continue
            if results:
                found[target.id] = Stored(results, {address: changes for address, _, changes in rows})
        return found

    def certificates(self, identity: str) -> Sequence[tuple[str, str, str, str]]:
        """Address, SHA-1, and when it was first and last seen, of each leaf that a target had; the oldest first."""
        return self._file.execute(
            "SELECT address, sha1, first_seen, last_seen FROM certificates WHERE target = ? ORDER BY first_seen",
            (identity,),
        ).fetchall()


_CERTIFICATE = """
INSERT INTO certificates VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (target, address, sha256) DO UPDATE SET last_seen = excluded.last_seen
"""
_OLD = {
    "results": "written < :before",
    "certificates": "target NOT IN (SELECT target FROM results) AND unixepoch(last_seen) < :before",
}


def _rows(identity: str, stored: Stored, now: int) -> Iterable[tuple[object, ...]]:
    for position, result in enumerate(stored.results):
        address = result.observation.address
        yield identity, address, position, pack(result), stored.changes.get(address, 0), now


def _leaves(identity: str, stored: Stored) -> Iterable[tuple[str, ...]]:
    for result in stored.results:
        if result.verdict.chain and result.seen_at is not None:
            leaf, seen = result.verdict.chain[0], result.seen_at.isoformat(timespec="seconds")
            yield identity, result.observation.address, leaf.sha256, leaf.sha1, seen, seen


class Storage:
    """Collects and writes until `run` is cancelled.

    Args:
        path: of the file.

    Raises:
        StorageError: see `Store`.
    """

    def __init__(self, path: Path) -> None:
        self._store = Store(path)
        self._pending: dict[str, Stored] = {}
        self._news = asyncio.Event()
        self._failing = False

    async def certificates(self, identity: str) -> Sequence[tuple[str, str, str, str]]:
        """See `Store.certificates`; nothing where the file cannot be read."""
        try:
            return await _thread.run(functools.partial(self._store.certificates, identity))
        except sqlite3.Error as error:
            logger.warning("storage cannot be read", extra={"problem": str(error)})
            return ()

    def keep(self, target: Target, stored: Stored) -> None:
        """Have what is known of a target written soon."""
        self._pending[target.id] = stored
        self._news.set()

    async def stored(self, targets: Sequence[Target]) -> Batch:
        """What was kept of these targets; nothing where the file cannot be read."""
        try:
            return await _thread.run(functools.partial(self._store.read, targets))
        except sqlite3.Error as error:
            logger.warning("storage cannot be read", extra={"problem": str(error)})
            return {}

    async def run(self, now: Callable[[], float]) -> None:
        """Write what there is, again and again; cancelled, it writes the rest and closes the file."""
        try:
            while True:
                await self._news.wait()
                await asyncio.sleep(PAUSE)
                await self._write(now())
        finally:
            await self._write(now())
            await _thread.run(self._store.close)

    async def _write(self, now: float) -> None:
        batch, self._pending = self._pending, {}
        self._news.clear()
        if not batch:
            return
        try:
            await _thread.run(functools.partial(self._store.write, batch, int(now)))
        except sqlite3.Error as error:
            if not self._failing:
                logger.error("storage cannot be written", extra={"problem": str(error)})  # noqa: TRY400 - a trace helps nobody here
            self._failing = True
            self._pending = {**batch, **self._pending}
            return
        except Exception:  # the next ones may be fine
            logger.exception("internal error: some results are not stored")
            return
        if self._failing:
            logger.info("storage can be written again")
        self._failing = False


_thread = DaemonThreads(1)
