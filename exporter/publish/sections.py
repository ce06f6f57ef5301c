"""The parts of a result in words, line by line, for people who read a terminal or a monitoring page.

Comes in: a `Result` and a way to paint. Goes out: lists of lines that are safe to print. The report
and the long output of the Nagios check put them together, each in its own way.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from exporter.model import Result, RevocationStatus, StoreVerdict
from exporter.publish.drawing import linked
from exporter.publish.text import mode_name, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.model import (
        NameVerdict,
        Observation,
        Problem,
        Reply,
        RevocationVerdict,
        TlsFacts,
        TransactionFacts,
    )
    from exporter.publish.drawing import Paint

_PROSE = 4000
"""Characters that are kept of a sentence, far more than any of ours has."""

_PRODUCT = re.compile(r"([A-Z][A-Za-z/ ]{1,30}): ")
_CLIENTS = {"dotnet": ".NET", "java": "Java", "openssl": "OpenSSL", "go": "Go", "outlook": "Outlook"}


def plain(_style: str, text: str) -> str:
    """Paints nothing."""
    return text


# --- connection -----------------------------------------------------------------------------------


def connection(result: Result, paint: Paint) -> list[str]:
    """When and where was looked, what the server said, and what TLS was agreed on."""
    observation = result.seen or result.observation
    lines = [_visit(result)]
    if (greeting := observation.smtp.greeting) is not None:
        lines.append(f"greeting  {_reply_start(greeting)}")
    if observation.tls is not None:
        lines.append(f"protocol  {_negotiated(observation.tls)}")
        if observation.tls.aborted:
            lines.append(paint("warning", f"then the server ended it: {one_line(observation.tls.aborted)}"))
    if (transaction := result.observation.transaction) is not None:
        lines.append(_transaction(transaction, paint))
    if result.observation.failure is not None:
        lines.append(paint("critical", f"failed    {_failure(result)}"))
        lines += _age(result, paint)
    return lines


def _transaction(facts: TransactionFacts, paint: Paint) -> str:
    said = ", ".join(f"{command.upper()} {code}" for command, code in facts.codes.items())
    if facts.success:
        return f"mail      accepted ({said})"
    return paint("warning", f"mail      refused: {one_line(facts.detail)} ({said})")


def _visit(result: Result) -> str:
    address = one_line(result.observation.address) or "no address"
    moment = f"{result.time:%Y-%m-%d %H:%M:%S} UTC"
    return f"address   {address}, {mode_name(result.target.mode)}, {moment}, took {result.duration:.2f} s"


def _reply_start(reply: Reply) -> str:
    return one_line(f"{reply.code} {reply.text}", 160)


def _negotiated(tls: TlsFacts) -> str:
    cipher = f"{tls.cipher} ({tls.bits} bits)" if tls.cipher and tls.bits else tls.cipher
    return one_line(", ".join(filter(None, (tls.version, cipher, tls.group, tls.signature))))


def _failure(result: Result) -> str:
    failure = result.observation.failure
    assert failure is not None
    reason = failure.reason.replace("_", " ")
    return f"at stage {failure.stage}: {reason}" + (
        f" ({one_line(failure.detail)})" if failure.detail else ""
    )


def _age(result: Result, paint: Paint) -> list[str]:
    if result.seen is None or result.seen_at is None or result.success:
        return []
    return [paint("warning", f"what follows was seen on {result.seen_at:%Y-%m-%d %H:%M:%S} UTC")]


def notes(result: Result, paint: Paint) -> list[str]:
    """What is untidy about the chain as it is sent, though no client minds."""
    return [paint("dim", f"- {one_line(note)}") for note in result.verdict.notes]


# --- verdicts ---------------------------------------------------------------------------------------


def stores(result: Result, paint: Paint) -> list[str]:
    """What OpenSSL says of the chain against each trust store, in the words of `openssl s_client`."""
    lines: list[str] = []
    for verdict in result.verdict.stores:
        lines += _store(result, verdict, paint)
    return lines


def _store(result: Result, verdict: StoreVerdict, paint: Paint) -> list[str]:
    title = f"against the store {paint('bold', one_line(verdict.store))}"
    if verdict.valid:
        until = f", until {verdict.valid_until:%Y-%m-%d}" if verdict.valid_until else ""
        return [title, paint("ok", f"  Verify return code: 0 (ok){until}")]
    depth = (
        [] if verdict.depth is None else [f"  depth={verdict.depth} {_subject_at(result, verdict)}".rstrip()]
    )
    error = paint("critical", f"  verify error:num={verdict.code}:{one_line(verdict.reason)}")
    trusted = [paint("dim", "  trusted, were it not for the date")] if verdict.trusted else []
    return [title, *depth, error, *trusted]


def _subject_at(result: Result, verdict: StoreVerdict) -> str:
    presented = result.verdict.chain
    path = linked(presented)[0] if presented else []
    on_path = verdict.path or tuple(presented[position] for position in path)
    depth = verdict.depth or 0
    return one_line(on_path[depth].subject) if depth < len(on_path) else ""


def revocation(result: Result, paint: Paint) -> list[str]:
    """What each method says of the revocation of each certificate.

    That a certificate names nobody to ask by one method matters only while no other method answers.
    """
    verdicts = result.verdict.revocation
    answered = {verdict.position for verdict in verdicts if verdict.status in _REVOCATION_STYLE}
    return [
        _revocation(verdict, paint)
        for verdict in verdicts
        if verdict.url or verdict.status in _REVOCATION_STYLE or verdict.position not in answered
    ]


_REVOCATION_STYLE = {RevocationStatus.GOOD: ("ok", "✓"), RevocationStatus.REVOKED: ("critical", "✗")}


def _revocation(verdict: RevocationVerdict, paint: Paint) -> str:
    style, sign = _REVOCATION_STYLE.get(verdict.status, ("unknown", "?"))
    facts = [verdict.detail]
    if verdict.revoked_at:
        facts.insert(0, f"on {verdict.revoked_at:%Y-%m-%d}, {verdict.reason or 'no reason given'}")
    if verdict.this_update:
        facts.append(f"as of {verdict.this_update:%Y-%m-%d %H:%M} UTC")
    said = f"{sign} [{verdict.position}] {verdict.method.value}: {verdict.status.value}"
    told = _prose("; ".join(filter(None, facts)))
    return paint(style, said) + (f"  {told}" if told else "")


def names(result: Result, paint: Paint) -> list[str]:
    """Whether the leaf carries each expected name."""
    return [_name(verdict, paint) for verdict in result.verdict.names]


def _name(verdict: NameVerdict, paint: Paint) -> str:
    name, detail = one_line(verdict.name), one_line(verdict.matched or "")
    if verdict.match is None:
        return f"? {name}  " + paint("dim", detail or "cannot be told")
    if verdict.match:
        return paint("ok", f"✓ {name}") + (f"  by {detail}" if detail else "")
    return paint("critical", f"✗ {name}") + f"  {detail or 'is not in the certificate'}"


def summary(problem: Problem) -> tuple[str, str]:
    """The problem's name; and a sentence with the name, its severity and the facts of this server."""
    seen_by = f", store {', '.join(map(one_line, problem.stores))}" if problem.stores else ""
    name = problem.kind.value
    return name, f"{name} ({problem.severity.name.lower()}{seen_by}): {_prose(problem.summary)}"


def steps(problem: Problem) -> list[tuple[str, str]]:
    """What to do: the product that each step is for (empty for none) and the step."""
    found = []
    for line in problem.remedy.split("\n"):
        product = _PRODUCT.match(line)
        found.append((product[1], _prose(line[product.end() :])) if product else ("", _prose(line)))
    return [step for step in found if step[1].strip()]


def clients(problem: Problem) -> list[tuple[str, str]]:
    """Who fails, and in which words."""
    return [(_CLIENTS.get(c) or one_line(c), _prose(words)) for c, words in problem.clients.items()]


def transcript(observation: Observation) -> Iterator[str]:
    """The SMTP dialogue; `C:` is this program, `S:` the server."""
    for exchange in observation.smtp.exchanges:
        if exchange.command:
            yield f"C: {one_line(exchange.command, _PROSE)}"
        if exchange.reply is not None:
            yield from _reply(exchange.reply)
    if observation.smtp.injected:
        injected = observation.smtp.injected.decode("utf-8", "surrogateescape")
        yield f"S: (before TLS began) {one_line(injected, _PROSE)}"


def _reply(reply: Reply) -> Iterator[str]:
    for number, line in enumerate(reply.lines, 1):
        separator = " " if number == len(reply.lines) else "-"
        yield f"S: {reply.code}{separator}{one_line(line, _PROSE)}"


def _prose(text: str) -> str:
    return one_line(text, _PROSE)
