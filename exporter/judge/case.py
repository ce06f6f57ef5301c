"""What a problem is judged on, and what is found: a `Case` in, a `Finding` out."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from exporter.judge.presented import presented_path
from exporter.model import (
    CertificateFacts,
    IssuerAnswer,
    NameVerdict,
    Observation,
    RevocationQuestion,
    RevocationVerdict,
    State,
    StoreVerdict,
    Target,
    TlsFacts,
)


@dataclass(frozen=True, kw_only=True)
class Case:
    """Everything that is known of one server at one moment."""

    target: Target
    observation: Observation
    chain: tuple[CertificateFacts, ...]
    stores: tuple[StoreVerdict, ...]
    names: tuple[NameVerdict, ...]
    now: datetime
    tls: TlsFacts | None = None
    """What was negotiated when the chain was seen."""
    answers: Mapping[str, IssuerAnswer] = field(default_factory=dict)
    """What the chain's AIA URLs gave, by URL."""
    asked: tuple[RevocationQuestion, ...] = ()
    """The certificates whose revocation was asked about."""
    revocation: tuple[RevocationVerdict, ...] = ()
    """What each method says of them."""
    unreadable: str = ""
    """Which of the presented certificates could not be read, and why; those above it are not in `chain`."""

    @property
    def leaf(self) -> CertificateFacts | None:
        """The server's own certificate."""
        return self.chain[0] if self.chain else None

    def path(self, store: StoreVerdict) -> tuple[CertificateFacts, ...]:
        """The verified path, or what the server sent of one when the store trusts none."""
        return store.path or presented_path(self.chain)

    @functools.cached_property
    def paths(self) -> Mapping[tuple[CertificateFacts, ...], tuple[str, ...]]:
        """Each store's path with the labels of those that share it; without a store the presented one."""
        found: dict[tuple[CertificateFacts, ...], tuple[str, ...]] = {}
        for store in self.stores:
            path = self.path(store)
            found[path] = (*found.get(path, ()), store.store)
        return found or {presented_path(self.chain): ()}

    def days_left(self, certificate: CertificateFacts) -> float:
        """Days until notAfter, negative after it."""
        return (certificate.not_after - self.now).total_seconds() / 86400


class Finding(NamedTuple):
    """A problem that is there, with the facts that its texts need."""

    culprit: CertificateFacts | None = None
    stores: tuple[str, ...] = ()
    missing_issuer: str = ""
    missing: tuple[CertificateFacts, ...] = ()
    unmatched: tuple[str, ...] = ()
    code: int = 0
    depth: int | None = None
    revocation: tuple[RevocationVerdict, ...] = ()
    severity: State | None = None
    """Set where the facts decide it, not the kind of problem."""
