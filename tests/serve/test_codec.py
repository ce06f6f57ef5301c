"""Results survive being written and read, whatever is in them."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.demo.cases import CASES
from exporter.model import (
    ProblemKind,
    Result,
    RevocationMethod,
    RevocationStatus,
    RevocationVerdict,
    Stage,
    TransactionFacts,
)
from exporter.serve.codec import pack, unpack
from tests import results
from tests.deploy.conftest import demo_results

__all__ = ["demo_results"]


def test_every_result_of_the_demo(demo_results: list[Result]) -> None:
    """Every cause, with everything that is known about it, comes back as it was."""
    assert len(demo_results) == len(CASES)
    for one in demo_results:
        back = unpack(pack(one), one.target)
        assert back == one
        assert (back.seen is back.observation) == (one.seen is one.observation)
        assert [facts.sans for facts in back.verdict.chain] == [facts.sans for facts in one.verdict.chain]


def made() -> Result:
    """A result with everything that the demo does not have."""
    one = results.result(results.problem(ProblemKind.REVOKED), chain=(results.LEAF, results.SUBORDINATE))
    transaction = TransactionFacts(success=False, codes={"rcpt": 550}, detail="no such user")
    verdict = RevocationVerdict(
        position=0, method=RevocationMethod.CRL, status=RevocationStatus.REVOKED, detail="x", url="http://x/",
        revoked_at=datetime(2026, 1, 1, tzinfo=UTC), reason="key_compromise",
    )  # fmt: skip
    return replace(
        one,
        observation=replace(one.observation, transaction=transaction, staple=b"\0\xff"),
        phases={Stage.EHLO: 0.5},
        verdict=replace(one.verdict, revocation=(verdict,), revoked=True),
    )


def test_what_outlives_a_failed_probe() -> None:
    """The last good look is another one than this, and both come back."""
    one = replace(results.failed(), seen=made().observation, seen_at=results.NOW)
    assert unpack(pack(one), one.target) == one
    assert unpack(pack(made()), results.TARGET) == made()


@pytest.mark.parametrize("text", results.HOSTILE.values(), ids=results.HOSTILE)
def test_hostile_text(text: str) -> None:
    """Whatever a server says is only text."""
    one = results.result(
        results.problem(ProblemKind.EXPIRED, text), chain=(replace(results.LEAF, subject=text),)
    )
    back = unpack(pack(one), one.target)
    assert (back.verdict.problems[0].summary, back.verdict.chain[0].subject) == (
        one.verdict.problems[0].summary,
        text,
    )


@given(st.binary(max_size=200) | st.binary(max_size=200).map(zlib.compress))
def test_bytes_that_are_no_result(data: bytes) -> None:
    """They are refused with ValueError and nothing else."""
    with pytest.raises(ValueError):  # noqa: PT011 - any message
        unpack(data, results.TARGET)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(st.data())
def test_a_field_that_is_something_else(data: st.DataObject) -> None:
    """However a document was changed, it makes a result or a ValueError, and never anything but data."""
    document = json.loads(zlib.decompress(pack(made())))
    place = document
    for _ in range(data.draw(st.integers(0, 3))):
        keys = (
            list(place) if isinstance(place, dict) else range(len(place)) if isinstance(place, list) else ()
        )
        if not keys or not isinstance(place[(key := data.draw(st.sampled_from(list(keys))))], dict | list):
            break
        place = place[key]
    if isinstance(place, dict | list) and place:
        key = data.draw(st.sampled_from(list(place) if isinstance(place, dict) else list(range(len(place)))))
        place[key] = data.draw(JSON)
    try:
        back = unpack(zlib.compress(json.dumps(document).encode()), results.TARGET)
    except ValueError:
        return
    assert isinstance(back, Result)


def test_another_version_had_fewer_fields() -> None:
    """What a result did not have then has its default now."""
    document = json.loads(zlib.decompress(pack(made())))
    del document["verdict"]["notes"], document["observation"]["transaction"]
    back = unpack(zlib.compress(json.dumps(document).encode()), results.TARGET)
    assert (back.verdict.notes, back.observation.transaction) == ((), None)


def test_a_bomb() -> None:
    """A document that unpacks to a gigabyte is not unpacked."""
    with pytest.raises(ValueError, match=r"not a result|Expecting|Unterminated"):
        unpack(zlib.compress(b" " * 64_000_000), results.TARGET)
