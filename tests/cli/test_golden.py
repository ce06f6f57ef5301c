"""What `probe` prints of each server of the demo, kept as files that people can read.

    python -m tests.cli.test_golden        writes them anew

What differs from run to run (dates, digests, ports, times) is masked; every word of ours is compared.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exporter.cli.probe import main
from exporter.demo import Demo
from exporter.demo.cases import CASES

if TYPE_CHECKING:
    from exporter.demo.cases import Case

GOLDEN = Path(__file__).parent.parent / "golden"
MASKS = (
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"(serial +)[0-9A-F]+", r"\1SERIAL"),
    (r"\b[0-9A-F]{64}\b", "SHA256"),
    (r"\b[0-9A-F]{40}\b", "SHA1"),
    (r"(protocol +).*", r"\1NEGOTIATED"),
    (r"took [0-9.]+ s", "took TIME"),
    (r"\w{3}, \d+ \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}", "DATE"),
    (r"\d{4}-\d\d-\d\d( \d\d:\d\d(:\d\d)?)?", "DATE"),
)


def masked(text: str) -> str:
    """A report without what differs from run to run, and with its lines' breaks undone."""
    for pattern, name in MASKS:
        text = re.sub(pattern, name, text)
    return text


def printed(lab: Demo, case: Case) -> str:
    """What the command prints of one server."""
    server = lab.servers[case.name]
    out = io.StringIO()
    mode = f"--{case.mode}"
    arguments = [
        "--name",
        case.expects,
        "--trust",
        f"contoso={lab.root_path}",
        "--ehlo-name",
        "monitor.test",
        "--allow-network",
        "127.0.0.0/8",
    ]
    with contextlib.redirect_stdout(out):
        main([f"127.0.0.1:{server.port}", mode, *arguments])
    return masked(out.getvalue())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_report(lab: Demo, case: Case) -> None:
    """The report is the one that was agreed on, word for word."""
    assert printed(lab, case) == (GOLDEN / f"{case.name}.txt").read_text(encoding="utf-8")


def test_no_file_too_many() -> None:
    """There is a file for every case and none besides."""
    assert {path.stem for path in GOLDEN.glob("*.txt")} == {case.name for case in CASES}


async def write() -> None:
    """Write all files anew."""
    async with Demo() as lab:
        for case in CASES:
            text = await asyncio.to_thread(printed, lab, case)
            (GOLDEN / f"{case.name}.txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(write())
