"""`check_smtp_tls` as it probes: what the options say of targets, policy and findings.

Comes in: arguments. Goes out: the state and the lines. With `--exporter` none of it is loaded.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

from exporter import gathering
from exporter.cli import once, options
from exporter.model import Policy, ProblemKind, Reason, RevocationMethod, State, Threshold
from exporter.publish import nagios, status

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from exporter.model import Result, TrustStore

_CHAIN_PROBLEMS = (
    ProblemKind.UNTRUSTED_ROOT,
    ProblemKind.MISSING_INTERMEDIATE,
    ProblemKind.SELF_SIGNED,
    ProblemKind.CHAIN_INVALID,
)


def check(given: argparse.Namespace) -> tuple[State, list[str]]:
    """Probe what the options name.

    Raises:
        UsageError: a trust store cannot be read.
    """
    logging.disable()  # Icinga shows standard error too
    try:
        return _check(given)
    except _NothingToCheckError as error:
        return error.state, [status.line(error.state, str(error), f"MX of {given.mx}")]
    finally:
        logging.disable(logging.NOTSET)


def _check(given: argparse.Namespace) -> tuple[State, list[str]]:
    given.timeout, timed_out = given.timeout
    trusted = once.stores(given.rootcert)
    results = once.run(_look(given, _policy(given, tuple(trusted)), trusted))
    checked = [(one, (*nagios.findings(one, timed_out), *_own_findings(one, given))) for one in results]
    response = (_text(given.response_warning), _text(given.response_critical))
    first = nagios.first_line(checked, response, given.mx and f"MX of {given.mx}")
    return nagios.overall(checked), [first, *_more(results, given.verbose)]


def _more(results: Sequence[Result], verbosity: int) -> list[str]:
    if not verbosity:
        return []
    from exporter.publish import details  # noqa: PLC0415 - for those who ask for it

    return details.long_output(results, verbosity)


async def _look(
    given: argparse.Namespace, policy: Policy, trusted: Mapping[str, TrustStore]
) -> Sequence[Result]:
    """Fetch nothing that was not asked for: a check starts often."""
    if given.mx:
        found = await _exchanges(given)
        targets = [options.target(given, host, given.port, policy) for host in found]
    else:
        targets = [options.target(given, given.hostname, given.port, policy)]
    if not given.revocation:
        return await once.look(targets, trusted)
    cache = Path(given.cache_dir) if given.cache_dir else None
    async with gathering.sources(allow_networks=given.allow_networks, cache_dir=cache) as sources:
        return await once.look(targets, trusted, gathering.evidence(sources, aia=False))


async def _exchanges(given: argparse.Namespace) -> Sequence[str]:
    """The hosts that take the mail of the domain. What is left of the time is left to them."""
    from exporter.evidence import mx  # noqa: PLC0415 - for those who ask by domain

    began = time.monotonic()
    try:
        found = await mx.exchanges(given.mx, timeout=given.timeout)
    except mx.MxError as error:
        state = State.UNKNOWN if error.reason is Reason.NULL_MX else State.CRITICAL
        raise _NothingToCheckError(state, f"unreachable: {error.detail}") from error
    given.timeout = max(given.timeout - (time.monotonic() - began), 0.001)
    return [exchange.host for exchange in found]


class _NothingToCheckError(Exception):
    """There is no server to look at; the message says why."""

    def __init__(self, state: State, message: str) -> None:
        super().__init__(message)
        self.state = state


def _policy(given: argparse.Namespace, labels: tuple[str, ...]) -> Policy:
    warning, critical = given.certificate or (Threshold(21.0), Threshold(7.0))
    ignored = {ProblemKind.SELF_SIGNED} if given.allow_self_signed else set()
    ignored |= {ProblemKind.HOSTNAME_MISMATCH} if given.no_hostname else set()
    ignored |= set(_CHAIN_PROBLEMS) if given.no_chain else set()
    return Policy(
        stores=labels,
        warning=given.warning or warning,
        critical=given.critical or critical,
        severities=dict.fromkeys(ignored, State.OK),
        revocation=tuple(RevocationMethod) if given.revocation else (),
    )


def _own_findings(result: Result, given: argparse.Namespace) -> list[nagios.Finding]:
    """What the options of the check itself find: the response time and the pinned certificate."""
    found: list[nagios.Finding] = []
    for severity, allowed in (
        (State.CRITICAL, given.response_critical),
        (State.WARNING, given.response_warning),
    ):
        if result.success and allowed is not None and result.duration not in allowed and not found:
            words = f"{result.duration:.2f} s is outside the range {allowed}"
            found.append(nagios.Finding("response_time", severity, words))
    leaf = result.verdict.chain[0] if result.verdict.chain else None
    if given.fingerprint and leaf and given.fingerprint not in {leaf.sha1, leaf.sha256}:
        actual = leaf.sha1 if len(given.fingerprint) == len(leaf.sha1) else leaf.sha256
        words = f"the server's certificate has the fingerprint {actual}"
        found.append(nagios.Finding("fingerprint_mismatch", State.CRITICAL, words))
    return found


def _text(allowed: object) -> str:
    return "" if allowed is None else str(allowed)
