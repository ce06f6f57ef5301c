"""Comparing passwords: what is compared, how often, and what guessing costs the others."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import bcrypt
import pytest

from exporter.serve import passwords
from exporter.serve.passwords import REMEMBERED, WAITING, Passwords, TooManyGuessesError


def basic(name: str, password: str | bytes) -> str:
    """An Authorization header."""
    secret = password if isinstance(password, bytes) else password.encode()
    return "Basic " + base64.b64encode(name.encode() + b":" + secret).decode()


@dataclass
class Counted:
    """Stands in for bcrypt: the hash of a password is its text. Holds each comparison until it may go on."""

    compared: list[tuple[bytes, str]] = field(default_factory=list)
    go: threading.Event = field(default_factory=threading.Event)

    def matches(self, password: bytes, stored: str) -> bool:
        """Compare."""
        self.compared.append((password, stored))
        assert self.go.wait(30)
        return password.decode() == stored


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counted]:
    """What is compared."""
    made = Counted()
    made.go.set()
    monkeypatch.setattr(passwords, "_matches", made.matches)
    yield made
    made.go.set()  # nothing may hold up the thread for the tests that follow


USERS = {"prometheus": "s3cret", "grafana": "other"}
RIGHT = basic("prometheus", "s3cret")


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - a thread changes it
            await asyncio.sleep(0.001)


async def test_a_password_is_compared_once_for_all_who_ask_at_the_same_time(counted: Counted) -> None:
    """A Prometheus with a thousand targets does not wait for a thousand comparisons."""
    counted.go.clear()
    checked = Passwords()
    asking = [asyncio.create_task(checked.right(RIGHT, USERS)) for _ in range(1000)]
    await until(lambda: bool(counted.compared))
    counted.go.set()
    assert await asyncio.gather(*asking) == [True] * 1000
    assert await checked.right(RIGHT, USERS)
    assert counted.compared == [(b"s3cret", "s3cret")]


async def test_a_client_that_goes_away_takes_nobodys_answer_with_it(counted: Counted) -> None:
    """Two ask the same; the first, for whom it is being compared, goes away."""
    counted.go.clear()
    checked = Passwords()
    first = asyncio.create_task(checked.right(RIGHT, USERS))
    await until(lambda: bool(counted.compared))
    second = asyncio.create_task(checked.right(RIGHT, USERS))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    counted.go.set()
    assert await second
    assert len(counted.compared) == 1


async def test_guessing_does_not_make_anybody_forget_a_right_password(counted: Counted) -> None:
    """Many wrong ones are forgotten one after the other, the right one is not."""
    checked = Passwords()
    assert await checked.right(RIGHT, USERS)
    for number in range(REMEMBERED + 1):
        assert not await checked.right(basic("prometheus", f"guess {number}"), USERS)
    before = len(counted.compared)
    assert await checked.right(RIGHT, USERS)
    assert not await checked.right(basic("prometheus", f"guess {REMEMBERED}"), USERS)
    assert len(counted.compared) == before
    assert not await checked.right(basic("prometheus", "guess 0"), USERS)
    assert len(counted.compared) == before + 1


async def test_only_so_many_guesses_wait(counted: Counted) -> None:
    """Others are turned away at once; a password that is known passes; then there is room again."""
    checked = Passwords()
    assert await checked.right(RIGHT, USERS)
    counted.go.clear()
    guesses = [asyncio.create_task(checked.right(basic("x", str(n)), USERS)) for n in range(WAITING)]
    await until(lambda: len(counted.compared) == 2)
    with pytest.raises(TooManyGuessesError):
        await checked.right(basic("grafana", "other"), USERS)
    assert await checked.right(RIGHT, USERS)
    counted.go.set()
    assert await asyncio.gather(*guesses) == [False] * WAITING
    assert await checked.right(basic("grafana", "other"), USERS)


async def test_who_does_not_exist_is_compared_all_the_same(counted: Counted) -> None:
    """So that the time does not tell who exists; the password of another does not open the door."""
    checked = Passwords()
    assert not await checked.right(basic("nobody", "s3cret"), USERS)
    assert counted.compared == [(b"s3cret", "s3cret")]


async def test_a_verdict_holds_for_its_hash_alone(counted: Counted) -> None:
    """A changed password, a removed user and one who comes to exist are compared anew."""
    checked = Passwords()
    assert await checked.right(RIGHT, USERS)
    assert not await checked.right(RIGHT, {"prometheus": "changed"})
    assert not await checked.right(RIGHT, {"grafana": "other"})
    assert not await checked.right(basic("new", "s3cret"), USERS)
    assert await checked.right(basic("new", "s3cret"), {"new": "s3cret"})
    assert len(counted.compared) == 5


@pytest.mark.parametrize(
    ("given", "right"),
    [
        pytest.param(b"a" * 72, True, id="the password"),
        pytest.param(b"a" * 80, True, id="what bcrypt does not look at"),
        pytest.param(b"a" * 71, False, id="one byte less"),
        pytest.param(b"a" * 71 + b"\0", False, id="NUL"),
        pytest.param(b"", False, id="none"),
    ],
)
async def test_with_bcrypt_itself(given: bytes, right: bool) -> None:
    """No password makes it raise, whatever its length and bytes."""
    users = {"u": bcrypt.hashpw(b"a" * 72, bcrypt.gensalt(4)).decode()}
    assert await Passwords().right(basic("u", given), users) is right
