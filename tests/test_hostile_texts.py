"""What a hostile server says, from its socket to every rendering: it stays text, in its place.

One daemon watches a pair of servers for each text, one that shows it in its certificates and one that refuses
with it; the two commands look at the same servers.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sys
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from exporter.config import Config
from exporter.model import Policy, Target, TrustStore
from exporter.serve import logs
from exporter.serve.running import Address, Settings, running
from tests.hostile_texts import TEXTS, refusing, showing
from tests.peers import Peer
from tests.publish.test_page import Reader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from prometheus_client import Metric

    from exporter.demo.authority import Issued

HOST = "mail.example.org"
UNREADABLE = {"not-utf-8", "latin-1"}
"""Their certificates cannot be read, which is a problem of its own."""
ANSI_COLORS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Watched:
    """What the daemon said about all of them."""

    metrics: str
    page: str
    probes: Mapping[str, str]
    debug: Mapping[str, str]
    log: Sequence[logging.LogRecord]


@asynccontextmanager
async def servers(root: Issued) -> AsyncIterator[tuple[Target, ...]]:
    """The servers as targets, named after the text that they have."""
    async with AsyncExitStack() as stack:
        targets = []
        for name, text in TEXTS.items():
            for kind, steps in (("shows", showing(text, root)), ("refuses", refusing(text))):
                peer = await stack.enter_async_context(Peer(*steps))
                target = Target(
                    name=f"{kind} {name}",
                    host="127.0.0.1",
                    port=peer.port,
                    names=(HOST,),
                    sni=HOST,
                    ehlo_name="monitor.test",
                    policy=Policy(stores=("own",)),
                )
                targets.append(target)
        yield tuple(targets)


class Records(logging.Handler):
    """Keeps what was logged."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.kept: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it."""
        self.kept.append(record)


async def _watch(root: Issued) -> Watched:
    async with servers(root) as targets, asyncio.timeout(120):
        config = Config(
            path=Path("config.yaml"), targets=targets, stores={"own": TrustStore("own", (root.der,))}
        )
        settings = Settings(listen=[Address("127.0.0.1", 0)])
        async with running(config, settings) as daemon, aiohttp.ClientSession(daemon.urls[0]) as session:

            async def get(path: str, **query: str) -> str:
                async with session.get(path, params=query) as response:
                    assert response.status == 200
                    return (await response.read()).decode()  # all of it is UTF-8

            text = ""
            while text.count("\nsmtp_tls_state{") < len(targets):
                await asyncio.sleep(0.05)
                text = await get("/metrics")
            return Watched(
                metrics=text,
                page=await get("/"),
                probes={target.name: await get("/probe", target=target.name) for target in targets},
                debug={
                    target.name: await get("/probe", target=target.name, debug="true") for target in targets
                },
                log=(),
            )


@pytest.fixture(scope="module")
def watched(root: Issued) -> Watched:
    """One run of the daemon, with its log."""
    records, logger = Records(), logging.getLogger("exporter")
    before = logger.level
    logger.addHandler(records)
    logger.setLevel(logging.DEBUG)
    try:
        seen = asyncio.run(_watch(root))
    finally:
        logger.removeHandler(records)
        logger.setLevel(before)
    return Watched(seen.metrics, seen.page, seen.probes, seen.debug, records.kept)


def families(text: str, target: str) -> dict[str, tuple[str, frozenset[tuple[str, ...]]]]:
    """Of one target: each family's type and the sets of labels that its series have."""
    parsed: list[Metric] = list(text_string_to_metric_families(text))
    found = {}
    for family in parsed:
        series = [s.labels for s in family.samples if s.labels.get("target", target) == target]
        if series:
            found[family.name] = (family.type, frozenset(tuple(sorted(labels)) for labels in series))
    return found


@pytest.mark.parametrize("name", [name for name in TEXTS if name != "harmless"])
@pytest.mark.parametrize("kind", ["shows", "refuses"])
def test_the_exposition_is_read_back(watched: Watched, kind: str, name: str) -> None:
    """Prometheus' own parser finds the same families, types and labels as with a harmless text."""
    for text, like in (
        (watched.metrics, watched.metrics),
        (watched.probes[f"{kind} {name}"], watched.probes[f"{kind} harmless"]),
    ):
        read, expected = families(text, f"{kind} {name}"), families(like, f"{kind} harmless")
        if kind == "shows" and name in UNREADABLE:
            assert read.items() <= expected.items() | {("", ("", frozenset()))}
        else:
            assert read == expected


def test_no_series_is_forged(watched: Watched) -> None:
    """There is one state for each target, every target is one of ours, and every label is one line."""
    samples = [s for family in text_string_to_metric_families(watched.metrics) for s in family.samples]
    states = Counter(s.labels["target"] for s in samples if s.name == "smtp_tls_state")
    assert states == dict.fromkeys((f"{kind} {name}" for name in TEXTS for kind in ("shows", "refuses")), 1)
    assert all(value.isprintable() for sample in samples for value in sample.labels.values())


def test_the_texts_did_arrive(watched: Watched) -> None:
    """Subject and issuer of every readable certificate are among the labels, where a person looks for them."""
    for name in TEXTS.keys() - UNREADABLE:
        (info,) = {
            (sample.labels["subject"], sample.labels["issuer"])
            for family in text_string_to_metric_families(watched.metrics)
            for sample in family.samples
            if sample.name == "smtp_tls_cert_info"
            and sample.labels["target"] == f"shows {name}"
            and sample.labels["position"] == "0"
        }
        assert all("evil:" in value for value in info), name


def test_the_page_shows_it_as_text(watched: Watched) -> None:
    """No text becomes a tag or an attribute; what looks like one can be read."""
    reader = Reader(watched.page)
    assert not {tag for tag, _ in reader.tags} & {"script", "img"}
    assert not [name for _, attributes in reader.tags for name in attributes if name.startswith("on")]
    assert "<script>alert(1)</script>" in reader.text
    assert all(character.isprintable() or character == "\n" for character in watched.page)
    rows = Counter(tag for tag, _ in reader.tags)
    assert rows["html"] == rows["body"] == 1


def test_the_debug_text_keeps_its_lines(watched: Watched) -> None:
    """Every line of /probe?debug=true is printable, and there are as many as with a harmless text."""
    for name, text in watched.debug.items():
        assert all(line.isprintable() for line in text.removesuffix("\n").split("\n")), name
        if name.partition(" ")[2] not in UNREADABLE:
            like = watched.debug[name.partition(" ")[0] + " harmless"]
            assert text.count("\n") == like.count("\n"), name


LOGFMT = re.compile(r'(?:[a-z_]+=(?:[^\s"=]*|"(?:[^"\\]|\\.)*")(?: |$))+')


@pytest.mark.parametrize("form", logs.FORMATS)
def test_a_log_record_stays_one_record(watched: Watched, form: str) -> None:
    """Each record is one line of its format, and says what was said about one target."""
    refused = [record for record in watched.log if str(vars(record).get("target")).startswith("refuses")]
    assert {vars(record)["target"] for record in refused} == {f"refuses {name}" for name in TEXTS}
    for record in watched.log:
        line = logs.FORMATS[form]().format(record)
        assert line.isascii()
        assert line.isprintable()
        if form == "json":
            assert json.loads(line)["level"] == record.levelname
        else:
            assert LOGFMT.fullmatch(line), line
            assert re.sub(r'"(?:[^"\\]|\\.)*"', "", line).count("level=") == 1
    assert all("evil:" in str(vars(record)["detail"]) for record in refused)


CHECK = "import sys; from exporter.cli import check_smtp_tls; sys.exit(check_smtp_tls())"


async def run(*command: str) -> tuple[int | None, str]:
    """Exit status and standard output, which is UTF-8; nothing is said on standard error."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert not err
    return process.returncode, out.decode()


@pytest.mark.parametrize("name", TEXTS)
async def test_the_plugin_says_one_line(name: str, root: Issued, tmp_path: Path) -> None:
    """Nagios reads one line with one bar, and lines below it without any, all of them printable."""
    trusted = tmp_path / "root.pem"
    trusted.write_text(root.pem)
    for steps, status in ((showing(TEXTS[name], root), 0), (refusing(TEXTS[name]), 2)):
        async with Peer(*steps) as peer:
            where = ("-H", "127.0.0.1", "-p", str(peer.port), "-n", HOST, "-r", str(trusted), "-t", "60")
            ended, said = await run("-c", CHECK, *where, "-vvv")
        assert ended == status or (name in UNREADABLE and ended == 2)
        first, *below = said.removesuffix("\n").split("\n")
        assert first.startswith("SMTP_TLS ")
        assert first.isprintable()
        assert first.count("|") == 1
        assert len(first.encode()) < 1024
        assert all(line.isprintable() and "|" not in line for line in below)
        assert any("evil:" in line for line in below)


@pytest.mark.parametrize("name", TEXTS)
async def test_probe_tells_a_person_and_a_program(name: str, root: Issued, tmp_path: Path) -> None:
    """The report has printable lines alone, and the JSON, one line too, has the text itself."""
    trusted = tmp_path / "root.pem"
    trusted.write_text(root.pem)
    async with Peer(*showing(TEXTS[name], root)) as peer:
        command = (
            "-m",
            "exporter",
            "probe",
            f"127.0.0.1:{peer.port}",
            "--name",
            HOST,
            "--trust",
            str(trusted),
        )
        (_, report), (_, told) = await asyncio.gather(
            run(*command, "--transcript", "--timeout", "60"), run(*command, "--json", "--timeout", "60")
        )
    assert all(ANSI_COLORS.sub("", line).isprintable() for line in report.removesuffix("\n").split("\n"))
    assert "evil:" in report
    (line,) = told.removesuffix("\n").split("\n")
    assert line.isprintable()
    document = json.loads(line)
    assert document["smtp"]["greeting"].startswith("220 evil:")
    if name not in UNREADABLE:
        assert document["chain"][0]["subject"].startswith("CN=evil:")
