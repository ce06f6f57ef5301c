"""What is kept over a restart: the file, what is in it, and what the daemon shows of it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from exporter.config import Config
from exporter.model import Mode, Policy, Target
from exporter.publish.metrics import exposition
from exporter.serve.board import Board
from exporter.serve.running import Address, Settings, running
from exporter.serve.storage import KEPT, Storage, StorageError, Store, Stored
from tests import results
from tests.serve.test_running import fetch_when
from tests.serve.test_web import service, serving

NOW = int(results.NOW.timestamp())


def named(number: int) -> Target:
    """One of many targets."""
    return replace(results.TARGET, name=f"t{number}", host=f"h{number}")


def stored(target: Target, subject: str = "CN=mx", changes: int = 0) -> Stored:
    """Results of two addresses."""
    chain = (results.certificate(subject),)
    return Stored(
        tuple(results.result(target=target, address=f"192.0.2.{n}", chain=chain) for n in (2, 1)),
        {"192.0.2.1": changes, "192.0.2.2": 0},
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """After the file was closed and opened again, in the same order; others are not there."""
    first, second = named(1), named(2)
    store = Store(tmp_path / "store")
    store.write({first.id: stored(first, changes=3), second.id: stored(second)}, NOW)
    store.write({second.id: stored(second, "CN=other")}, NOW)
    store.close()
    again = Store(tmp_path / "store")
    assert again.read([first, second, named(3)]) == {
        first.id: stored(first, changes=3),
        second.id: stored(second, "CN=other"),
    }
    again.close()


def test_certificates_are_remembered(tmp_path: Path) -> None:
    """Each with the moments when it was first and last seen."""
    store, target = Store(tmp_path / "store"), named(1)
    seen = [results.NOW + timedelta(hours=hour) for hour in range(3)]
    for subject, moment in (("CN=old", seen[0]), ("CN=old", seen[1]), ("CN=new", seen[2])):
        one = replace(
            results.result(target=target, address="192.0.2.1", chain=(results.certificate(subject),)),
            seen_at=moment,
        )
        store.write({target.id: Stored((one,), {})}, NOW)
    old, new = (results.certificate(subject).sha1 for subject in ("CN=old", "CN=new"))
    assert store.certificates(target.id) == [
        ("192.0.2.1", old, seen[0].isoformat(), seen[1].isoformat()),
        ("192.0.2.1", new, seen[2].isoformat(), seen[2].isoformat()),
    ]
    store.close()


def test_what_nobody_asks_for_any_more_is_forgotten(tmp_path: Path) -> None:
    """A target that is gone for a month takes its rows along."""
    store, gone, kept = Store(tmp_path / "store"), named(1), named(2)
    store.write({gone.id: stored(gone), kept.id: stored(kept)}, NOW)
    store.write({kept.id: stored(kept)}, NOW + KEPT + 1)
    assert list(store.read([gone, kept])) == [kept.id]
    store.close()


def test_a_row_that_cannot_be_read_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It costs its own target what was known, and nobody else."""
    store, broken, fine = Store(tmp_path / "store"), named(1), named(2)
    store.write({broken.id: stored(broken), fine.id: stored(fine)}, NOW)
    store._file.execute("UPDATE results SET result = x'00' WHERE target = ?", (broken.id,))
    assert list(store.read([broken, fine])) == [fine.id]
    assert "a stored result is left out" in caplog.text
    store.close()


def _other_program(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE mail (x)")
    other.close()


def _newer(path: Path) -> None:
    Store(path).close()
    with sqlite3.connect(path) as newer:
        newer.execute("PRAGMA user_version=99")
    newer.close()


def _damaged(path: Path) -> None:
    store = Store(path)
    for number in range(200):
        store.write({named(number).id: stored(named(number))}, NOW)
    store.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + os.urandom(8192) + whole[16384:])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.write_text("targets: []\n" * 100), "file is not a database"),
        (lambda path: path.mkdir(), "unable to open database file"),
        (_other_program, "belongs to another program"),
        (_newer, "was written by a newer version"),
        (_damaged, "is damaged|malformed"),
    ],
    ids=["text", "directory", "other program", "newer", "damaged"],
)
def test_a_file_that_cannot_be_used(tmp_path: Path, make: object, words: str) -> None:
    """It is told which and why, and nothing is written over."""
    path = tmp_path / "store"
    make(path)  # type: ignore[operator]
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(StorageError, match=f"{path.name}.*({words})"):
        Store(path)
    assert not path.is_file() or path.read_bytes() == before


KILLED = """
import os, random, signal, sys, time
from pathlib import Path
from exporter.serve.storage import Store
from tests.serve.test_storage import NOW, named, stored
path, targets = Path(sys.argv[1]), [named(number) for number in range(5)]
batches = [{t.id: stored(t, f"CN=batch {n}", n) for t in targets} for n in range(10)]
Store(path).close()
seen = set()
for round in range(100):
    child = os.fork()
    if not child:
        store = Store(path)
        while True:
            for batch in batches:
                store.write(batch, NOW)
    time.sleep(random.uniform(0.002, 0.08))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    store = Store(path)
    found = store.read(targets)
    numbers = {one.changes["192.0.2.1"] for one in found.values()}
    assert len(numbers) <= 1 and len(found) in {0, 5}, (numbers, len(found))
    seen |= numbers
    store.close()
print(len(seen), "different batches were found whole")
"""


def test_killed_in_the_middle_of_writing(tmp_path: Path) -> None:
    """A hundred times: the file opens every time, and holds all of a batch or nothing of it."""
    command = [sys.executable, "-c", KILLED, str(tmp_path / "store")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[0]) > 3, done.stdout


def test_changes_are_counted() -> None:
    """Another leaf at an address counts; the first one, a failed probe and another address do not."""
    board = Board([results.TARGET])
    old, new = (results.certificate(subject) for subject in ("CN=old", "CN=new"))

    def put(*looks: tuple[str, object]) -> dict[str, int]:
        board.put(
            results.TARGET,
            [
                results.result(address=address, chain=(leaf,)) if leaf else results.failed(address=address)
                for address, leaf in looks
            ],
        )
        return dict(board.entries()[0].changes)

    assert put(("192.0.2.1", old)) == {"192.0.2.1": 0}
    assert put(("192.0.2.1", new)) == {"192.0.2.1": 1}
    assert put(("192.0.2.1", new), ("192.0.2.2", old)) == {"192.0.2.1": 1, "192.0.2.2": 0}
    assert put(("192.0.2.1", old), ("192.0.2.2", old)) == {"192.0.2.1": 2, "192.0.2.2": 0}
    assert 'smtp_tls_cert_changes_total{target="' in "".join(exposition(board.rendered()))


def test_what_was_stored_gives_way_to_what_is_found() -> None:
    """Late reading does not replace a result of this run, and is not counted as a change by itself."""
    board = Board([results.TARGET])
    before = results.result(address="192.0.2.1", chain=(results.certificate("CN=old"),))
    now = results.result(address="192.0.2.1", chain=(results.certificate("CN=new"),))
    board.restore(results.TARGET.id, [before], {"192.0.2.1": 4})
    board.put(results.TARGET, [now])
    board.restore(results.TARGET.id, [before], {"192.0.2.1": 4})
    (entry,) = board.entries()
    assert (entry.results, entry.changes) == ((now,), {"192.0.2.1": 5})


async def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    """The second daemon answers with what the first one found, with its age, before it has probed anything."""
    hanging = asyncio.Event()
    connections: list[asyncio.StreamWriter] = []

    def accept(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        if not hanging.is_set():
            writer.write(b"554 go away\r\n")
            writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    target = Target(
        name="mx", host="127.0.0.1", port=port, mode=Mode.STARTTLS, timeout=30.0, policy=Policy(stores=())
    )
    config = Config(path=Path("c"), targets=(target,))

    def settings() -> Settings:
        return Settings(listen=[Address("127.0.0.1", 0)], storage=Storage(tmp_path / "store"))

    async with asyncio.timeout(60):
        async with running(config, settings()) as daemon:
            first = await fetch_when(daemon, "metrics", 1, "\nsmtp_tls_state{")
        hanging.set()
        async with running(config, settings()) as daemon:
            second = await fetch_when(daemon, "metrics", 1, "\nsmtp_tls_state{")
    start = "smtp_tls_last_probe_timestamp_seconds{"
    ages = [next(line for line in text.splitlines() if line.startswith(start)) for text in (first, second)]
    assert ages[0] == ages[1]
    assert "\nsmtp_tls_exporter_probes_total 0.0\n" in second
    for writer in connections:
        writer.close()
    server.close()
    await server.wait_closed()


async def test_the_page_knows_earlier_certificates(tmp_path: Path) -> None:
    """Each with the moments when it was first and last seen, over restarts."""
    storage, target = Storage(tmp_path / "store"), results.TARGET
    for subject, hour in (("CN=old", 0), ("CN=new", 5)):
        one = results.result(target=target, chain=(results.certificate(subject),))
        storage.keep(target, Stored((replace(one, seen_at=results.NOW + timedelta(hours=hour)),), {}))
        await storage._write(NOW)
    async with serving(service(storage=storage)) as client:
        text = await (await client.get(f"/targets/{target.id}")).text()
    for subject, moment in (("CN=old", "2026-11-23 12:00:00 UTC"), ("CN=new", "2026-11-23 17:00:00 UTC")):
        assert f"<td>{results.certificate(subject).sha1}</td><td>{moment}</td>" in text
    storage._store.close()


async def test_a_full_disk_costs_nothing_but_memory(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is said once, what could not be written is written later, and the program goes on."""
    storage = Storage(tmp_path / "store")
    storage._store._file.execute("PRAGMA query_only=1")
    target = named(1)
    storage.keep(target, stored(target))
    await storage._write(NOW)
    await storage._write(NOW)
    assert caplog.text.count("storage cannot be written") == 1
    storage._store._file.execute("PRAGMA query_only=0")
    await storage._write(NOW)
    assert await storage.stored([target]) == {target.id: stored(target)}
    storage._store.close()
