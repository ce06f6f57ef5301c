"""Targets that sources name: domains, files and URLs, with the daemon's schedule left out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from exporter import trust
from exporter.config import Config, load, summary
from exporter.evidence.mx import Exchange, MxError
from exporter.model import Mode, Reason, Target
from exporter.serve import discovery as discovery_module
from exporter.serve.discovery import Discovery
from exporter.serve.sources import Ways
from exporter.serve.statistics import Statistics


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what gives no event."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - there is none
            await asyncio.sleep(0.01)


class Zone:
    """Plays the name servers: what each domain answers, to be changed by the test."""

    def __init__(self, **answers: tuple[Exchange, ...] | MxError) -> None:
        self.answers = {name.replace("_", "."): answer for name, answer in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, domain: str) -> tuple[Exchange, ...]:
        """Look a domain up."""
        self.asked.append(domain)
        answer = self.answers[domain]
        if isinstance(answer, MxError):
            raise answer
        return answer


class Following:
    """A discovery, and how often the list of targets has changed."""

    def __init__(self, config: Config, ways: Ways) -> None:
        self.statistics = Statistics()
        self.discovery = Discovery(self.statistics, ways)
        self.changes = 0
        self._news = asyncio.Event()
        self.discovery.begin(config, self._changed)

    def _changed(self) -> None:
        self.changes += 1
        self._news.set()

    def names(self) -> list[str]:
        """The names of the targets."""
        return [target.name for target in self.discovery.targets()]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a change after which it is true."""
        async with asyncio.timeout(30):
            while not condition():
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def following(config: Config, ways: Ways | None = None) -> AsyncIterator[Following]:
    """Follow the sources of a configuration."""
    one = Following(config, ways or Ways(period=0.01))
    try:
        yield one
    finally:
        await one.discovery.stop()


@pytest.fixture
def configured(tmp_path: Path) -> Callable[[str], Config]:
    """Load a list of targets."""

    def loaded(targets: str) -> Config:
        path = tmp_path / "config.yaml"
        path.write_text(f"defaults: {{trust_stores: []}}\ntargets: {targets}")
        return load(path, trust.load)

    return loaded


TWO = (Exchange(10, "mx1.example.org"), Exchange(20, "mx2.example.org"))


async def test_exchanges_are_targets(configured: Callable[[str], Config]) -> None:
    """Each has the settings of the entry, its own name to expect, and says where it comes from."""
    config = configured("[{mx: example.org, labels: {site: fra}, timeout: 3s}]")
    async with following(config, Ways(Zone(example_org=TWO))) as followed:
        await followed.until(lambda: len(followed.names()) == 2)
        first, second = followed.discovery.targets()
    assert (first.name, first.host, first.port, first.mode) == (
        "mx1.example.org:25",
        "mx1.example.org",
        25,
        Mode.STARTTLS,
    )
    assert (first.names, first.sni, first.timeout) == (("mx1.example.org",), "mx1.example.org", 3.0)
    assert dict(second.labels) == {"site": "fra", "mx": "example.org", "preference": "20"}
    assert followed.statistics.sources["mx", "example.org"].targets == 2


async def test_one_exchange_of_two_domains_is_two_targets(configured: Callable[[str], Config]) -> None:
    """They are told apart by the label `mx`, and have identities of their own."""
    zone = Zone(example_org=TWO[:1], example_net=TWO[:1])
    async with following(configured("[{mx: example.org}, {mx: example.net}]"), Ways(zone)) as followed:
        await followed.until(lambda: len(followed.names()) == 2)
        found = followed.discovery.targets()
    assert {target.domain for target in found} == {"example.org", "example.net"}
    assert len({target.id for target in found}) == 2


async def test_a_vanished_exchange(configured: Callable[[str], Config]) -> None:
    """What the records no longer name is gone after the next interval, and the others are the same."""
    zone = Zone(example_org=TWO)
    async with following(configured("[{mx: example.org, interval: 1s}]"), Ways(zone)) as followed:
        await followed.until(lambda: len(followed.names()) == 2)
        kept = followed.discovery.targets()[0]
        zone.answers["example.org"] = TWO[:1]
        await followed.until(lambda: len(followed.names()) == 1)
        assert followed.discovery.targets() == (kept,)


@pytest.mark.parametrize(
    ("reason", "left"),
    [(Reason.TIMEOUT, 2), (Reason.DNS_FAILURE, 2), (Reason.NAME_NOT_FOUND, 0), (Reason.NULL_MX, 0)],
)
async def test_a_domain_that_can_no_longer_be_told(
    configured: Callable[[str], Config], reason: Reason, left: int
) -> None:
    """Silence of the name servers removes nothing; their word that there is nothing removes all."""
    zone = Zone(example_org=TWO)
    async with following(configured("[{mx: example.org, interval: 1s}]"), Ways(zone)) as followed:
        await followed.until(lambda: len(followed.names()) == 2)
        zone.answers["example.org"] = MxError(reason, "it is so")
        source = followed.statistics.sources["mx", "example.org"]
        await until(lambda: not source.successful)
        assert len(followed.names()) == left
        assert [target.name for target, _ in followed.discovery.failures()] == ["example.org"] * (not left)


async def test_a_domain_of_which_nothing_is_known(configured: Callable[[str], Config]) -> None:
    """It is no target, since there is nothing to connect to, but stands with its reason under its own name."""
    zone = Zone(example_org=MxError(Reason.NAME_NOT_FOUND, "the domain example.org does not exist"))
    config = configured("[{mx: example.org}, {host: mail.example.org}]")
    async with following(config, Ways(zone)) as followed:
        await followed.until(lambda: bool(followed.discovery.failures()))
        ((target, failure),) = followed.discovery.failures()
        assert followed.names() == ["mail.example.org:25"]
    assert (target.name, target.host, dict(target.labels)) == ("example.org", "", {"mx": "example.org"})
    assert (failure.reason, failure.detail) == (
        Reason.NAME_NOT_FOUND,
        "the domain example.org does not exist",
    )


FIRST = """\
- targets: [mx1.example.org, "mx2.example.org:587", "[2001:db8::1]:465"]
  labels: {site: fra, __port: 25, __names: "a.example.org, b.example.org", __timeout: 4s, __meta_rack: r7}
"""
SECOND = '[{"targets": ["mx3.example.org"], "labels": {"site": "ber", "__port": "465", "__target": "third"}}]'


async def test_files_in_both_formats(configured: Callable[[str], Config], tmp_path: Path) -> None:
    """Labels are labels and settings, and a glob finds files that come later."""
    (tmp_path / "a.yml").write_text(FIRST)
    config = configured("[{file_sd: ['*.yml', '*.json'], mode: auto, labels: {team: mail}}]")
    async with following(config) as followed:
        await followed.until(lambda: len(followed.names()) == 3)
        one, two, three = followed.discovery.targets()
        (tmp_path / "b.json").write_text(SECOND)
        await followed.until(lambda: len(followed.names()) == 4)
        last = followed.discovery.targets()[3]
    assert [(t.host, t.port, t.mode) for t in (one, two, three, last)] == [
        ("mx1.example.org", 25, Mode.STARTTLS),
        ("mx2.example.org", 587, Mode.STARTTLS),
        ("2001:db8::1", 465, Mode.TLS),
        ("mx3.example.org", 465, Mode.TLS),
    ]
    assert (one.names, one.timeout) == (("a.example.org", "b.example.org"), 4.0)
    assert dict(one.labels) == {"team": "mail", "site": "fra"}
    assert (last.name, last.names) == ("third", ("mx3.example.org",))


async def test_a_file_that_changes(configured: Callable[[str], Config], tmp_path: Path) -> None:
    """Mistakes keep what the file had, only its absence removes it, and other files are not concerned."""
    file = tmp_path / "a.yml"
    file.write_text(FIRST)
    (tmp_path / "b.yml").write_text(SECOND)
    async with following(configured("[{file_sd: '*.yml'}]")) as followed:
        await followed.until(lambda: len(followed.names()) == 4)
        source = followed.statistics.sources["files", "*.yml"]
        assert source.successful
        file.write_text("- targets: [one.example.org, ")
        await until(lambda: not source.successful)
        assert len(followed.names()) == 4
        file.write_text("- targets: [one.example.org]")
        await followed.until(lambda: followed.names() == ["one.example.org:25", "third"])
        file.unlink()
        await followed.until(lambda: followed.names() == ["third"])


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("targets: []", ["f:1:1: must be a list of groups, each with `targets`"]),
        ("- {labels: {}}", ["f:1:3: [0].targets: must be a group with `targets`, a list of strings"]),
        ("- {targets: [7]}", ["f:1:13: [0].targets: must be a group with `targets`, a list of strings"]),
        ("- {targets: [a], labels: [b]}", ["f:1:26: [0].labels: must be a mapping of strings"]),
        ("- {targets: [a], labels: {__nams: b}}", ["f:1:27: [0].labels.__nams: there is no such setting"]),
        (
            "- targets: [a, 'http://b', 'c:0']",
            [
                "f:1:16: [0].targets[1]: must be a port, 1 to 65535, not '//b'",
                "f:1:28: [0].targets[2]: must be a port, 1 to 65535, not '0'",
            ],
        ),
        (
            "- {targets: [a], labels: {__interval: 1, address: b, __trust_stores: 'c'}}",
            [
                "f:1:14: [0].targets[0]: interval: must be a duration such as",
                "f:1:14: [0].targets[0]: labels.address: the label `address` is set by the exporter itself",
                "f:1:14: [0].targets[0]: there is no trust store 'c'",
            ],
        ),
        (
            "- {targets: [a], labels: {__trust_stores: 'c'}}",
            ["f:1:14: [0].targets[0]: there is no trust store 'c'"],
        ),
        (
            "- {targets: [a], labels: {__port: x}}",
            ["f:1:14: [0].targets[0]: port: must be a whole number, not 'x'"],
        ),
    ],
    ids=["no list", "no targets", "number", "labels", "setting", "hosts", "values", "store", "port"],
)
def test_mistakes_in_a_list(configured: Callable[[str], Config], text: str, messages: list[str]) -> None:
    """All of them are told with their places."""
    (source,) = configured("[{file_sd: f}]").sources
    with pytest.raises(Exception, match="f:1:") as caught:
        source.read("f", text, source.template)  # type: ignore[union-attr]
    told = str(caught.value).splitlines()
    assert len(told) == len(messages)
    assert all(line.startswith(message) for line, message in zip(told, messages, strict=True)), told


@asynccontextmanager
async def website(answers: Iterator[web.Response]) -> AsyncIterator[tuple[str, list[web.Request]]]:
    """A URL that gives one answer after the other, and what was asked."""
    asked: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request)
        return next(answers)

    app = web.Application()
    app.router.add_get("/smtp.json", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/smtp.json", asked
    finally:
        await runner.cleanup()


async def test_a_list_over_http(configured: Callable[[str], Config], monkeypatch: pytest.MonkeyPatch) -> None:
    """The last good list counts whatever the source answers later."""

    def answers() -> Iterator[web.Response]:
        yield web.json_response([{"targets": ["mx1.example.org"], "labels": {"site": "fra"}}])
        yield web.Response(status=503)
        yield web.Response(text="<html>")
        yield web.json_response([{"targets": ["mx1.example.org:0"]}])
        while True:
            yield web.json_response([{"targets": ["mx2.example.org"]}])

    async with website(answers()) as (url, asked):
        config = configured(f"[{{http_sd: '{url}', refresh_interval: 5s}}]")
        real_sleep = asyncio.sleep
        monkeypatch.setattr(asyncio, "sleep", lambda seconds: real_sleep(min(seconds, 0.01)))
        lists = []
        async with following(config) as followed:
            await followed.until(lambda: bool(followed.names()))
            while len(asked) < 5:
                lists.append(followed.names())
                await real_sleep(0.001)
            await followed.until(lambda: followed.names() == ["mx2.example.org:25"])
    assert set(map(tuple, lists)) <= {("mx1.example.org:25",), ("mx2.example.org:25",)}
    assert asked[0].headers["X-Prometheus-Refresh-Interval-Seconds"] == "5"
    assert followed.changes == 2


async def test_a_target_that_is_named_twice_counts_once(
    configured: Callable[[str], Config], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The file's own comes first; equal series would make the whole answer of /metrics invalid."""
    (tmp_path / "a.yml").write_text("[{targets: [mail.example.org, other.example.org]}]")
    config = configured("[{host: mail.example.org, timeout: 9s}, {file_sd: a.yml}]")
    async with following(config) as followed:
        await followed.until(lambda: len(followed.names()) == 2)
        (listed, _) = followed.discovery.targets()
    assert listed.timeout == 9.0
    assert [record.names for record in caplog.records if "more than once" in record.message] == [  # type: ignore[attr-defined]
        "mail.example.org:25"
    ]


async def test_a_source_that_stays_keeps_its_targets(
    configured: Callable[[str], Config], tmp_path: Path
) -> None:
    """Another configuration takes over without a gap; a source that is gone takes its targets along."""
    (tmp_path / "a.yml").write_text("[{targets: [mail.example.org]}]")
    zone = Zone(example_org=TWO)
    ways = Ways(zone, period=0.01)
    both = configured("[{mx: example.org}, {file_sd: a.yml}]")
    async with following(both, ways) as followed:
        await followed.until(lambda: len(followed.names()) == 3)
        followed.discovery.replace(configured("[{mx: example.org}, {file_sd: a.yml, timeout: 2s}]"))
        assert len(followed.names()) == 3
        await followed.until(lambda: followed.discovery.targets()[-1].timeout == 2.0)
        assert zone.asked == ["example.org"]
        followed.discovery.replace(configured("[{file_sd: a.yml, timeout: 2s}]"))
        assert followed.names() == ["mail.example.org:25"]
        assert list(followed.statistics.sources) == [("files", "a.yml")]


def test_summary(configured: Callable[[str], Config]) -> None:
    """`--config.check` tells of sources, too."""
    config = configured("[{mx: example.org}, {file_sd: a.yml}, {http_sd: 'http://cmdb/x'}]")
    assert "discovery:    example.org (mx), a.yml (files), http://cmdb/x (http)" in summary(config)


def test_identity_of_ordinary_targets_is_what_it_was() -> None:
    """The domain is part of it only where there is one."""
    plain, found = Target(name="a", host="a"), Target(name="a", host="a", domain="b")
    assert plain.id != found.id
    assert plain.id == "14644a5f904b"


async def test_a_fault_of_this_program_does_not_end_it(
    configured: Callable[[str], Config], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A source is asked again, whatever was raised."""
    monkeypatch.setattr(discovery_module, "AGAIN", 0.01)
    asked: list[str] = []

    async def look_up(domain: str) -> tuple[Exchange, ...]:
        asked.append(domain)
        if len(asked) < 3:
            raise RuntimeError("a fault")
        return TWO

    async with following(configured("[{mx: example.org}]"), Ways(look_up)) as followed:
        await followed.until(lambda: len(followed.names()) == 2)
    assert caplog.text.count("internal error in discovery") == 2
