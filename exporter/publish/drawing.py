"""The chain of a result, drawn from the leaf upwards, with each fault at the place where it is.

Comes in: a `Result` and a way to paint. Goes out: lines that are safe to print. What is not there, an
intermediate that is not sent or a root that no store holds, has its place in the drawing too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.model import CertificateFacts, ProblemKind, Result
from exporter.publish.text import common_name, one_line, plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    Paint = Callable[[str, str], str]
    """Style and text to painted text. Styles: ok, warning, critical, unknown, bold, dim."""

_NAMES_SHOWN = 12
_DAY = 86400.0


def days(seconds: float) -> str:
    """A span of time in whole days, in hours below two days."""
    count = int(abs(seconds) // _DAY)
    return plural(count, "day") if count >= 2 else plural(int(abs(seconds) // 3600), "hour")


def draw(result: Result, paint: Paint) -> list[str]:
    """The chain from the leaf upwards, each certificate with its facts, and with what is wrong there."""
    presented = result.verdict.chain
    if not presented:
        return []
    path, apart = linked(presented)
    top = presented[path[-1]]
    lines: list[str] = []
    for position in path:
        ends_here = position == path[-1] and top.self_signed
        lines += _certificate(result, position, paint, rail=" " if ends_here else "│")
        lines += [] if ends_here else ["   " + paint("dim", "│")]
    lines += _top(result, top, paint)
    for position in apart:
        lines += ["", paint("warning", "   Also sent, but not part of this chain:")]
        lines += _certificate(result, position, paint, rail=" ")
    return lines


def linked(presented: Sequence[CertificateFacts]) -> tuple[list[int], list[int]]:
    """Positions of the certificates that follow from the leaf by issuer, and of the others."""
    path, apart = [0], list(range(1, len(presented)))
    while not presented[path[-1]].self_signed:
        issuer = presented[path[-1]].issuer
        above = next((p for p in apart if presented[p].subject == issuer), None)
        if above is None:
            break
        apart.remove(above)
        path.append(above)
    return path, apart


def _certificate(result: Result, position: int, paint: Paint, rail: str) -> list[str]:
    certificate = result.verdict.chain[position]
    title = paint("bold", one_line(common_name(certificate.subject), 100))
    said = [f"{name:9}{text}" for name, text in facts(certificate, result.time, leaf=position == 0)]
    wrong = [paint(style, mark) for style, mark in marks(result, position)]
    start = f"   {paint('dim', rail)} " if rail.strip() else "     "
    return [f"{position:>2} ● {title}", *(start + line for line in (*said, *wrong))]


def facts(certificate: CertificateFacts, now: datetime, *, leaf: bool) -> Iterator[tuple[str, str]]:
    """What a certificate says, each with its title."""
    yield "subject", one_line(certificate.subject)
    yield "issuer", "itself (self-signed)" if certificate.self_signed else one_line(certificate.issuer)
    yield (
        "valid",
        f"{certificate.not_before:%Y-%m-%d} to {certificate.not_after:%Y-%m-%d %H:%M} UTC, "
        + _left(certificate, now),
    )
    if leaf:
        yield "names", _sans(certificate)
    yield "key", f"{one_line(certificate.key)}, signed with {one_line(certificate.signature)}"
    yield "serial", one_line(certificate.serial)
    yield "SHA-1", one_line(certificate.sha1)
    yield "SHA-256", one_line(certificate.sha256)


def _left(certificate: CertificateFacts, now: datetime) -> str:
    if now < certificate.not_before:
        return f"begins in {days((certificate.not_before - now).total_seconds())}"
    left = (certificate.not_after - now).total_seconds()
    return f"{days(left)} left" if left >= 0 else f"expired {days(left)} ago"


def _sans(certificate: CertificateFacts) -> str:
    shown = [one_line(name.removeprefix("DNS:"), 100) for name in certificate.sans[:_NAMES_SHOWN]]
    more = len(certificate.sans) - len(shown)
    return ", ".join(shown) + (f", and {more} more" if more else "") if shown else "none"


def marks(result: Result, position: int) -> Iterator[tuple[str, str]]:
    """What is wrong with the certificate at this place: a style and the words."""
    certificate = result.verdict.chain[position]
    kinds = {problem.kind for problem in result.verdict.problems}
    if result.time > certificate.not_after:
        yield "critical", "✗ expired"
    elif ProblemKind.EXPIRES_SOON in kinds and certificate.not_after == _next_expiry(result):
        yield "warning", "! expires soon"
    if result.time < certificate.not_before:
        yield "critical", "✗ not yet valid"
    if position == 0:
        yield from _leaf_marks(result, kinds)
    for verdict in result.verdict.stores:
        if verdict.invalid is not None and verdict.invalid[1] == position:
            error = f"error {verdict.invalid[0]} with the store {one_line(verdict.store)}"
            yield "critical", f"✗ chain_invalid: {error}"


def _next_expiry(result: Result) -> datetime:
    return min(c.not_after for c in result.verdict.chain if c.not_after >= result.time)


def _leaf_marks(result: Result, kinds: set[ProblemKind]) -> Iterator[tuple[str, str]]:
    wrong = [name.name for name in result.verdict.names if name.match is False]
    if wrong and ProblemKind.HOSTNAME_MISMATCH in kinds:
        yield "critical", f"✗ does not carry the name {one_line(', '.join(wrong))}"
    if ProblemKind.WRONG_USAGE in kinds and not result.verdict.chain[0].usage_allows_server:
        yield "critical", "✗ not issued for server authentication"


def _top(result: Result, last: CertificateFacts, paint: Paint) -> list[str]:
    """What stands, or should stand, above the last certificate that was sent."""
    wrong = [f"     {paint(style, mark)}" for style, mark in store_marks(result, last)]
    if last.self_signed:
        return wrong
    if not (above := held_above(result)):
        name = one_line(common_name(last.issuer), 100)
        return [f" ? ○ {paint('bold', name)}  {paint('dim', 'not sent')}", *wrong]
    return [line for certificate in above for line in _not_sent(certificate, paint)] + wrong


def _not_sent(certificate: CertificateFacts, paint: Paint) -> Iterator[str]:
    name = paint("bold", one_line(common_name(certificate.subject), 100))
    usual = ", as is usual for a root" if certificate.self_signed else ""
    yield f"   ○ {name}  {paint('dim', 'not sent' + usual)}"
    yield f"     valid    to {certificate.not_after:%Y-%m-%d %H:%M} UTC"
    yield f"     SHA-1    {one_line(certificate.sha1)}"


def held_above(result: Result) -> list[CertificateFacts]:
    """The certificates that continue the chain: of a path that a store verified, or known to be missing."""
    sent = {certificate.sha256 for certificate in result.verdict.chain}
    for verdict in result.verdict.stores:
        if extra := [c for c in verdict.path or verdict.missing if c.sha256 not in sent]:
            return extra
    return []


def store_marks(result: Result, last: CertificateFacts) -> Iterator[tuple[str, str]]:
    """What each store says at the end of the chain: a style and the words."""
    for verdict in result.verdict.stores:
        store = one_line(verdict.store)
        if ProblemKind.MISSING_INTERMEDIATE in verdict.problems:
            yield "critical", f"✗ missing here: the server must send this certificate (store {store})"
        elif verdict.problems & {ProblemKind.UNTRUSTED_ROOT, ProblemKind.SELF_SIGNED}:
            what = "this certificate" if last.self_signed else "this authority"
            yield "critical", f"✗ {what} is not in the store {store}"
        elif verdict.trusted:
            yield "ok", f"✓ trusted by the store {store}"
