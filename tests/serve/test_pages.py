"""The pages over HTTP: the overview's queries, a target, its chain, and "probe now"."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from exporter.model import ProblemKind, Result
from exporter.publish.document import pem
from exporter.serve import pages
from exporter.serve.history import extended
from exporter.serve.pages import visits
from tests import results
from tests.serve.test_web import OTHER, service, serving

TARGET = results.TARGET
ID = TARGET.id


def probed(minutes: float = 5.0) -> Result:
    """A result of some minutes ago."""
    one = results.result(results.problem(ProblemKind.EXPIRED))
    return dataclasses.replace(one, time=datetime.now(UTC) - timedelta(minutes=minutes))


async def test_the_overview_takes_a_query() -> None:
    """Only what is asked for is on it, and every name leads to its page."""
    given = service()
    given.board.put(TARGET, [probed()])
    async with serving(given) as client:
        everything = await (await client.get("/")).text()
        found = await (await client.get("/", params={"state": "waiting", "label": "site=fra"})).text()
    assert f'href="/targets/{ID}"' in everything
    assert 'name="other"' not in everything
    assert f"/targets/{OTHER.id}" in found
    assert f"/targets/{ID}" not in found


async def test_the_page_of_a_target() -> None:
    """Known by its id; no other has a page."""
    given = service()
    given.board.put(TARGET, [probed()])
    async with serving(given) as client:
        response = await client.get(f"/targets/{ID}")
        text = await response.text()
        waiting = await client.get(f"/targets/{OTHER.id}")
        unknown = [(await client.get(f"/targets/{one}")).status for one in ("x", "%00", ID.upper())]
    assert response.status == waiting.status == 200
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Earlier probes" in text
    assert set(unknown) == {404}


async def test_the_chain_as_pem() -> None:
    """What the server sent, leaf first, of the address that is asked for."""
    given = service()
    one, other = results.result(), results.result(address="192.0.2.8", chain=(results.ROOT,))
    observed = dataclasses.replace(other.observation, chain=(b"other",))
    given.board.put(TARGET, [one, dataclasses.replace(other, observation=observed, seen=observed)])
    async with serving(given) as client:
        first = await client.get(f"/targets/{ID}/chain.pem")
        second = await client.get(f"/targets/{ID}/chain.pem", params={"address": "192.0.2.8"})
        none = await client.get(f"/targets/{ID}/chain.pem", params={"address": "192.0.2.9"})
        assert await first.text() == "".join(map(pem, one.observation.chain))
        assert await second.text() == pem(b"other")
    assert first.headers["Content-Disposition"] == 'attachment; filename="chain.pem"'
    assert none.status == 404


class Schedule:
    """Plays the schedule: what it is asked for, it has found at once."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.given = service(probe_soon=self)

    def __call__(self, identity: str) -> bool:
        """Probe a target."""
        self.asked.append(identity)
        self.given.board.put(TARGET, [probed(0)])
        return True


async def test_probe_now() -> None:
    """It leads back to the page, which has the new result; a second time in ten seconds is refused."""
    schedule = Schedule()
    schedule.given.board.put(TARGET, [probed()])
    async with serving(schedule.given) as client:
        response = await client.post(f"/targets/{ID}/probe", allow_redirects=False)
        again = await client.post(f"/targets/{ID}/probe", allow_redirects=False)
        unknown = await client.post("/targets/x/probe")
    assert (response.status, response.headers["Location"]) == (303, f"/targets/{ID}")
    assert (again.status, unknown.status) == (429, 404)
    assert schedule.asked == [ID]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
@pytest.mark.parametrize("path", [f"/targets/{ID}/probe", "/-/reload"])
async def test_other_sites_cannot_ask(path: str, headers: dict[str, str]) -> None:
    """A page elsewhere that makes a browser send the form gets nowhere."""
    schedule = Schedule()
    async with serving(schedule.given) as client:
        assert (await client.post(path, headers=headers)).status == 403
    assert not schedule.asked


async def test_a_probe_that_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a moment the page comes back as it was."""
    monkeypatch.setattr(pages, "PATIENCE", 0.1)
    given = service(probe_soon=lambda _: True)
    async with serving(given) as client:
        response = await client.post(f"/targets/{ID}/probe", allow_redirects=False)
    assert response.status == 303


def test_visits_say_what_changed() -> None:
    """The latest first; another certificate than before at the same address is marked."""
    old, new = (results.certificate(subject) for subject in ("CN=old", "CN=new"))
    history = extended((), [results.result(chain=(old,))])
    for found in ([results.result(chain=(old,))], [results.result(chain=(new,))], [results.failed()]):
        history = extended(history, found)
    shown = list(visits(history))
    assert [visit.thumbprint for visit in shown] == ["", new.sha1, old.sha1, old.sha1]
    assert [visit.changed for visit in shown] == [False, True, False, False]
    assert shown[0].found.startswith("connect: ") or ": " in shown[0].found
