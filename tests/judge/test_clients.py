"""What mail clients say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exporter.judge.clients import CLIENTS, clients
from exporter.judge.context import ProblemContext
from exporter.judge.verify_codes import CHAIN_STATUS, REASONS
from exporter.model import ProblemKind, Reason, Stage
from tests.judge.contexts import AIA, EXAMPLES, HOST, LEAF, ROOT, SELF_SIGNED, SERVER, SUB, failed, with_leaf
from tests.judge.hostile import HOSTILE_NAMES
from tests.judge.test_summaries import hostile_context

K = ProblemKind
_CHAIN = "The remote certificate is invalid because of errors in the certificate chain: "
_NAME = (
    "The remote certificate is invalid according to the validation procedure: RemoteCertificateNameMismatch"
)
_PATH = "unable to find valid certification path to requested target"


@pytest.mark.parametrize("kind", ProblemKind)
def test_five_clients(kind: ProblemKind) -> None:
    """Each problem tells of the same five clients."""
    texts = clients(kind, EXAMPLES[kind])
    assert tuple(texts) == CLIENTS == ("dotnet", "java", "openssl", "go", "outlook")
    assert all(texts.values())


TEXTS: dict[str, tuple[ProblemKind, ProblemContext, dict[str, str]]] = {
    "untrusted, root not sent": (
        K.UNTRUSTED_ROOT,
        EXAMPLES[K.UNTRUSTED_ROOT],
        {
            "dotnet": f"{_CHAIN}PartialChain (",
            "java": _PATH,
            "openssl": "num=20:unable to get local issuer certificate",
            "go": "x509: certificate signed by unknown authority",
            "outlook": "0x80090325",
        },
    ),
    "untrusted, root sent": (
        K.UNTRUSTED_ROOT,
        replace(SERVER, chain=(LEAF, SUB, ROOT), culprit=ROOT, code=19),
        {
            "dotnet": f"{_CHAIN}UntrustedRoot (SslPolicyErrors RemoteCertificateChainErrors",
            "java": _PATH,
            "openssl": "num=19:self-signed certificate in certificate chain",
        },
    ),
    "untrusted, root by AIA": (
        K.UNTRUSTED_ROOT,
        replace(EXAMPLES[K.UNTRUSTED_ROOT], aia_url=AIA),
        {"dotnet": "UntrustedRoot instead where it can fetch the root by AIA"},
    ),
    "untrusted lone leaf": (
        K.UNTRUSTED_ROOT,
        replace(SERVER, chain=(LEAF,)),
        {"openssl": "num=21:unable to verify the first certificate"},
    ),
    "missing, AIA by http": (
        K.MISSING_INTERMEDIATE,
        EXAMPLES[K.MISSING_INTERMEDIATE],
        {
            "dotnet": f"no error where it can fetch the intermediate from {AIA}; otherwise: {_CHAIN}PartialChain",
            "java": _PATH,
            "openssl": "num=21:unable to verify the first certificate",
            "go": "x509: certificate signed by unknown authority",
            "outlook": "no error where Windows",
        },
    ),
    "self-signed": (
        K.SELF_SIGNED,
        replace(SERVER, chain=(SELF_SIGNED,)),
        {"dotnet": f"{_CHAIN}UntrustedRoot", "openssl": "num=18:self-signed certificate"},
    ),
    "expired": (
        K.EXPIRED,
        EXAMPLES[K.EXPIRED],
        {
            "dotnet": f"{_CHAIN}NotTimeValid",
            "java": "CertificateExpiredException",
            "openssl": "num=10:certificate has expired",
            "go": "x509: certificate has expired or is not yet valid",
            "outlook": "0x80090328",
        },
    ),
    "not yet valid": (
        K.NOT_YET_VALID,
        EXAMPLES[K.NOT_YET_VALID],
        {"dotnet": "NotTimeValid", "java": "CertificateNotYetValidException", "openssl": "num=9:"},
    ),
    "expires soon": (
        K.EXPIRES_SOON,
        EXAMPLES[K.EXPIRES_SOON],
        dict.fromkeys(CLIENTS, "no error until 2026-11-28 12:00 UTC"),
    ),
    "name": (
        K.HOSTNAME_MISMATCH,
        EXAMPLES[K.HOSTNAME_MISMATCH],
        {
            "dotnet": _NAME,
            "java": f"No subject alternative DNS name matching {HOST} found.",
            "openssl": "num=62:hostname mismatch",
            "go": f"x509: certificate is valid for mail.contoso.com, not {HOST}",
            "outlook": "0x80090322",
        },
    ),
    "Common Name only": (
        K.HOSTNAME_MISMATCH,
        replace(with_leaf(replace(LEAF, sans=())), unmatched=(HOST,)),
        {
            "dotnet": "no error",
            "java": "no error",
            "openssl": "no error",
            "go": "x509: certificate relies on legacy Common Name field, use SANs instead",
        },
    ),
    "other Common Name only": (
        K.HOSTNAME_MISMATCH,
        replace(with_leaf(replace(LEAF, sans=())), unmatched=("b.example",)),
        {
            "dotnet": _NAME,
            "java": "No name matching b.example found",
            "go": "x509: certificate is not valid for any names, but wanted to match b.example",
        },
    ),
    "address, names only": (
        K.HOSTNAME_MISMATCH,
        replace(SERVER, unmatched=("192.0.2.1",)),
        {
            "java": "No subject alternative names matching IP address 192.0.2.1 found",
            "openssl": "num=64:IP address mismatch",
            "go": "x509: cannot validate certificate for 192.0.2.1 because it doesn't contain any IP SANs",
        },
    ),
    "address, no alternative names": (
        K.HOSTNAME_MISMATCH,
        replace(with_leaf(replace(LEAF, sans=())), unmatched=("192.0.2.1",)),
        {"java": "No subject alternative names present"},
    ),
    "other address": (
        K.HOSTNAME_MISMATCH,
        replace(with_leaf(replace(LEAF, sans=("IP:192.0.2.9",))), unmatched=("192.0.2.1",)),
        {"go": "x509: certificate is valid for 192.0.2.9, not 192.0.2.1"},
    ),
    "revoked": (
        K.REVOKED,
        SERVER,
        {
            "dotnet": f"{_CHAIN}Revoked",
            "java": "no error unless",
            "openssl": "num=23:certificate revoked",
            "go": "no error: ",
            "outlook": "0x80092010",
        },
    ),
    "revocation unknown": (
        K.REVOCATION_UNKNOWN,
        SERVER,
        {"dotnet": "RevocationStatusUnknown, OfflineRevocation", "go": "no error: "},
    ),
    "wrong usage": (
        K.WRONG_USAGE,
        SERVER,
        {
            "dotnet": "NotValidForUsage",
            "java": "Extended key usage does not permit use for TLS server authentication",
            "openssl": "num=26:unsuitable certificate purpose",
            "go": "x509: certificate specifies an incompatible key usage",
        },
    ),
    "bad signature": (
        K.CHAIN_INVALID,
        replace(SERVER, code=7, depth=0),
        {"dotnet": "NotSignatureValid", "java": "signature check failed", "openssl": "num=7:"},
    ),
    "weak key": (
        K.WEAK_KEY,
        EXAMPLES[K.WEAK_KEY],
        {"openssl": "num=66:EE certificate key too weak", "java": "no error"},
    ),
    "weak key of the intermediate": (
        K.WEAK_KEY,
        replace(SERVER, culprit=replace(SUB, key="EC secp192r1", key_bits=192)),
        {"openssl": "num=67:CA certificate key too weak", "java": "words not recorded"},
    ),
    "SHA-1": (
        K.WEAK_SIGNATURE,
        EXAMPLES[K.WEAK_SIGNATURE],
        {"openssl": "num=68:", "java": "no error", "go": "insecure algorithm SHA1-RSA"},
    ),
    "MD5": (
        K.WEAK_SIGNATURE,
        with_leaf(replace(LEAF, signature="RSA-MD5")),
        {"java": "words not recorded", "go": "insecure algorithm MD5-RSA"},
    ),
    "no STARTTLS": (
        K.STARTTLS_MISSING,
        EXAMPLES[K.STARTTLS_MISSING],
        {
            "dotnet": "Server does not support secure connections.",
            "java": "STARTTLS is required but host does not support STARTTLS",
            "openssl": "Didn't find STARTTLS in server response",
            "go": "no error: ",
        },
    ),
    "no such name": (
        K.UNREACHABLE,
        failed(Stage.RESOLVE, Reason.NAME_NOT_FOUND),
        {"go": f"lookup {HOST}: no such host", "java": f"UnknownHostException: {HOST}"},
    ),
    "refused": (
        K.UNREACHABLE,
        failed(Stage.CONNECT, Reason.CONNECTION_REFUSED),
        {
            "go": "dial tcp 192.0.2.25:25: connect: connection refused",
            "openssl": "connect:errno=111",
            "java": "Connection refused",
        },
    ),
    "no connection": (
        K.UNREACHABLE,
        failed(Stage.CONNECT, Reason.TIMEOUT),
        {"go": "dial tcp 192.0.2.25:25: …"},
    ),
    "turned away": (
        K.UNREACHABLE,
        EXAMPLES[K.UNREACHABLE],
        {"java": "421 4.3.2 Service not available"},
    ),
    "handshake": (
        K.UNREACHABLE,
        failed(Stage.HANDSHAKE, Reason.TLS_ALERT),
        {"dotnet": "Authentication failed, see inner exception", "java": "SSLHandshakeException"},
    ),
}


@pytest.mark.parametrize(("kind", "context", "parts"), TEXTS.values(), ids=TEXTS)
def test_text(kind: ProblemKind, context: ProblemContext, parts: dict[str, str]) -> None:
    """Each client is quoted for this case."""
    texts = clients(kind, context)
    assert {client: part for client, part in parts.items() if part not in texts[client]} == {}


def test_dotnet_does_not_fetch_over_ldap() -> None:
    """.NET on Linux follows AIA over http alone, so another scheme gives no hope."""
    context = replace(EXAMPLES[K.MISSING_INTERMEDIATE], aia_url="ldap:///CN=CA")
    assert clients(K.MISSING_INTERMEDIATE, context)["dotnet"].startswith(_CHAIN)


def test_a_friendly_reply_is_not_quoted_as_the_reason() -> None:
    """The last reply is no explanation for what happened after it."""
    context = failed(Stage.STARTTLS, Reason.TIMEOUT, reply="250 STARTTLS")
    assert not any("250 STARTTLS" in text for text in clients(K.UNREACHABLE, context).values())


@pytest.mark.parametrize("code", sorted(REASONS))
def test_chain_invalid_knows_every_number(code: int) -> None:
    """Each verify error has OpenSSL's words, and .NET's flags or the statement that there are none."""
    texts = clients(K.CHAIN_INVALID, replace(SERVER, code=code))
    assert f"num={code}:{REASONS[code]}" in texts["openssl"]
    assert (_CHAIN in texts["dotnet"]) is (code in CHAIN_STATUS)


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("reason", Reason)
def test_every_failure_has_texts(stage: Stage, reason: Reason) -> None:
    """No combination of stage and reason leaves a client without words."""
    assert all(clients(K.UNREACHABLE, failed(stage, reason)).values())


@pytest.mark.parametrize("kind", ProblemKind)
@pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=HOSTILE_NAMES)
def test_hostile_names_stay_on_the_line(kind: ProblemKind, name: str) -> None:
    """Whatever others put into names and replies, each text is one printable line of bounded length."""
    for text in clients(kind, hostile_context(name)).values():
        assert text.isprintable()
        assert len(text) <= 1000


@pytest.mark.parametrize("kind", ProblemKind)
def test_nothing_known(kind: ProblemKind) -> None:
    """Without chain and failure the five clients still have texts."""
    assert all(clients(kind, replace(SERVER, chain=(), stores=())).values())
