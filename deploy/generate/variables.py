"""The options of the plugin as Icinga sees them: one custom variable each.

In: the argument parser. Out: for each option that a monitoring system can use its longest spelling, the name of the variable and
what it takes.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

_NAMES = {"--hostname": "address", "-4": "ipv4", "-6": "ipv6"}
"""Where the variable is not called like the option: Icinga's own checks say address, ipv4 and ipv6."""


_OF_NO_USE = {"--help", "--version", "--output"}
"""What only prints, and what Icinga could not read."""


@dataclass(frozen=True)
class Variable:
    """An option: its spelling, the variable that fills it, and whether it takes a value, or several."""

    option: str
    name: str
    description: str
    takes_value: bool
    repeatable: bool

    @property
    def required(self) -> bool:
        """Whether the command makes no sense without it."""
        return self.name == "smtp_tls_address"


def variables(parser: argparse.ArgumentParser) -> Iterator[Variable]:
    """One for each option that is of use there."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to list its options
        option = action.option_strings[-1]
        if option in _OF_NO_USE:
            continue
        yield Variable(
            option=option,
            name="smtp_tls_" + _NAMES.get(option, option.lstrip("-").replace("-", "_")),
            description=_sentence(action.help or ""),
            takes_value=action.nargs != 0,
            repeatable=action.nargs != 0 and isinstance(action.default, list),
        )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
