"""Reloads: what they keep, and what makes one happen."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import pytest

from exporter import trust
from exporter.config import Config, ConfigError, Module, Mx, load
from exporter.config.sources import Template
from exporter.evidence.mx import Exchange, MxError
from exporter.model import Policy, Reason, Target
from exporter.serve import watch
from exporter.serve.reloading import Reloader
from exporter.serve.running import Address, Running, Settings, running
from exporter.serve.sources import Ways
from tests.serve.test_discovery import until
from tests.serve.test_running import fetch, fetch_when

HERE = Settings(listen=[Address("127.0.0.1", 0)])


async def post(daemon: Running, **headers: str) -> tuple[int, str]:
    """Ask for a reload."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(daemon.urls[0] + "-/reload", headers=headers) as response,
    ):
        return response.status, await response.text()


def refusing(name: str, port: int = 1, **more: object) -> Target:
    """A target that refuses connections at once."""
    return Target(name=name, host="127.0.0.1", port=port, names=(), **more)  # type: ignore[arg-type]


class Loader:
    """Gives one configuration or error after the other."""

    def __init__(self, *answers: Config | Exception) -> None:
        self._answers = list(answers)

    def __call__(self) -> Config:
        """Load."""
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def config(*targets: Target, files: Sequence[Path] = ()) -> Config:
    """A configuration with these targets and no trust store."""
    return Config(path=Path("config.yaml"), targets=targets, files=tuple(files))


async def test_a_request_reloads() -> None:
    """New targets are probed, old ones keep their results, and mistakes answer 500 with all messages."""
    policy = Policy(stores=())
    one, two = refusing("one", policy=policy), refusing("two", policy=policy)
    loader = Loader(config(one, two), ConfigError(("first mistake", "second\nmistake")))
    async with asyncio.timeout(60), running(config(one), HERE, loader) as daemon:
        before = await fetch_when(daemon, "metrics", 1, "\nsmtp_tls_state{")
        stamp = next(line for line in before.splitlines() if line.startswith("smtp_tls_last_probe_timestamp"))
        assert await post(daemon) == (200, "Reloaded\n")
        after = await fetch_when(daemon, "metrics", 2, "\nsmtp_tls_state{")
        assert stamp in after, "the first target was probed again"
        assert await post(daemon) == (500, "The old configuration stays:\nfirst mistake\nsecond mistake\n")
        _, text = await fetch(daemon, "metrics")
        assert "\nsmtp_tls_exporter_config_last_reload_successful 0.0\n" in text
        assert "\nsmtp_tls_exporter_targets 2.0\n" in text
        assert (await post(daemon, **{"Sec-Fetch-Site": "cross-site"}))[0] == 403
        assert (await fetch(daemon, "-/reload"))[0] == 405


async def test_nothing_to_reload() -> None:
    """Where there is no way to read a configuration, the request says so."""
    async with running(config(), HERE) as daemon:
        assert (await post(daemon))[0] == 503


async def test_a_domain_is_shown_until_it_is_known() -> None:
    """Without exchanges it stands as unreachable under its own name; with them they stand instead."""
    known = asyncio.Event()

    async def look_up(_domain: str) -> tuple[Exchange, ...]:
        if not known.is_set():
            raise MxError(Reason.DNS_FAILURE, "no name server")
        return (Exchange(10, "127.0.0.1"),)

    template = Template(own=Module(interval=1.0, stores=(), names=()), defaults=Module(), port=1)
    domain = Config(path=Path("c"), sources=(Mx(domain="example.org", template=template),))
    settings = Settings(listen=[Address("127.0.0.1", 0)], ways=Ways(look_up))
    async with asyncio.timeout(60), running(domain, settings) as daemon:
        text = await fetch_when(daemon, "metrics", 1, "\nsmtp_tls_state{")
        labels = 'target="example.org",address="",mx="example.org"'
        assert f'smtp_tls_probe_failure_info{{{labels},stage="resolve",reason="dns_failure"}} 1' in text
        assert f'smtp_tls_problem{{{labels},problem="unreachable"}} 1' in text
        assert (await fetch(daemon, "probe", target="example.org"))[0] == 403
        assert await fetch(daemon, "sd") == (200, "[]")
        known.set()
        labels = 'target="127.0.0.1:1",address="127.0.0.1",mx="example.org",preference="10"'
        text = await fetch_when(daemon, "metrics", 1, f"\nsmtp_tls_state{{{labels}}}")
        assert 'target="example.org"' not in text
        assert 'smtp_tls_exporter_discovery_targets{kind="mx",source="example.org"} 1.0' in text
        status, listed = await fetch(daemon, "sd")
        assert (status, listed) == (
            200,
            '[{"targets": ["127.0.0.1:1"], "labels": {"__meta_smtp_tls_host": "127.0.0.1", '
            '"__meta_smtp_tls_port": "1", "__meta_smtp_tls_mode": "starttls", '
            '"__meta_smtp_tls_label_mx": "example.org", "__meta_smtp_tls_label_preference": "10"}}]',
        )


async def test_a_storm_of_reloads_loses_nothing() -> None:
    """A hundred reloads while five hundred targets are probed: every target has its result, no task is left."""
    policy = Policy(stores=())
    targets = [refusing(f"t{n}", policy=policy, interval=2_592_000.0) for n in range(500)]
    changed = refusing("t7", policy=policy, interval=2_592_000.0, timeout=9.0)
    last = [*targets[:7], changed, *targets[8:]]
    loader = Loader(*[config(*targets) for _ in range(99)], config(*last))
    tasks = len(asyncio.all_tasks())
    async with asyncio.timeout(120):
        async with running(config(*targets), HERE, loader) as daemon:
            statuses = [(await post(daemon))[0] for _ in range(99)]
            text = await fetch_when(daemon, "metrics", 500, "\nsmtp_tls_state{")
            while "\nsmtp_tls_exporter_probes_in_flight 0.0\n" not in text:
                _, text = await fetch(daemon, "metrics")
            probes = probed(text)
            assert probes == 500
            statuses.append((await post(daemon))[0])
            while probed(text) < 501:
                _, text = await fetch(daemon, "metrics")
            assert text.count("\nsmtp_tls_state{") == 500
        assert set(statuses) == {200}
        await until(lambda: len(asyncio.all_tasks()) <= tasks)


def probed(text: str) -> float:
    """How many probes have ended."""
    line = next(line for line in text.splitlines() if line.startswith("smtp_tls_exporter_probes_total "))
    return float(line.rpartition(" ")[2])


async def test_changed_files_reload(tmp_path: Path) -> None:
    """A file that has changed and then stays is read once; the files are those of the new configuration."""
    first, second = tmp_path / "a", tmp_path / "b"
    for path in (first, second):
        path.write_text("1")
    loader = Loader(config(files=[second]), ConfigError(("wrong",)), config(files=[second]))
    taken: asyncio.Queue[Config | None] = asyncio.Queue()
    reloader = Reloader(loader, taken.put, config(files=[first]))
    watching = asyncio.create_task(reloader.watch(0.01))
    async with asyncio.timeout(30):
        await asyncio.sleep(0.5)  # the first look, however busy the machine is
        first.write_text("22")
        assert await taken.get() is not None
        first.write_text("333")
        await asyncio.sleep(0.5)
        assert taken.empty(), "a file is watched that no longer counts"
        second.unlink()
        assert await taken.get() is None
        second.write_text("1")
        assert await taken.get() is not None
    watching.cancel()


async def test_what_was_reloaded_is_not_reloaded_again(tmp_path: Path) -> None:
    """Whoever asks for a reload after changing a file gets one reload, and so does who makes a mistake."""
    path = tmp_path / "a"
    path.write_text("1")
    loader = Loader(config(files=[path]), ConfigError(("wrong",)), RuntimeError("ours"), config(files=[path]))
    taken: asyncio.Queue[Config | None] = asyncio.Queue()
    reloader = Reloader(loader, taken.put, config(files=[path]))
    watching = asyncio.create_task(reloader.watch(0.05))
    async with asyncio.timeout(30):
        await asyncio.sleep(0.5)
        for number in range(3):
            path.write_text("2" * number)
            await reloader.reload()
            await asyncio.sleep(0.3)
            assert taken.qsize() == 1, "the change was known"
            await taken.get()
        path.write_text("333")
        assert await taken.get() is not None
    watching.cancel()


def test_signatures(tmp_path: Path) -> None:
    """They tell every way in which files change."""
    file = tmp_path / "roots" / "a.pem"
    file.parent.mkdir()
    states = [watch.signature([tmp_path / "x", file.parent])]
    file.write_text("1")
    states.append(watch.signature([tmp_path / "x", file.parent]))
    os.utime(file, ns=(1, 1))
    states.append(watch.signature([tmp_path / "x", file.parent]))
    (tmp_path / "x").symlink_to(file)
    states.append(watch.signature([tmp_path / "x", file.parent]))
    assert len(set(states)) == 4
    assert watch.signature([tmp_path / "x", file.parent]) == states[-1]


@pytest.mark.parametrize("files", [(), ("password",)])
def test_what_is_watched(tmp_path: Path, files: tuple[str, ...]) -> None:
    """The file itself, the files of trust stores, and passwords."""
    path = tmp_path / "config.yaml"
    text = "targets: []\n"
    if files:
        (tmp_path / "password").write_text("secret\n")
        auth = "{username: me, password_file: password}"
        text += f"defaults: {{transaction: {{mail_from: '', rcpt_to: a@b.example, auth: {auth}}}}}\n"
    path.write_text(text)
    assert load(path, trust.load).files == (path, *(tmp_path / name for name in files))


async def test_a_fault_of_this_program_keeps_the_old_configuration(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever loading raises, it is told, and the daemon goes on."""

    def broken() -> Config:
        raise RuntimeError("a fault")

    taken: asyncio.Queue[Config | None] = asyncio.Queue()
    assert await Reloader(broken, taken.put, config(files=[])).reload() == (
        "internal error: RuntimeError: a fault",
    )
    assert (taken.qsize(), taken.get_nowait()) == (1, None)
    assert "internal error while reloading" in caplog.text
