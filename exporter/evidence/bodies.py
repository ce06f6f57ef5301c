"""Evidence that is kept on disk from one run to the next: signed messages as they came, one file each.

Nothing is believed because it lies here: what is read back goes through the same reader as what comes from
the network, signature and dates included. So the directory may be shared by anyone, and a file that is
broken, foreign or forged counts as none.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from exporter.threads import DaemonThreads

MAX_BYTES = 256 * 1024 * 1024
"""All files together; the least recently used go first."""
MAX_FILE = 32 * 1024 * 1024
_SUFFIX = ".evidence"


class Bodies:
    """Files in a directory, which is made when the first is put there."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    async def get(self, key: Sequence[object]) -> bytes | None:
        """What was kept for a key, None when there is nothing to be read."""
        return await _threads.run(functools.partial(self._get, _name(key)))

    async def put(self, key: Sequence[object], body: bytes) -> None:
        """Keep a body. Where that cannot be done, nothing happens: the next run fetches it again."""
        await _threads.run(functools.partial(self._put, _name(key), body))

    def _get(self, name: str) -> bytes | None:
        path = self._directory / name
        try:
            if not path.is_file():  # a pipe that somebody put here would never end
                return None
            with path.open("rb") as file:
                body = file.read(MAX_FILE + 1)
        except OSError:
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # it was used
        return body if len(body) <= MAX_FILE else None

    def _put(self, name: str, body: bytes) -> None:
        with contextlib.suppress(OSError):
            self._directory.mkdir(mode=0o755, parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._directory, suffix=".new", delete=False) as file:
                made = Path(file.name)
                try:
                    file.write(body)
                    file.flush()
                    made.chmod(0o644)
                    made.replace(self._directory / name)
                except OSError:
                    made.unlink()
                    raise
            self._tidy()

    def _tidy(self) -> None:
        total = 0
        for used, path, size in sorted(self._files(), reverse=True):
            total += size
            if total > MAX_BYTES and used:
                path.unlink(missing_ok=True)

    def _files(self) -> Iterator[tuple[float, Path, int]]:
        for path in self._directory.glob(f"*{_SUFFIX}"):
            with contextlib.suppress(OSError):
                status = path.stat()
                yield status.st_mtime, path, status.st_size


def _name(key: Sequence[object]) -> str:
    return hashlib.sha256(repr(tuple(map(str, key))).encode()).hexdigest() + _SUFFIX


_threads = DaemonThreads(1)
