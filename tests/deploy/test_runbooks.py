"""The runbooks: each problem's section has all its parts, and its commands show on the demo's servers what it says that they show."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from exporter.demo.cases import CASES
from exporter.model import ProblemKind
from tests.deploy.copied import code_words, section
from tests.laboratory import demo_in_thread
from tests.programs import program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from exporter.demo import Demo

PARTS = ("Means", "Users see", "Confirm", "Do", "Clients say")
PLACES = ("Exchange", "Postfix", "Exim", "Windows", "Java")
SHOWN_BY = {kind: next((case for case in CASES if case.problems == {kind}), None) for kind in ProblemKind}
"""The server of the demo that has this problem alone; the commands for what no server has are tried on the healthy one."""
AS_FOR_HEALTHY = {
    ProblemKind.REVOCATION_UNKNOWN: "URI:",
    ProblemKind.CHAIN_INVALID: "",
    ProblemKind.WEAK_KEY: "Public-Key: (256 bit)",
    ProblemKind.WEAK_SIGNATURE: "Signature Algorithm: ecdsa-with-SHA256",
    ProblemKind.LEGACY_TLS: "New, TLSv1.2",
    ProblemKind.PLAINTEXT_INJECTION: "\n220 ",
    ProblemKind.UNREACHABLE: "CONNECTED",
}


@pytest.fixture(scope="module")
def lab() -> Iterator[Demo]:
    """The demo's servers, one for each cause."""
    with demo_in_thread() as demo:
        yield demo


def _runbook(kind: ProblemKind) -> str:
    return section("runbooks.md", "SmtpTls" + kind.title().replace("_", ""))


def _parts(kind: ProblemKind) -> dict[str, str]:
    found = re.split(rf"^\*\*({'|'.join(PARTS)})\*\*", _runbook(kind), flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


@pytest.mark.parametrize("kind", list(ProblemKind))
def test_every_runbook_has_all_parts(kind: ProblemKind) -> None:
    """What it means, how users see it, how to confirm it with openssl, what to do where; and, if it keeps anybody away, in which words."""
    parts = _parts(kind)
    wanted = PARTS if kind is not ProblemKind.UNREACHABLE else PARTS[:-1]
    assert tuple(parts) == wanted
    assert all(text.strip() for text in parts.values())
    assert "openssl s_client" in parts["Confirm"]
    for place in PLACES:
        assert place in parts["Do"], f"{kind}: nothing about {place}"


@pytest.mark.servers
@pytest.mark.parametrize("kind", list(ProblemKind))
def test_commands_show_what_they_say(kind: ProblemKind, lab: Demo, tmp_path: Path) -> None:
    """Pasted with a server's own name, port and root, the block prints the first thing that the sentence below it promises."""
    text = _parts(kind)["Confirm"]
    found = re.search(r"^```sh\n(.*?)^```\n\nprints (.*?)(?:\n\n|\Z)", text, re.DOTALL | re.MULTILINE)
    assert found, "a block, and a sentence that says what it prints"
    case = SHOWN_BY[kind] or next(case for case in CASES if case.name == "healthy")
    server = lab.servers[case.name]
    block = found[1].replace("mx1.example.org:25", f"{server.host}:{server.port}")
    block = block.replace("mx1.example.org/25", f"{server.host}/{server.port}")
    block = block.replace("mx1.example.org", case.expects).replace("contoso-root.pem", str(lab.root_path))
    program("curl")
    program("openssl")
    done = subprocess.run(
        ["bash", "-uc", block], capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60
    )
    promised = sorted(code_words(found[2]), key=found[2].index)
    assert promised
    expected = promised[0] if SHOWN_BY[kind] else AS_FOR_HEALTHY[kind]
    assert expected in done.stdout, done.stdout + done.stderr
    assert done.stderr == ""
