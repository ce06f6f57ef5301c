"""What mail clients say to a server that has a problem, in their own words.

In: a `ProblemContext`. Out: a text for each kind of client. A client that connects all the same has a text
that begins with "no error"; where a client's words were never seen, the text says so instead of guessing.

The words of OpenSSL 3.0 and of Java 17 and 25 were recorded with these clients; those of .NET, Go and
Windows are read from their sources and documentation. .NET stands for .NET on Linux, whose verdict follows
from OpenSSL's; Windows may differ where it has fetched certificates before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from exporter.judge import client_failures, client_names, verify_codes
from exporter.judge.client_words import NOT_RECORDED, Five, dotnet_chain, java, verify_error
from exporter.judge.context import ProblemContext
from exporter.judge.wording import URL_LIMIT, moment, shown
from exporter.model import ProblemKind

CLIENTS = ("dotnet", "java", "openssl", "go", "outlook")
""".NET, Java, OpenSSL (also Python, curl), Go, and Outlook with everything else that uses Schannel."""

_PATH_NOT_FOUND = (
    "PKIX path building failed: sun.security.provider.certpath.SunCertPathBuilderException:"
    " unable to find valid certification path to requested target"
)
_PATH_INVALID = "PKIX path validation failed: java.security.cert.CertPathValidatorException: "
_UNKNOWN_AUTHORITY = "x509: certificate signed by unknown authority"
_SEC_UNTRUSTED_ROOT = (
    "SEC_E_UNTRUSTED_ROOT (0x80090325): The certificate chain was issued by an authority that is not trusted."
)
_CERT_E_EXPIRED = (
    "CERT_E_EXPIRED (0x800B0101): A required certificate is not within its validity period when verifying"
    " against the current system clock or the timestamp in the signed file."
)

_GO_ALGORITHMS = {"RSA-SHA1": "SHA1-RSA", "ECDSA-SHA1": "ECDSA-SHA1", "RSA-MD5": "MD5-RSA"}


def clients(kind: ProblemKind, context: ProblemContext) -> dict[str, str]:
    """The text of each of `CLIENTS`."""
    return dict(zip(CLIENTS, _TEXTS[kind](context), strict=True))


# --- trust ----------------------------------------------------------------------------------------


def _untrusted_root(context: ProblemContext) -> Five:
    if context.root_sent:
        dotnet, code = dotnet_chain("UntrustedRoot"), 19
    else:
        dotnet, code = dotnet_chain("PartialChain"), 20
        if _by_http(context):
            dotnet += "; UntrustedRoot instead where it can fetch the root by AIA"
    openssl = verify_error(code)
    if context.issuer_unknown:
        openssl += f", then {verify_error(21)}"
    return dotnet, java(_PATH_NOT_FOUND), openssl, _UNKNOWN_AUTHORITY, _SEC_UNTRUSTED_ROOT


def _missing_intermediate(context: ProblemContext) -> Five:
    dotnet = dotnet_chain("PartialChain")
    if _by_http(context):
        dotnet = f"no error where it can fetch the intermediate from {shown(context.aia_url, URL_LIMIT)}; otherwise: {dotnet}"
    at_leaf = f", then {verify_error(21)}" if context.at_leaf else ""
    outlook = (
        "no error where Windows has the intermediate in its store or can fetch it by AIA;"
        " otherwise CERT_E_CHAINING (0x800B010A) or SEC_E_UNTRUSTED_ROOT (0x80090325)"
    )
    return dotnet, java(_PATH_NOT_FOUND), f"{verify_error(20)}{at_leaf}", _UNKNOWN_AUTHORITY, outlook


def _by_http(context: ProblemContext) -> bool:
    """.NET on Linux fetches over http only: neither https nor ldap."""
    return context.aia_url.lower().startswith("http://")


def _self_signed(_context: ProblemContext) -> Five:
    return (
        dotnet_chain("UntrustedRoot"),
        java(_PATH_NOT_FOUND),
        verify_error(18),
        _UNKNOWN_AUTHORITY,
        _SEC_UNTRUSTED_ROOT,
    )


# --- dates ----------------------------------------------------------------------------------------


def _expired(_context: ProblemContext) -> Five:
    return (
        dotnet_chain("NotTimeValid"),
        java(f"{_PATH_INVALID}validity check failed", "certificate_expired")
        + "; cause: java.security.cert.CertificateExpiredException: NotAfter: …",
        verify_error(10),
        "x509: certificate has expired or is not yet valid: …",
        f"SEC_E_CERT_EXPIRED (0x80090328): The received certificate has expired.; or {_CERT_E_EXPIRED}",
    )


def _not_yet_valid(_context: ProblemContext) -> Five:
    return (
        dotnet_chain("NotTimeValid"),
        java(f"{_PATH_INVALID}validity check failed", "bad_certificate")
        + "; cause: java.security.cert.CertificateNotYetValidException: NotBefore: …",
        verify_error(9),
        "x509: certificate has expired or is not yet valid: …",
        f"not recorded, expected: {_CERT_E_EXPIRED}",
    )


def _expires_soon(context: ProblemContext) -> Five:
    until = f" until {moment(context.fault.not_after)}" if context.fault else " yet"
    text = f"no error{until}; then as for expired"
    return text, text, text, text, text


# --- the certificate itself -----------------------------------------------------------------------


def _revoked(_context: ProblemContext) -> Five:
    return (
        f"no error unless revocation checking is on; with it: {dotnet_chain('Revoked')}",
        "no error unless revocation checking is on; with it:"
        f" {java(f'{_PATH_INVALID}Certificate has been revoked, reason: …', 'certificate_revoked')}",
        f"no error unless a CRL is given (-crl_check); with it: {verify_error(23)}",
        "no error: Go does not check revocation",
        "CRYPT_E_REVOKED (0x80092010): The certificate is revoked.",
    )


def _revocation_unknown(_context: ProblemContext) -> Five:
    return (
        "no error unless revocation checking is on;"
        f" with it: {dotnet_chain('RevocationStatusUnknown', 'OfflineRevocation')}",
        "no error unless revocation checking is on; with it: Could not determine revocation status, or Unable to"
        " determine revocation status due to network error",
        f"no error unless a CRL is asked for (-crl_check); with it: {verify_error(3)}",
        "no error: Go does not check revocation",
        "not recorded; a client that insists says CRYPT_E_REVOCATION_OFFLINE (0x80092013)",
    )


def _wrong_usage(_context: ProblemContext) -> Five:
    return (
        dotnet_chain("NotValidForUsage"),
        java("Extended key usage does not permit use for TLS server authentication"),
        verify_error(26),
        "x509: certificate specifies an incompatible key usage",
        "not recorded, expected: SEC_E_CERT_WRONG_USAGE (0x80090349) or CERT_E_WRONG_USAGE (0x800B0110): The"
        " certificate is not valid for the requested usage.",
    )


def _chain_invalid(context: ProblemContext) -> Five:
    if context.unreadable:
        said = f"{NOT_RECORDED}: some parsers refuse such a certificate, others do not"
        return said, said, said, said, said
    flags = verify_codes.chain_status(context.code)
    if context.code == verify_codes.SIGNATURE_FAILURE:
        in_java = java(f"{_PATH_INVALID}signature check failed", "bad_certificate")
    else:
        in_java = f"{NOT_RECORDED}, expected: {_PATH_INVALID}…"
    return (
        dotnet_chain(*flags) if flags else f"{NOT_RECORDED}: .NET has no X509ChainStatusFlags for this fault",
        in_java,
        verify_error(context.code),
        f"{NOT_RECORDED}, expected: an error that begins with x509:",
        NOT_RECORDED,
    )


def _weak_key(context: ProblemContext) -> Five:
    java = f"{NOT_RECORDED} for this key"
    if (
        context.fault is not None
        and context.fault.key.startswith("RSA")
        and (context.fault.key_bits or 0) >= 1024
    ):
        java = "no error: Java 17 and 25 accept RSA keys of 1024 bits"
    code = 66 if context.at_leaf else 67
    return (
        "no error: .NET on Linux has no flag for it; Windows not recorded",
        java,
        f"{verify_error(code)} at security level 2, the default of Debian and Ubuntu; no error at level 0",
        NOT_RECORDED,
        NOT_RECORDED,
    )


def _weak_signature(context: ProblemContext) -> Five:
    signature = context.fault.signature if context.fault else ""
    algorithm = _GO_ALGORITHMS.get(signature, "…")
    return (
        "no error: .NET on Linux has no flag for it; Windows not recorded, it may set HasWeakSignature",
        "no error: Java 17 and 25 accept SHA-1 from a private authority"
        if signature.endswith("-SHA1")
        else NOT_RECORDED,
        f"{verify_error(68)} at security level 2, the default of Debian and Ubuntu; no error at level 0",
        f'{_UNKNOWN_AUTHORITY} (possibly because of "x509: cannot verify signature: insecure algorithm {algorithm}" …)',
        NOT_RECORDED,
    )


_TEXTS: Mapping[ProblemKind, Callable[[ProblemContext], Five]] = {
    ProblemKind.UNTRUSTED_ROOT: _untrusted_root,
    ProblemKind.MISSING_INTERMEDIATE: _missing_intermediate,
    ProblemKind.SELF_SIGNED: _self_signed,
    ProblemKind.EXPIRED: _expired,
    ProblemKind.NOT_YET_VALID: _not_yet_valid,
    ProblemKind.EXPIRES_SOON: _expires_soon,
    ProblemKind.HOSTNAME_MISMATCH: client_names.hostname_mismatch,
    ProblemKind.REVOKED: _revoked,
    ProblemKind.REVOCATION_UNKNOWN: _revocation_unknown,
    ProblemKind.WRONG_USAGE: _wrong_usage,
    ProblemKind.CHAIN_INVALID: _chain_invalid,
    ProblemKind.WEAK_KEY: _weak_key,
    ProblemKind.WEAK_SIGNATURE: _weak_signature,
    ProblemKind.LEGACY_TLS: client_failures.legacy_tls,
    ProblemKind.STARTTLS_MISSING: client_failures.starttls_missing,
    ProblemKind.PLAINTEXT_INJECTION: client_failures.plaintext_injection,
    ProblemKind.UNREACHABLE: client_failures.unreachable,
}
