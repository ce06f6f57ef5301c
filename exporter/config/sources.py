"""Where targets come from that the file does not name one by one: values, nothing is looked up here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from exporter import hosts
from exporter.config.module import Module
from exporter.model import IMPLICIT_TLS_PORT, KeyType, Mode, Target

STARTTLS_PORT = 25

Labels = tuple[tuple[str, str], ...]


def default_port(mode: object) -> int:
    """The port of a target that names none: 465 when it is implicit TLS, else 25."""
    return IMPLICIT_TLS_PORT if mode == Mode.TLS else STARTTLS_PORT


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """How targets are made from hosts: with settings of their own, and below them those for all.

    `port` is None where it follows from the mode.
    """

    own: Module
    defaults: Module
    port: int | None = None
    labels: Labels = ()
    key_types: tuple[KeyType, ...] = ()

    @property
    def interval(self) -> float:
        """Seconds between two looks at a target."""
        return self.own.apply(self.defaults.apply(Target(name="", host=""))).interval

    def targets(
        self, host: str, *, name: str = "", port: int | None = None, labels: Labels = (), domain: str = ""
    ) -> Iterator[Target]:
        """The target at a host, or one for each key type, told apart by a label.

        Args:
            host: a name or an address, or empty for what stands in for a domain without known exchanges.
            name: what it is called; empty for host and port.
            port: instead of the template's.
            labels: beside the template's, which they replace.
            domain: the one whose mail the host takes.
        """
        number = port or self.port or default_port(self.own.mode)
        names = self.own.names if self.own.names is not None else (hosts.default_name(host),) if host else ()
        target = Target(
            name=name or hosts.display_name(host, number),
            host=host,
            domain=domain,
            port=number,
            mode=Mode.for_port(number),
            names=names,
            sni=hosts.default_sni(host, names),
            labels=tuple({**dict(self.labels), **dict(labels)}.items()),
        )
        target = self.own.apply(self.defaults.apply(target))
        if not self.key_types:
            yield target
        for kind in self.key_types:
            yield replace(target, key_type=kind, labels=(*target.labels, ("key_type", kind.value)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mx:
    """Every host that takes the mail of a domain, looked up again in each interval."""

    domain: str
    template: Template

    @property
    def name(self) -> str:
        """What to call it."""
        return self.domain


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Lists of targets in files of Prometheus' format; `patterns` may hold `*`, relative to `base`."""

    patterns: tuple[str, ...]
    base: Path
    read: Reader = field(repr=False)
    template: Template

    @property
    def name(self) -> str:
        """What to call it."""
        return " ".join(self.patterns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Http:
    """A list of targets at a URL, in Prometheus' format; `interval` is seconds."""

    url: str
    interval: float
    read: Reader = field(repr=False)
    template: Template

    @property
    def name(self) -> str:
        """What to call it."""
        return self.url


Source = Mx | Files | Http

Reader = Callable[[str, str, Template], tuple[Target, ...]]
"""Makes targets of a text (the second argument) that is called by the first one; `ConfigError` says what is
wrong with it."""
