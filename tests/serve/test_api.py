"""The JSON under `/api/v1`, asked over HTTP."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from exporter.model import ProblemKind, Target
from exporter.publish.document import as_json
from exporter.serve.service import Service
from tests import results
from tests.serve.test_web import OTHER, SIX, service, serving


def filled() -> Service:
    """Three targets: one with two addresses, one failed, one that waits for its first probe."""
    given = service()
    expired = results.result(results.problem(ProblemKind.EXPIRED), address="192.0.2.8")
    given.board.put(results.TARGET, [results.result(), expired])
    given.board.put(OTHER, [results.failed(target=OTHER)])
    return given


async def asked(path: str, status: int = 200, given: Service | None = None) -> Any:  # noqa: ANN401 - JSON
    """The document at a path."""
    async with serving(given or filled()) as client:
        response = await client.get(path)
        assert response.status == status
        assert response.content_type == "application/json"
        return json.loads(await response.text())


async def test_every_target_is_listed_with_its_results() -> None:
    """In the order of the configuration, those that wait for their first probe too."""
    document = await asked("/api/v1/targets")
    assert document["schema"] == 1
    assert [one["target"] for one in document["targets"]] == [results.TARGET.name, "six", "other"]
    assert [one["state"] for one in document["targets"]] == ["critical", "unknown", "critical"]
    assert [len(one["results"]) for one in document["targets"]] == [2, 0, 1]
    assert document["targets"][0]["results"][0] == json.loads(json.dumps(as_json(results.result())))
    assert document["targets"][2]["labels"] == {"site": "fra"}
    assert document["targets"][2]["id"] == OTHER.id


@pytest.mark.parametrize(
    ("asked_for", "found"),
    [
        ("other", ["other"]),
        ("mx2.example.ORG", ["other"]),
        ("mx2.example.org:25", ["other"]),
        ("[2001:db8:0::7]:587", ["six"]),
        ("mx2.example.org:587", []),
        ("nobody", []),
        ("", []),
    ],
    ids=["name", "host", "host-and-port", "address", "other-port", "unknown", "empty"],
)
async def test_targets_are_found_as_probe_finds_them(asked_for: str, found: list[str]) -> None:
    """By name, else by host and port; an unknown one gives an empty list."""
    async with serving(filled()) as client:
        response = await client.get("/api/v1/targets", params={"target": asked_for})
        document = json.loads(await response.text())
    assert document["schema"] == 1
    assert [one["target"] for one in document["targets"]] == found


async def test_a_name_goes_before_a_place() -> None:
    """A target that is called like another one's host is the one that is meant; all of that name are."""
    twins = [Target(name="six", host="a"), Target(name="six", host="b"), Target(name="c", host="six")]
    given = service()
    given.board.replace(twins)
    document = await asked("/api/v1/targets?target=six", given=given)
    assert [one["id"] for one in document["targets"]] == [twins[0].id, twins[1].id]


async def test_without_targets_the_list_is_empty() -> None:
    """The document is whole all the same."""
    given = service()
    given.board.replace([])
    assert await asked("/api/v1/targets", given=given) == {"schema": 1, "targets": []}


async def test_a_parameter_is_not_given_twice() -> None:
    """Which of them would be meant cannot be told."""
    async with serving(filled()) as client:
        assert (await client.get("/api/v1/targets?target=a&target=b")).status == 400


async def test_one_target_has_its_history_too() -> None:
    """The newest first, with what each probe found."""
    given = filled()
    given.board.put(OTHER, [results.result(target=OTHER)])
    document = await asked(f"/api/v1/targets/{OTHER.id}", given=given)
    assert (document["schema"], document["id"], document["state"]) == (1, OTHER.id, "ok")
    now, before = document["history"]
    assert (now["state"], now["failure"], now["sha1"]) == ("ok", None, results.LEAF.sha1)
    assert before["state"] == "critical"
    assert before["failure"] == document_of_failure()
    assert now["time"].endswith("Z")


def document_of_failure() -> Any:  # noqa: ANN401 - JSON
    """How a result spells the failure."""
    return as_json(results.failed())["failure"]


async def test_an_unknown_id_is_404() -> None:
    """And says so as JSON, like everything here."""
    assert "error" in await asked("/api/v1/targets/0123456789ab", status=404)


async def test_texts_that_are_not_unicode_are_spelled_out() -> None:
    """A name with a byte that is not UTF-8 does not end the answer in the middle."""
    given = service()
    bad = dataclasses.replace(results.TARGET, name="caf\udce9", labels=(("site", "\udcff"),))
    given.board.replace([bad])
    given.board.put(bad, [results.failed(target=bad)])
    document = await asked("/api/v1/targets", given=given)
    assert document["targets"][0]["target"] == "caf\\xe9"


async def test_two_targets_of_the_board_keep_their_own_history() -> None:
    """What one target went through is not told of another."""
    assert (await asked(f"/api/v1/targets/{SIX.id}"))["history"] == []
