"""One sentence for each problem, with the facts of this server.

In: a `ProblemContext`. Out: a short sentence without full stop or line break. It comes first on the Nagios
line, so it names the fact that decides and leaves advice to `remedies`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from exporter.judge import failures, verify_codes
from exporter.judge.context import ProblemContext, dns_names, ip_addresses
from exporter.judge.wording import URL_LIMIT, length, listed, moment, quoted, shown
from exporter.model import ProblemKind, RevocationVerdict


def summary(kind: ProblemKind, context: ProblemContext) -> str:
    """What is wrong with this server, in one sentence that has no line break and no full stop."""
    return _SUMMARIES[kind](context)


# --- trust ----------------------------------------------------------------------------------------


def _untrusted_root(context: ProblemContext) -> str:
    top = context.fault
    name = context.missing_issuer or (top.issuer if top else "")
    if context.issuer_unknown:
        return (
            f"{_lacking(context)} {quoted(name)}, which issued the certificate, and the server does not send it"
            " (a missing intermediate looks the same)"
        )
    return f"the chain ends in {quoted(name)}, which {_lacking(context)}"


def _missing_intermediate(context: ProblemContext) -> str:
    issuer = quoted(context.missing_issuer or (context.fault.issuer if context.fault else ""))
    source = _source(context)
    if context.at_leaf and len(context.chain) == 1:
        return (
            f"the server sends only its own certificate; the intermediate {issuer} that issued it is missing"
            f"{source}"
        )
    return f"the server does not send the intermediate {issuer} that issued {_certificate(context)}{source}"


def _source(context: ProblemContext) -> str:
    """Which certificate it is, where that is known, and where it can be had."""
    facts = [f"SHA-1 {c.sha1}, issued by {quoted(c.issuer)}" for c in context.missing[:1]]
    tried = f", not fetched: {shown(context.aia_detail)}" if context.aia_detail else ""
    facts += [f"AIA: {shown(context.aia_url, URL_LIMIT)}{tried}"] if context.aia_url else []
    return f" ({'; '.join(facts)})" if facts else ""


def _self_signed(context: ProblemContext) -> str:
    subject = quoted(context.fault.subject if context.fault else "")
    return f"the certificate {subject} is signed by its own key, and {_lacking(context)} it"


def _lacking(context: ProblemContext) -> str:
    if not context.stores:
        return "no trust store holds"
    names = ", ".join(shown(store) for store in context.stores)
    return (
        f"trust store {names} does not hold"
        if len(context.stores) == 1
        else f"trust stores {names} do not hold"
    )


# --- dates ----------------------------------------------------------------------------------------


def _expired(context: ProblemContext) -> str:
    if context.fault is None:
        return "a certificate has expired"
    end = context.fault.not_after
    return (
        f"{_certificate(context)} expired {length((context.now - end).total_seconds())} ago ({moment(end)})"
    )


def _not_yet_valid(context: ProblemContext) -> str:
    if context.fault is None:
        return "a certificate is not yet valid"
    begin = context.fault.not_before
    wait = length((begin - context.now).total_seconds())
    return f"{_certificate(context)} is not valid until {moment(begin)}, in {wait}"


def _expires_soon(context: ProblemContext) -> str:
    if context.fault is None:
        return "a certificate expires soon"
    end = context.fault.not_after
    return f"{_certificate(context)} expires in {length((end - context.now).total_seconds())} ({moment(end)})"


# --- the certificate itself -----------------------------------------------------------------------


def _hostname_mismatch(context: ProblemContext) -> str:
    expected = listed(context.lacking)
    if context.by_common_name:
        return f"the certificate carries {expected} only as Common Name, which modern clients ignore"
    leaf = context.leaf
    carried = (*dns_names(leaf), *ip_addresses(leaf)) if leaf else ()
    if carried:
        return f"the certificate is for {listed(carried)}, not for {expected}"
    common_name = leaf.common_name if leaf else None
    if common_name:
        return f"the certificate is for {quoted(common_name)} (Common Name only), not for {expected}"
    return f"the certificate carries no host name; {expected} was expected"


def _revoked(context: ProblemContext) -> str:
    says = [_answer(verdict) for verdict in context.revocation if verdict.status == "revoked"]
    return f"{_certificate(context)} is revoked" + (f" ({'; '.join(says)})" if says else "")


def _revocation_unknown(context: ProblemContext) -> str:
    says = "; ".join(_answer(verdict) for verdict in context.revocation) or "nobody was asked"
    if any(verdict.status in {"good", "revoked"} for verdict in context.revocation):
        return f"{_certificate(context)} demands a stapled OCSP answer, and the server sends none that counts ({says})"
    return f"nobody could say whether {_certificate(context)} is revoked ({says})"


def _answer(verdict: RevocationVerdict) -> str:
    facts = [shown(verdict.detail)] if verdict.detail else []
    if verdict.revoked_at:
        facts.insert(0, f"on {verdict.revoked_at:%Y-%m-%d}, {verdict.reason or 'no reason given'}")
    return f"{verdict.method} {verdict.status}" + (f": {'; '.join(facts)}" if facts else "")


def _wrong_usage(context: ProblemContext) -> str:
    if context.at_leaf:
        return "the certificate was not issued for server authentication"
    return f"{_certificate(context)} may not issue certificates for server authentication"


def _chain_invalid(context: ProblemContext) -> str:
    if context.unreadable:
        return f"the chain is invalid: {shown(context.unreadable)}"
    where = "" if context.depth is None else f" at depth {context.depth}"
    subject = f", {quoted(context.fault.subject)}" if context.fault else ""
    return f"the chain is invalid: {verify_codes.reason(context.code)} (verify error {context.code}{where}{subject})"


def _weak_key(context: ProblemContext) -> str:
    key = shown(context.fault.key) if context.fault else "unknown"
    return f"the key of {_certificate(context)} is weak: {key}"


def _weak_signature(context: ProblemContext) -> str:
    signature = shown(context.fault.signature) if context.fault else "unknown"
    return f"{_certificate(context)} has a weak signature: {signature}"


def _certificate(context: ProblemContext) -> str:
    """The certificate at fault as the subject of a sentence."""
    if context.at_leaf or context.fault is None:
        return "the certificate"
    role = "root" if context.fault.self_issued else "intermediate"
    return f"the {role} {quoted(context.fault.subject)}"


# --- TLS ---------------------------------------------------------------------------------


def _legacy_tls(context: ProblemContext) -> str:
    version = f", only {shown(context.tls_version)}" if context.tls_version else ""
    return f"the server offers nothing newer than TLS 1.1{version}"


_SUMMARIES: Mapping[ProblemKind, Callable[[ProblemContext], str]] = {
    ProblemKind.UNTRUSTED_ROOT: _untrusted_root,
    ProblemKind.MISSING_INTERMEDIATE: _missing_intermediate,
    ProblemKind.SELF_SIGNED: _self_signed,
    ProblemKind.EXPIRED: _expired,
    ProblemKind.NOT_YET_VALID: _not_yet_valid,
    ProblemKind.EXPIRES_SOON: _expires_soon,
    ProblemKind.HOSTNAME_MISMATCH: _hostname_mismatch,
    ProblemKind.REVOKED: _revoked,
    ProblemKind.REVOCATION_UNKNOWN: _revocation_unknown,
    ProblemKind.WRONG_USAGE: _wrong_usage,
    ProblemKind.CHAIN_INVALID: _chain_invalid,
    ProblemKind.WEAK_KEY: _weak_key,
    ProblemKind.WEAK_SIGNATURE: _weak_signature,
    ProblemKind.LEGACY_TLS: _legacy_tls,
    ProblemKind.STARTTLS_MISSING: failures.starttls_missing,
    ProblemKind.PLAINTEXT_INJECTION: failures.plaintext_injection,
    ProblemKind.UNREACHABLE: failures.unreachable,
}
