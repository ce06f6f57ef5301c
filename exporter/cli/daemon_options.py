"""The daemon's flags, spelled as in Prometheus' own exporters: text in, checked values out."""

from __future__ import annotations

import argparse
import os
import platform
import re
from pathlib import Path

from exporter import __version__
from exporter.serve import logs
from exporter.serve.running import Address
from exporter.serve.shard import Shard

_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")
MAX_WORKERS = 256
_TAKEN = frozenset({"/probe", "/style.css", "/-/healthy", "/-/ready", "/-/reload", "/sd", "/config"})


def parser() -> argparse.ArgumentParser:
    """The flags and their help texts."""
    flags = argparse.ArgumentParser(
        prog="smtp-tls-exporter",
        description="Watch the certificates of SMTP servers, and tell Prometheus what is wrong with them.",
        epilog="smtp-tls-exporter probe HOST[:PORT] looks at one server, smtp-tls-exporter healthy [URL] asks whether an exporter is well; "
        "both have a --help of their own.",
        allow_abbrev=False,
    )
    flags.add_argument(
        "--config.file",
        dest="config_file",
        type=Path,
        default=Path("config.yaml"),
        metavar="FILE",
        help="configuration to read (default: config.yaml)",
    )
    flags.add_argument(
        "--config.check",
        dest="config_check",
        action="store_true",
        help="check the configuration, print what it amounts to, and exit",
    )
    flags.add_argument(
        "--demo",
        action="store_true",
        help="start a mail server for every cause on loopback and watch those; needs no configuration",
    )
    _add_operation_flags(flags)
    _add_web_flags(flags)
    _add_log_flags(flags)
    version = f"%(prog)s {__version__} (Python {platform.python_version()})"
    flags.add_argument("--version", action="version", version=version)
    return flags


def _add_operation_flags(flags: argparse.ArgumentParser) -> None:
    flags.add_argument(
        "--workers",
        type=workers,
        default=1,
        metavar="NUMBER",
        help="processes that probe, auto for one for each core (default: 1, the one that serves)",
    )
    flags.add_argument(
        "--shard",
        type=shard,
        default=Shard(),
        metavar="INDEX/COUNT",
        help="probe only this process' share of the targets, such as 0/4 to 3/4 (default: all, 0/1)",
    )
    flags.add_argument(
        "--storage.path",
        dest="storage_path",
        type=Path,
        metavar="FILE",
        help="keep the last results in this file over restarts (default: nowhere)",
    )


def _add_log_flags(flags: argparse.ArgumentParser) -> None:
    flags.add_argument(
        "--log.level",
        dest="log_level",
        choices=list(logs.LEVELS),
        default="info",
        help="least severity that is logged (default: info)",
    )
    flags.add_argument(
        "--log.format",
        dest="log_format",
        choices=list(logs.FORMATS),
        default="logfmt",
        help="how log lines are written (default: logfmt)",
    )


def _add_web_flags(flags: argparse.ArgumentParser) -> None:
    flags.add_argument(
        "--web.listen-address",
        dest="listen",
        action="append",
        type=listen_address,
        metavar="[HOST]:PORT",
        help="where to listen, repeatable (default: :10465, every address of this machine)",
    )
    flags.add_argument(
        "--web.config.file",
        dest="web_config_file",
        type=Path,
        metavar="FILE",
        help="TLS and users of the web server, in the format of Prometheus' exporters",
    )
    flags.add_argument(
        "--web.telemetry-path",
        dest="telemetry_path",
        type=telemetry_path,
        default="/metrics",
        metavar="PATH",
        help="where the metrics are (default: /metrics)",
    )
    flags.add_argument(
        "--timeout-offset",
        dest="timeout_offset",
        type=seconds,
        default=0.5,
        metavar="SECONDS",
        help="taken off the scrape timeout that Prometheus tells /probe (default: 0.5)",
    )


def workers(text: str) -> int:
    """`1` to `256`, or `auto`."""
    if text == "auto":
        return min(_cores(), MAX_WORKERS)
    if not re.fullmatch(r"[0-9]{1,3}", text) or not 1 <= int(text) <= MAX_WORKERS:
        raise argparse.ArgumentTypeError(f"{text!r} is neither auto nor a number from 1 to {MAX_WORKERS}")
    return int(text)


def _cores() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def shard(text: str) -> Shard:
    """`0/4` to `3/4`."""
    match = re.fullmatch(r"([0-9]{1,5})/([0-9]{1,5})", text)
    if not match or not int(match[1]) < int(match[2]):
        raise argparse.ArgumentTypeError(f"{text!r} is not INDEX/COUNT, for example 0/4 to 3/4")
    return Shard(int(match[1]), int(match[2]))


def listen_address(text: str) -> Address:
    """`:10465`, `127.0.0.1:0`, `[::1]:10465` or `name:10465`."""
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.%\w]+)\]|([^:\[\]\s]*)):([0-9]{1,5})", text)
    if not match or int(match[3]) > 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not [HOST]:PORT, for example :10465 or [::1]:10465")
    return Address(match[1] or match[2] or "", int(match[3]))


def telemetry_path(text: str) -> str:
    """An absolute path that no other page has."""
    if not _PATH.fullmatch(text) or text in _TAKEN:
        raise argparse.ArgumentTypeError(f"{text!r} is not a path like /metrics, or is taken")
    return text


def seconds(text: str) -> float:
    """A duration of at least zero."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return value
