"""The arguments that the commands which look once share, and what they mean.

Comes in: the text of arguments. Goes out: values and a `Target`. Wrong text becomes a `UsageError`
with a message for people; nothing is connected to or printed here, but for `--help`.
"""

from __future__ import annotations

import argparse
import contextlib
import sys

import exporter
from exporter import hosts
from exporter.words import IMPLICIT_TLS_PORT, Addresses, IpFamily, Mode

TYPE_CHECKING = False  # as in process.py

if TYPE_CHECKING:
    from collections.abc import Callable
    from ipaddress import IPv4Network, IPv6Network
    from typing import NoReturn, TypeVar

    from exporter.model import Policy, Target

    T = TypeVar("T")

STARTTLS_PORT = 25

MAX_TIMEOUT = 3600.0
"""Seconds. More is a typing error."""


class UsageError(Exception):
    """The arguments make no sense; the message says which and why."""


def _unmeasured(prog: str) -> argparse.HelpFormatter:
    """What argparse checks each option with. To measure the terminal it would load archivers, for 4 ms."""
    return argparse.RawDescriptionHelpFormatter(prog, width=80)


class Parser(argparse.ArgumentParser):
    """An argument parser that leaves it to the command how to report wrong usage.

    Args:
        prog: name of the command.
        description: what it does.
        epilog: what else to know.
        help_status: exit status of `--help` and `--version`.
    """

    def __init__(self, prog: str, description: str, epilog: str, help_status: int) -> None:
        super().__init__(
            prog=prog,
            description=description,
            epilog=epilog,
            formatter_class=_unmeasured,
            allow_abbrev=False,
            add_help=False,
        )
        self._help_status = help_status
        self.add_argument("-h", "--help", action="help", help="show this help and exit")

    def add_version(self, *flags: str) -> None:
        """Add the option that prints the version."""
        version = f"%(prog)s {exporter.__version__}"
        self.add_argument(*flags, action="version", version=version, help="show the version and exit")

    def format_help(self) -> str:
        """The help, as wide as the terminal."""
        self.formatter_class = argparse.RawDescriptionHelpFormatter
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        """Wrong usage."""
        raise UsageError(message)

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:  # noqa: ARG002 - argparse's signature
        """After `--help` and `--version`; their text is printed already."""
        sys.exit(self._help_status)


def add_connection(parser: argparse.ArgumentParser, *ehlo_flags: str) -> None:
    """The options about how to connect that both commands have."""
    family = parser.add_mutually_exclusive_group()
    family.set_defaults(family=IpFamily.ANY)
    for flag, value in (("4", IpFamily.IPV4), ("6", IpFamily.IPV6)):
        family.add_argument(
            f"-{flag}", dest="family", action="store_const", const=value, help=f"use IPv{flag} only"
        )
    parser.add_argument(
        "--sni",
        metavar="NAME",
        type=checked(hosts.check_name),
        help="server name to send (default: the name)",
    )
    parser.add_argument(
        *ehlo_flags,
        dest="ehlo_name",
        metavar="NAME",
        type=checked(hosts.check_ehlo_name),
        help="name to say EHLO with (default: this machine's)",
    )


def add_evidence(parser: argparse._ActionsContainer) -> None:
    """The options about what may be fetched."""
    parser.add_argument(
        "--allow-network",
        dest="allow_networks",
        action="append",
        default=[],
        metavar="NETWORK",
        type=checked(_network),
        help="where URLs in certificates may lead although it is refused by default, such as this machine "
        "(may be repeated)",
    )


def _network(text: str) -> IPv4Network | IPv6Network:
    from exporter.config import networks  # noqa: PLC0415 - for those who ask for it

    return networks.parse_network(text)


# --- types of arguments ---------------------------------------------------------------------------


def checked(check: Callable[[str], T]) -> Callable[[str], T]:
    """A type for argparse that shows the message of a ValueError."""

    def convert(text: str) -> T:
        try:
            return check(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return convert


def seconds(text: str) -> float:
    """A positive number of seconds, up to `MAX_TIMEOUT`.

    Raises:
        ValueError: it is not.
    """
    with contextlib.suppress(ValueError):
        if 0 < (value := float(text)) <= MAX_TIMEOUT:
            return value
    raise ValueError(f"must be seconds, more than 0 and at most {MAX_TIMEOUT:g}, not {text!r}")


def name_or_address(text: str) -> str:
    """A name that a certificate can carry.

    Raises:
        ValueError: it is none.
    """
    return text if hosts.is_address(text) else hosts.check_name(text)


# --- what is wanted -------------------------------------------------------------------------------


def target(given: argparse.Namespace, host: str, number: int | None, policy: Policy) -> Target:
    """The target that the options describe.

    Args:
        given: the options `mode`, `names`, `sni`, `ehlo_name`, `family` and `timeout`.
        host: where to connect.
        number: the port; None for 465 with implicit TLS and 25 otherwise.
        policy: how to judge.
    """
    from exporter.model import Target  # noqa: PLC0415 - --help and --exporter have none

    number = number or (IMPLICIT_TLS_PORT if given.mode is Mode.TLS else STARTTLS_PORT)
    names = tuple(dict.fromkeys(given.names)) or (given.sni or hosts.default_name(host),)
    return Target(
        name=hosts.display_name(host, number),
        host=host,
        port=number,
        mode=given.mode or Mode.for_port(number),
        names=names,
        sni=(given.sni or hosts.default_sni(host, names)).removesuffix("."),
        ehlo_name=given.ehlo_name or "",
        timeout=given.timeout,
        addresses=Addresses.ALL if getattr(given, "all_addresses", False) else Addresses.FIRST,
        ip_family=given.family,
        policy=policy,
    )
