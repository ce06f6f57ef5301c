"""The presented chain as such: its path, what continues it, and what is untidy about it.

Nothing here is about trust. A path is followed by names from the leaf upwards; where the server stops
sending, the configured stores and the answers to the chain's own AIA URLs may know the next issuer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

from cryptography import x509

from exporter.judge.anchors import Chain, climb
from exporter.judge.certificates import UnreadableCertificateError, read_certificate
from exporter.judge.signatures import signed_by
from exporter.model import CertificateFacts, IssuerAnswer, TrustStore

EMPTY: Mapping[str, IssuerAnswer] = MappingProxyType({})
MAX_FETCHED = 4
"""Issuers that are fetched for one chain: real ones have one or two above the leaf."""


def presented_path(chain: Chain) -> Chain:
    """From the leaf upwards, as far as the server itself sent the issuers, in whatever order."""
    path = list(chain[:1])
    while path and not path[-1].self_issued:
        issuer = next((c for c in chain if c.subject == path[-1].issuer and c not in path), None)
        if issuer is None:
            break
        path.append(issuer)
    return tuple(path)


def known_issuers(
    chain: Chain, path: Chain, stores: tuple[TrustStore, ...], answers: tuple[IssuerAnswer, ...] = ()
) -> Chain:
    """What continues the presented path: issuers that any store holds or that AIA gave, and theirs.

    Certificates that were sent are not among them. A fetched one counts only if its key signed the
    certificate that names the URL.

    Args:
        chain: as presented.
        path: that of the chain.
        stores: the trust stores.
        answers: what AIA gave.
    """
    found: dict[CertificateFacts, None] = {}
    waiting = list(path[-1:])
    while waiting:
        top = waiting.pop()
        held = climb((top,), stores)
        fetched = tuple(_fetched_issuers(top, answers)) if not held else ()
        for issuer in (*held, *fetched):
            if issuer not in found and issuer not in chain:
                found[issuer] = None
                waiting.append(issuer)
    return tuple(found)


def next_issuer_url(
    chain: Chain, stores: tuple[TrustStore, ...], answers: Mapping[str, IssuerAnswer]
) -> str | None:
    """The AIA URL that could say more about a chain, or None when there is nothing to ask.

    One URL a certificate, http alone: the first that its AIA extension names (RFC 5280 4.2.2.1).
    """
    path = presented_path(chain)
    if not path or len(answers) >= MAX_FETCHED:
        return None
    for top in (path[-1], *known_issuers(chain, path, stores, tuple(answers.values()))):
        url = _aia_url(top)
        if url and url not in answers and not top.self_issued and not climb((top,), stores):
            return url
    return None


def is_complete(path: Chain, known: Chain) -> bool | None:
    """Whether the server sends every intermediate (RFC 8446 section 4.4.2 lets it leave out the root).

    Args:
        path: the presented one.
        known: what `known_issuers` found above it.

    Returns:
        None when the issuer of the last certificate sent is not known.
    """
    if not path:
        return None
    if path[-1].self_issued:
        return True
    if not known:
        return None
    return all(certificate.self_issued for certificate in known)


def notes(chain: Chain, path: Chain, verified: Iterable[Chain]) -> tuple[str, ...]:
    """What is untidy about the presented chain, though clients put up with it.

    Args:
        chain: as presented.
        path: that of the chain.
        verified: paths that were verified; what is on none of them, nor on the presented path, is not needed.
    """
    if chain == path and not any(certificate.self_signed for certificate in chain[1:]):
        return ()
    needed = {certificate for one in (path, *verified) for certificate in one}
    return tuple(_notes(chain, path, needed))


def _notes(chain: Chain, path: Chain, needed: set[CertificateFacts]) -> Iterator[str]:
    positions = [chain.index(certificate) for certificate in path]
    if positions != sorted(positions):
        yield "the certificates are out of order: each should be followed by its issuer"
    for position, certificate in enumerate(chain):
        if certificate in chain[:position]:
            yield f"certificate {position} is the same as certificate {chain.index(certificate)}"
        elif position and certificate.self_signed:
            yield f"certificate {position} is a root, which need not be sent"
        elif certificate not in needed:
            yield f"certificate {position} is not needed: it issued none of the others on the path"


def _aia_url(certificate: CertificateFacts) -> str | None:
    return next((url for url in certificate.aia_issuers if _is_http(url)), None)


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "http" and bool(parts.hostname)


def _fetched_issuers(
    certificate: CertificateFacts, answers: tuple[IssuerAnswer, ...]
) -> Iterator[CertificateFacts]:
    url = _aia_url(certificate)
    for der in (der for answer in answers if answer.url == url for der in answer.certificates):
        try:
            issuer = read_certificate(der)
        except UnreadableCertificateError:
            continue
        if _signed(issuer, certificate):
            yield issuer


def _signed(issuer: CertificateFacts, certificate: CertificateFacts) -> bool:
    child, parent = (x509.load_der_x509_certificate(one.der) for one in (certificate, issuer))
    return signed_by(child, parent) is True
