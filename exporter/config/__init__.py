"""The configuration: a YAML file comes in, a frozen `Config` or every error in it goes out.

The values here need the standard library alone; `load` imports the parser when it is called, so that
`exporter.config.units` and `exporter.config.networks` stay cheap for commands that read no file. Nothing
in this package opens a connection or looks a name up, and trust stores are loaded by a function that
the caller hands in.

The way of a file: `nodes` (text to values with positions) → `schema` (types, ranges, unknown keys) and
`checks` (what spans several keys) → `build` (the values below).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Protocol

from exporter.config.module import AUTO, Module
from exporter.config.overview import summary
from exporter.config.sources import Files, Http, Mx, Source
from exporter.model import Policy, Target, TrustStore

__all__ = [
    "AUTO",
    "Config",
    "ConfigError",
    "Evidence",
    "Files",
    "Http",
    "Ldap",
    "Limits",
    "Module",
    "Mx",
    "Probe",
    "Source",
    "StoreLoader",
    "load",
    "summary",
]


class StoreLoader(Protocol):
    """Loads trust stores, as `exporter.trust.load` does."""

    def __call__(
        self, label: str, kind: str, paths: tuple[Path, ...], password_file: Path | None = None, /
    ) -> TrustStore:
        """The store of this name and type from its files; any exception says why it cannot be loaded."""


class ConfigError(Exception):
    """The file cannot be used; `messages` has one line for each error, in the file's order."""

    def __init__(self, messages: tuple[str, ...]) -> None:
        super().__init__("\n".join(messages))
        self.messages = messages


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How hard servers and this machine may be worked; `per_host_delay` is seconds."""

    concurrency: int = 500
    per_host: int = 1
    per_host_delay: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ldap:
    """The directory that is asked for revocation lists whose `ldap:///` URL names no server.

    `bind_dn` is empty for an anonymous bind.
    """

    server: str
    port: int = 389
    bind_dn: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What may be fetched to judge a chain.

    `timeout` is seconds for one URL, redirects included. URLs may lead into `allow_networks` whatever the
    rules for addresses say. `aia` is whether missing intermediates are fetched from where certificates say.
    """

    timeout: float = 10.0
    allow_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    aia: bool = True
    ldap: Ldap | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What `/probe` may be asked for beside the configured targets: nothing, unless something is allowed.

    In `names`, which are lower-case, `*` stands for anything.
    """

    names: tuple[str, ...] = ()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    ports: frozenset[int] = frozenset({25, 465, 587})


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Everything that a configuration file says. `stores` holds those defined, and `system` if used.

    `defaults` has been applied to `targets`; it is kept for targets that are named elsewhere. `sources` name
    further targets while the program runs. `files` are all that was read, to be watched for changes.
    """

    path: Path
    files: tuple[Path, ...] = ()
    targets: tuple[Target, ...] = ()
    sources: tuple[Source, ...] = ()
    stores: Mapping[str, TrustStore] = field(default_factory=dict)
    modules: Mapping[str, Module] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    evidence: Evidence = field(default_factory=Evidence)
    defaults: Module = field(default_factory=Module)
    probe: Probe = field(default_factory=Probe)
    text: str = field(default="", repr=False)
    """The file as it was read."""

    @property
    def policy(self) -> Policy:
        """How a target is judged that sets nothing of its own."""
        return self.defaults.apply(Target(name="", host="")).policy


def load(path: Path, load_store: StoreLoader) -> Config:
    """Read a configuration file and the trust stores that it defines.

    It takes seconds for tens of thousands of targets: call it in a thread while a loop runs.

    Raises:
        ConfigError: the file cannot be used; it carries every error that was found.
    """
    from exporter.config import build  # noqa: PLC0415 - pydantic and yaml cost 100 ms, see above

    return build.build(path, load_store)
