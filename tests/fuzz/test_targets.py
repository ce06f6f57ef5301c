"""The fuzz targets hold for their seeds, for bytes that hypothesis thinks of, and can fail."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.probe import smtp
from exporter.probe.tls import TlsClient
from tests.fuzz.seeds import SEEDS
from tests.fuzz.targets import TARGETS, handshake, replies


@pytest.mark.parametrize("name", TARGETS)
def test_seeds(name: str) -> None:
    """What fuzzing begins with shows no fault."""
    for seed in SEEDS[name]():
        TARGETS[name](seed)


@settings(deadline=None)  # a busy machine is no failure
@given(st.binary(max_size=600))
def test_no_bytes_make_the_dialogues_raise(data: bytes) -> None:
    """Reply reader, dialogue and transaction take any bytes or raise their own error."""
    replies(data)


LIKE_SMTP = st.lists(
    st.sampled_from(
        [b"220", b"250", b"354", b"421", b"5", b"-", b" ", b"\r", b"\n", b"\r\n", b"x", b"\xff", b"STARTTLS"]
    )
).map(b"".join)


@settings(deadline=None)  # a busy machine is no failure
@given(st.binary(min_size=2, max_size=2), LIKE_SMTP)
def test_nothing_like_smtp_makes_the_dialogues_raise(how: bytes, data: bytes) -> None:
    """Nor do the parts of replies in any order."""
    replies(how + data)


@settings(deadline=None, max_examples=50)  # a busy machine is no failure, and a handshake takes a millisecond
@given(st.binary(max_size=600), st.booleans())
def test_no_bytes_make_tls_raise(data: bytes, real: bool) -> None:
    """The TLS client takes any bytes, and any change to a real server's, or raises its own error."""
    handshake((b"\x80" if real else b"\x00") + data)


def test_a_wrong_reply_code_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The targets look at results: a parser that takes any code does not pass."""
    monkeypatch.setattr(smtp, "_single", lambda _: None)  # what is remembered would outlive this test
    monkeypatch.setattr(smtp, "_LINE", re.compile(rb"([0-9]{3})(?:([ -])(.*))?", re.DOTALL))
    with pytest.raises(AssertionError):
        replies(b"\0\0999 bottles\r\n")


def test_another_exception_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception that is not the machine's own leaves the target."""

    def chain(_: TlsClient) -> None:
        raise ValueError("cannot be decoded")

    monkeypatch.setattr(TlsClient, "chain", chain)
    with pytest.raises(ValueError, match="cannot be decoded"):
        handshake(b"\0\0")
