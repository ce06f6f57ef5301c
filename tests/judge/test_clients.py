"""What mail clients say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exporter.judge.clients import CLIENTS, clients
from exporter.judge.context import ProblemContext
from exporter.judge.verify_codes import CHAIN_STATUS, REASONS
from exporter.model import ProblemKind
from tests.judge.contexts import AIA, EXAMPLES, LEAF, ROOT, SELF_SIGNED, SERVER, SUB, with_leaf
from tests.judge.hostile import HOSTILE_NAMES, hostile_context

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


@pytest.mark.parametrize("code", sorted(REASONS))
def test_chain_invalid_knows_every_number(code: int) -> None:
    """Each verify error has OpenSSL's words, and .NET's flags or the statement that there are none."""
    texts = clients(K.CHAIN_INVALID, replace(SERVER, code=code))
    assert f"num={code}:{REASONS[code]}" in texts["openssl"]
    assert (_CHAIN in texts["dotnet"]) is (code in CHAIN_STATUS)


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
