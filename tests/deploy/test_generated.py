"""What is made from the options: up to date, and read by the programs that it is made for."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.deploy.copied import DEPLOY, TOP
from tests.programs import program

if TYPE_CHECKING:
    from pathlib import Path

PAGES = sorted((DEPLOY / "man").glob("*.1"))
COMPLETIONS = DEPLOY / "completions"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the generator makes now."""
    into = tmp_path_factory.mktemp("generated")
    subprocess.run([sys.executable, "-m", "deploy.generate", into], cwd=TOP, check=True)
    return into


def test_nothing_is_stale(made: Path) -> None:
    """Each file in the repository is what the options of the commands make now, and none is forgotten."""
    files = {path.relative_to(made) for path in made.rglob("*") if path.is_file()}
    assert len(files) == 14
    for name in files:
        kept = (DEPLOY / name).read_text(encoding="utf-8")
        assert kept == (made / name).read_text(encoding="utf-8"), (
            f"stale: run python -m deploy.generate ({name})"
        )
    for folder in ("man", "completions/bash", "completions/zsh", "helm/smtp-tls-exporter/files"):
        assert {path.relative_to(DEPLOY) for path in (DEPLOY / folder).iterdir()} <= files


def test_basket_is_whole() -> None:
    """Each field of the command exists, each argument has its variable, and nothing has the identity of another."""
    basket = json.loads((DEPLOY / "icinga2" / "director-basket.json").read_text(encoding="utf-8"))
    command, fields = basket["Command"]["smtp_tls"], basket["Datafield"]
    assert [str(field["datafield_id"]) for field in command["fields"]] == list(fields)
    used = [one.get("value", one.get("set_if")) for one in command["arguments"].values()]
    assert used == [f"${field['varname']}$" for field in fields.values()]
    assert basket["ServiceTemplate"]["smtp-tls"]["check_command"] == command["object_name"]
    identities = re.findall(r'"uuid": "([0-9a-f-]{36})"', json.dumps(basket))
    assert len(identities) == len(set(identities)) == len(fields) + 2


def test_basket_and_command_agree() -> None:
    """The Director gives the plugin what the CheckCommand gives it."""
    basket = json.loads((DEPLOY / "icinga2" / "director-basket.json").read_text(encoding="utf-8"))
    arguments = basket["Command"]["smtp_tls"]["arguments"]
    command = (DEPLOY / "icinga2" / "smtp-tls.conf").read_text(encoding="utf-8")
    found = re.findall(
        r'^    "(-[^"]+)" = \{\n +(value|set_if) = "(\S+)"\n( +repeat_key = true\n)?', command, re.MULTILINE
    )
    assert found
    assert {
        option: {kind: value, **({"repeat_key": True} if repeated else {})}
        for option, kind, value, repeated in found
    } == {
        option: {key: value for key, value in one.items() if key in {"value", "set_if", "repeat_key"}}
        for option, one in arguments.items()
    }


@pytest.mark.servers
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_manual_pages_render(page: Path) -> None:
    """groff has nothing to warn of, and the page has its parts."""
    rendered = subprocess.run(
        [program("groff"), "-ww", "-man", "-Tutf8", "-P-cbou", page],
        capture_output=True,
        text=True,
        check=True,
    )
    assert rendered.stderr == ""
    takes = "NOTES" if page.stem.endswith("-healthy") else "OPTIONS"  # one takes an argument alone
    for heading in ("NAME", "SYNOPSIS", "DESCRIPTION", takes):
        assert re.search(rf"^{heading}$", rendered.stdout, re.MULTILINE)
    assert re.search(rf"^ +{page.stem} +[-\N{{HYPHEN}}\N{{MINUS SIGN}}] \w", rendered.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["check_smtp_tls", "--all-"], {"--all-addresses"}),
        (["check_smtp_tls", "--response-w"], {"--response-warning"}),
        (["check_smtp_tls", "--output", "ch"], {"checkmk"}),
        (["smtp-tls-exporter", "--storage"], {"--storage.path"}),
        (["smtp-tls-exporter", "pro"], {"probe"}),
        (["smtp-tls-exporter", "hea"], {"healthy"}),
        (["smtp-tls-exporter", "probe", "--trans"], {"--transcript"}),
    ],
    ids=" ".join,
)
def test_bash_completes(words: list[str], expected: set[str]) -> None:
    """bash loads the file without a word, and completes options, their values and the first word."""
    command = words[0]
    asked = " ".join(words)
    script = f"""
        source {COMPLETIONS}/bash/{command}
        COMP_WORDS=({asked}); COMP_CWORD={len(words) - 1}
        $(complete -p {command} | sed 's/.*-F \\([^ ]*\\).*/\\1/')
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert {line.strip() for line in done.stdout.splitlines()} == expected


@pytest.mark.servers
@pytest.mark.parametrize("command", ["check_smtp_tls", "smtp-tls-exporter"])
def test_zsh_loads_the_completion(command: str) -> None:
    """zsh finds the function by its name, and has nothing to say against it."""
    script = f"""
        fpath=({COMPLETIONS}/zsh $fpath)
        autoload -Uz compinit && compinit -D -u
        autoload -Uz +X _{command} && print -r -- $_comps[{command}]
    """
    done = subprocess.run([program("zsh"), "-f", "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout.strip() == f"_{command}"
