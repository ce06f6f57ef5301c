"""Manual pages and completions, by the libraries that make them from argument parsers."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from pathlib import Path

import shtab
from argparse_manpage.manpage import Manpage  # type: ignore[import-untyped]  # has none


def manual(parser: argparse.ArgumentParser, purpose: str) -> str:
    """A page of section 1; without a date, which would change whenever the file is made."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter  # breaks no lines
    name = parser.prog.replace(" ", "-")
    text = str(Manpage(parser)).rstrip() + "\n"
    text = re.sub(
        r"^\.TH .*$",
        f'.TH {name.upper()} 1 "" "smtp-tls-exporter" "User commands"',
        text,
        count=1,
        flags=re.MULTILINE,
    )
    text = re.sub(r"^\.SH NAME\n.*$", f".SH NAME\n{name} \\\\- {purpose}", text, count=1, flags=re.MULTILINE)
    return text.replace("\n.SH COMMENTS\n", "\n.SH NOTES\n.nf\n")


def completions(
    check: argparse.ArgumentParser, daemon: argparse.ArgumentParser, probe: argparse.ArgumentParser
) -> Mapping[str, str]:
    """Each file by its path; `probe` and `healthy` complete as the first word of the daemon's command."""
    made = daemon.add_subparsers()
    made.add_parser("probe", parents=[probe], add_help=False, help="look at servers once")
    made.add_parser("healthy", help="ask whether an exporter is well")
    for parser in (check, daemon, probe):
        _complete_paths(parser)
    return {
        f"completions/{shell}/{prefix}{parser.prog}": shtab.complete(parser, shell=shell).rstrip() + "\n"
        for shell, prefix in (("bash", ""), ("zsh", "_"))
        for parser in (check, daemon)
    }


def _complete_paths(parser: argparse.ArgumentParser) -> None:
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to list its options
        if action.type is Path or "PATH" in str(action.metavar):
            action.complete = shtab.FILE  # type: ignore[attr-defined]
