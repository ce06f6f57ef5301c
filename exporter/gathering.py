"""Where evidence comes from: what the configuration or the command line allows in, the ways to it out.

Here, and nowhere else, the fetchers of `exporter.evidence` meet the readers of `exporter.judge`: the one
knows nothing about certificates, the other nothing about networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from exporter.evidence.ways import Evidence

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network
    from pathlib import Path

    from exporter.evidence.ldap import LdapServer
    from exporter.evidence.sources import Sources


def sources(
    timeout: float = 10.0,
    allow_networks: Sequence[IPv4Network | IPv6Network] = (),
    *,
    ldap: LdapServer | None = None,
    cache_dir: Path | None = None,
) -> Sources:
    """Where evidence comes from, to be entered as an asynchronous context.

    Args:
        timeout: seconds for one URL in all.
        allow_networks: addresses that may be asked whatever the rules say.
        ldap: the directory for lists whose URL names none.
        cache_dir: where signed evidence is kept for the next run.
    """
    from exporter.evidence.sources import Readers, Sources  # noqa: PLC0415 - most checks fetch nothing
    from exporter.judge.revocation.crl import read_crl  # noqa: PLC0415 - as above
    from exporter.judge.revocation.ocsp import ocsp_request, read_ocsp  # noqa: PLC0415 - as above

    readers = Readers(ocsp_request=ocsp_request, read_ocsp=read_ocsp, read_crl=read_crl)
    return Sources(timeout, allow_networks, readers=readers, ldap=ldap, cache_dir=cache_dir)


def evidence(found: Sources, *, aia: bool = True) -> Evidence:
    """The ways to these sources; without `aia` no missing certificate is fetched."""
    return Evidence(
        fetch_issuer=(lambda url, by: found.issuer(url, asked_by=by)) if aia else None,
        ask_revocation=lambda question, methods, by: found.revocation(question, methods, asked_by=by),
    )
