"""Icinga 2's CheckCommand, in the form of its template library."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator

from deploy.generate.variables import Variable, variables

_HEAD = """\
// Icinga 2: the CheckCommand smtp_tls, with every option of check_smtp_tls as a custom variable.
// Adapt: nothing, but check_smtp_tls must be in the directory that the constant PluginDir names.
// Made by `python -m deploy.generate` from the options of the program.

object CheckCommand "smtp_tls" {
  import "ipv4-or-ipv6"

  command = [ PluginDir + "/check_smtp_tls" ]
  // Above the check's own time limit, which has a state of its own.
  timeout = 1m

  arguments = {
"""
_TAIL = """\
  }

  vars.smtp_tls_address = "$check_address$"
  vars.smtp_tls_verbose = true
}
"""


def command(parser: argparse.ArgumentParser) -> str:
    """The whole file."""
    return _HEAD + "".join(line for one in variables(parser) for line in _argument(one)) + _TAIL


def _argument(one: Variable) -> Iterator[str]:
    yield f"    {json.dumps(one.option)} = {{\n"
    yield f'      {"value" if one.takes_value else "set_if"} = "${one.name}$"\n'
    if one.repeatable:
        yield "      repeat_key = true\n"
    if one.required:
        yield "      required = true\n"
    yield f"      description = {json.dumps(one.description, ensure_ascii=False)}\n"
    yield "    }\n"
