"""Which certificates are asked about: those below the root of a path that some store trusts.

A URL in a certificate is only as good as whoever signed it, so a chain that no store trusts raises no
question. Neither does a certificate outside its dates: authorities take those off their lists (RFC 5280
section 5.1.2.6), and it is useless anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from exporter.model import CertificateFacts, RevocationQuestion, StoreVerdict


def questions_about(
    chain: Sequence[CertificateFacts], stores: Sequence[StoreVerdict], now: datetime
) -> tuple[RevocationQuestion, ...]:
    """One question for each certificate of the trusted paths, the leaf's first.

    Args:
        chain: as it was presented, leaf first.
        stores: the verdicts about it.
        now: the moment to ask at, aware UTC.
    """
    found: dict[CertificateFacts, CertificateFacts] = {}
    for verdict in stores:
        if verdict.trusted:
            for certificate, issuer in zip(verdict.path, verdict.path[1:], strict=False):
                found.setdefault(certificate, issuer)
    unsent = [certificate for certificate in found if certificate not in chain]
    places = {certificate: position for position, certificate in reversed([*enumerate([*chain, *unsent])])}
    return tuple(
        RevocationQuestion(position=places[certificate], certificate=certificate, issuer=issuer)
        for certificate, issuer in sorted(found.items(), key=lambda pair: places[pair[0]])
        if certificate.not_before <= now <= certificate.not_after
    )
