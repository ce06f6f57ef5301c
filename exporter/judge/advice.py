"""From a finding to a problem as people read it: the summary, the remedy, and what clients say.

In: what was found in a case. Out: a `Problem`. It is imported with the first finding.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType

from exporter.judge.case import Case, Finding
from exporter.judge.clients import clients
from exporter.judge.context import ProblemContext
from exporter.judge.remedies import remedy
from exporter.judge.summaries import summary
from exporter.model import Problem, ProblemKind


def problem(kind: ProblemKind, finding: Finding, case: Case) -> Problem:
    """A finding with its severity and its texts."""
    context = _context(finding, case)
    policy = case.target.policy
    steps, said = _advice(kind, replace(context, now=_ANY_TIME))
    return Problem(
        kind=kind,
        severity=policy.severities.get(kind) or finding.severity or policy.severity(kind),
        summary=summary(kind, context),
        remedy=steps,
        clients=said,
        stores=finding.stores,
    )


@functools.lru_cache(maxsize=4096)
def _advice(kind: ProblemKind, context: ProblemContext) -> tuple[str, Mapping[str, str]]:
    """Remedy and clients' words, which are the same at any time: only the summary counts days."""
    return remedy(kind, context), MappingProxyType(clients(kind, context))


_ANY_TIME = datetime(1970, 1, 1, tzinfo=UTC)


def _context(finding: Finding, case: Case) -> ProblemContext:
    """All that the texts may draw on."""
    smtp = case.observation.smtp
    replies = [exchange.reply for exchange in smtp.exchanges if exchange.reply]
    culprit = finding.culprit or case.leaf
    urls = culprit.aia_issuers if culprit else ()
    asked = [case.answers[url] for url in urls if url in case.answers]
    return ProblemContext(
        host=case.target.host,
        domain="" if case.target.host else case.target.domain,
        port=case.target.port,
        mode=case.target.mode,
        now=case.now,
        address=case.observation.address,
        names=case.target.names,
        unmatched=finding.unmatched,
        chain=case.chain,
        culprit=finding.culprit,
        missing_issuer=finding.missing_issuer,
        missing=finding.missing,
        aia_url=asked[0].url if asked else next(iter(urls), ""),
        aia_detail=asked[0].detail if asked else "",
        stores=finding.stores,
        code=finding.code,
        depth=finding.depth,
        failure=case.observation.failure,
        reply=f"{replies[-1].code} {replies[-1].text}" if replies else "",
        capabilities=smtp.capabilities,
        injected=smtp.injected,
        revocation=finding.revocation,
        unreadable=case.unreadable,
        tls_version=case.tls.version if case.tls else "",
    )
