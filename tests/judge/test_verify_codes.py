"""OpenSSL's numbers, our words."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from OpenSSL import SSL

from exporter.demo.authority import DAY, Intermediate, Issued, Leaf, Root, self_signed
from exporter.judge.verify_codes import CHAIN_STATUS, REASONS, SIGNATURE_FAILURE, chain_status, reason
from tests.judge.contexts import NOW

_PREFIX = "X509_V_ERR_"
_LIB = vars(SSL)["_lib"]  # private, and the only place where Python has these numbers
_NUMBERS = {name.removeprefix(_PREFIX): getattr(_LIB, name) for name in dir(_LIB) if name.startswith(_PREFIX)}

# One distinctive part of the text for numbers that our table must not have mixed up.
_PARTS = {
    "UNABLE_TO_GET_ISSUER_CERT": "unable to get issuer",
    "UNABLE_TO_GET_CRL": "unable to get certificate CRL",
    "CERT_SIGNATURE_FAILURE": "certificate signature failure",
    "CERT_NOT_YET_VALID": "not yet valid",
    "CERT_HAS_EXPIRED": "certificate has expired",
    "DEPTH_ZERO_SELF_SIGNED_CERT": "self-signed certificate",
    "SELF_SIGNED_CERT_IN_CHAIN": "in certificate chain",
    "UNABLE_TO_GET_ISSUER_CERT_LOCALLY": "local issuer",
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE": "first certificate",
    "CERT_CHAIN_TOO_LONG": "too long",
    "CERT_REVOKED": "revoked",
    "PATH_LENGTH_EXCEEDED": "path length constraint",
    "INVALID_PURPOSE": "purpose",
    "CERT_UNTRUSTED": "not trusted",
    "CERT_REJECTED": "rejected",
    "KEYUSAGE_NO_CERTSIGN": "certificate signing",
    "UNHANDLED_CRITICAL_EXTENSION": "unhandled critical extension",
    "PERMITTED_VIOLATION": "permitted subtree",
    "EXCLUDED_VIOLATION": "excluded subtree",
    "HOSTNAME_MISMATCH": "hostname mismatch",
    "IP_ADDRESS_MISMATCH": "IP address mismatch",
    "INVALID_CA": "invalid CA",
}

# Names of .NET flags by OpenSSL's names, as .NET maps them.
_FLAGS = {
    "CERT_HAS_EXPIRED": ("NotTimeValid",),
    "CERT_NOT_YET_VALID": ("NotTimeValid",),
    "CERT_REVOKED": ("Revoked",),
    "CERT_SIGNATURE_FAILURE": ("NotSignatureValid",),
    "CERT_UNTRUSTED": ("UntrustedRoot",),
    "DEPTH_ZERO_SELF_SIGNED_CERT": ("UntrustedRoot",),
    "SELF_SIGNED_CERT_IN_CHAIN": ("UntrustedRoot",),
    "UNABLE_TO_GET_CRL": ("RevocationStatusUnknown", "OfflineRevocation"),
    "CRL_HAS_EXPIRED": ("RevocationStatusUnknown", "OfflineRevocation"),
    "INVALID_EXTENSION": ("InvalidExtension",),
    "UNABLE_TO_GET_ISSUER_CERT_LOCALLY": ("PartialChain",),
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE": ("PartialChain",),
    "INVALID_PURPOSE": ("NotValidForUsage",),
    "PATH_LENGTH_EXCEEDED": ("InvalidBasicConstraints",),
    "INVALID_CA": ("InvalidBasicConstraints",),
    "NO_EXPLICIT_POLICY": ("InvalidPolicyConstraints",),
    "CERT_REJECTED": ("ExplicitDistrust",),
    "UNHANDLED_CRITICAL_EXTENSION": ("HasNotSupportedCriticalExtension",),
    "PERMITTED_VIOLATION": ("HasNotPermittedNameConstraint",),
    "EXCLUDED_VIOLATION": ("HasExcludedNameConstraint",),
    "SUBTREE_MINMAX": ("HasNotSupportedNameConstraint",),
    "UNSUPPORTED_NAME_SYNTAX": ("InvalidNameConstraints",),
    "CERT_CHAIN_TOO_LONG": (),
}


def test_every_number_of_openssl_has_a_text() -> None:
    """No verify error that the installed OpenSSL names falls back to the text for unknown ones."""
    assert len(_NUMBERS) > 40
    assert {number for number in _NUMBERS.values() if number not in REASONS} == set()


@pytest.mark.parametrize(("name", "part"), _PARTS.items(), ids=_PARTS)
def test_the_text_belongs_to_the_number(name: str, part: str) -> None:
    """The text says what OpenSSL's own name of the number says."""
    assert part in reason(_NUMBERS[name])


@pytest.mark.parametrize(("name", "flags"), _FLAGS.items(), ids=_FLAGS)
def test_dotnet_flags(name: str, flags: tuple[str, ...]) -> None:
    """Each verify error has .NET's own flags."""
    assert chain_status(_NUMBERS[name]) == flags


def test_texts_are_told_apart() -> None:
    """Two numbers never share a text, and every number with .NET flags has one."""
    assert len(set(REASONS.values())) == len(REASONS)
    assert set(CHAIN_STATUS) <= set(REASONS)
    assert _NUMBERS["CERT_SIGNATURE_FAILURE"] == SIGNATURE_FAILURE


@pytest.mark.parametrize("code", [95, 4711, -1])
def test_unknown_number(code: int) -> None:
    """A number of a later OpenSSL is spelled out, and has no flags."""
    assert reason(code) == f"unknown verification error {code}"
    assert chain_status(code) == ()


def _case(name: str) -> tuple[tuple[Issued, ...], Issued]:
    """A presented chain and the root that is trusted."""
    root = self_signed(Root("CN=Contoso Offline Root CA"), NOW)
    sub = root.issue(Intermediate("CN=Contoso Subordinate CA"))
    match name:
        case "good":
            return (sub.issue(Leaf("CN=a.example")), sub), root
        case "expired":
            return (sub.issue(Leaf("CN=a.example", ends=-DAY)), sub), root
        case "not yet valid":
            return (sub.issue(Leaf("CN=a.example", begins=DAY)), sub), root
        case "root not trusted":
            return (sub.issue(Leaf("CN=a.example")), sub), self_signed(Root("CN=Other"), NOW)
        case "self-signed":
            return (self_signed(Leaf("CN=a.example"), NOW),), root
        case _:
            stranger = self_signed(Root("CN=Stranger"), NOW)
            return (sub.issue(Leaf("CN=a.example", signing_key=stranger.key)), sub), root


@pytest.mark.parametrize(
    "name", ["good", "expired", "not yet valid", "root not trusted", "self-signed", "bad signature"]
)
def test_openssl_says_the_same(name: str, tmp_path: Path) -> None:
    """For errors whose words are the same in all of OpenSSL 3, `openssl verify` prints ours."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("the openssl command is not installed")
    chain, root = _case(name)
    for file, certificate in (("leaf", chain[0]), ("sub", chain[-1]), ("root", root)):
        (tmp_path / file).write_text(certificate.pem)
    moment = str(int(NOW.timestamp()))
    done = subprocess.run(
        [openssl, "verify", "-attime", moment, "-CAfile", "root", "-untrusted", "sub", "leaf"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"error (\d+) at \d+ depth lookup: (.*)", done.stdout + done.stderr)
    if name == "good":
        assert found is None
        assert done.returncode == 0
    else:
        assert found is not None
        assert found[2] == reason(int(found[1]))
