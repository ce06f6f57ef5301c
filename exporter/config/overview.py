"""What a configuration amounts to, for a person who checks one: a `Config` in, a few lines out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.config.units import format_duration, format_threshold
from exporter.model import Mode, Target

if TYPE_CHECKING:
    from exporter.config import Config, Evidence


def summary(config: Config) -> str:
    """What `--config.check` prints about a valid file; of `evidence` only what is not the default."""
    defaults = config.defaults.apply(Target(name="", host=""))
    stores = (f"{name} ({_count(len(store.anchors), 'anchor')})" for name, store in config.stores.items())
    limits = config.limits
    lines = {
        "targets": _targets(config.targets),
        "discovery": ", ".join(
            f"{source.name} ({type(source).__name__.lower()})" for source in config.sources
        ),
        "trust stores": ", ".join(stores) or "none",
        "modules": ", ".join(config.modules) or "none",
        "expiry": f"warning below {format_threshold(defaults.policy.warning)}, "
        f"critical below {format_threshold(defaults.policy.critical)}",
        "revocation": ", ".join(defaults.policy.revocation) or "not looked for",
        "probes": f"every {format_duration(defaults.interval)}, timeout {format_duration(defaults.timeout)}",
        "limits": f"{limits.concurrency} at a time, {limits.per_host} per host, "
        f"{format_duration(limits.per_host_delay)} between two",
    }
    if not config.sources:
        del lines["discovery"]
    if evidence := _evidence(config.evidence):
        lines["evidence"] = evidence
    return "\n".join(
        [f"{config.path} is valid", *(f"  {key + ':':<14}{text}" for key, text in lines.items())]
    )


def _targets(targets: tuple[Target, ...]) -> str:
    counts = {mode: sum(target.mode is mode for target in targets) for mode in Mode}
    by_mode = ", ".join(f"{count} {mode}" for mode, count in counts.items() if count)
    return f"{len(targets)} ({by_mode})" if targets else "none"


def _evidence(evidence: Evidence) -> str:
    default = type(evidence)()
    parts = []
    if evidence.timeout != default.timeout:
        parts.append(f"timeout {format_duration(evidence.timeout)}")
    if evidence.allow_networks:
        parts.append(f"{_count(len(evidence.allow_networks), 'network')} allowed")
    if not evidence.aia:
        parts.append("missing intermediates are not fetched")
    if evidence.ldap:
        parts.append(f"ldap from {evidence.ldap.server}:{evidence.ldap.port}")
    return ", ".join(parts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
