"""NIST's Public Key Interoperability Test Suite, as the package `cryptography-vectors` carries it.

The suite comes with one signed S/MIME message per test, which holds the certificates of that test's path,
so the paths need not be written down again. Out: one `Vector` per test, and the trust anchor of them all.
"""

from __future__ import annotations

import email
import functools
import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

# Sections 4.8 to 4.12: policies.
_POLICIES = re.compile(r"Polic|Qualifier")
# Sections 4.4, 4.5, 4.14 and 4.15, and what section 4.7 asks about CRLs.
_REVOCATION = re.compile(
    r"CRL|cRL|Revoked|SerialNumber|BasicSelfIssued|IDP|[dD]istributionPoint|onlyContains|onlySomeReasons"
)
# The message of this test holds the path of test 19.
_MISTAKEN = {"ValidonlySomeReasonsTest18": ("ValidonlySomeReasonsTest18EE", "onlySomeReasonsCA3Cert")}


class Vector(NamedTuple):
    """One test: its name, and the certificates of its path below the trust anchor as DER, leaf first."""

    name: str
    path: tuple[bytes, ...]

    @property
    def valid(self) -> bool:
        """Whether the suite wants the path to be accepted; asked only of those without policies and CRLs."""
        return self.name.startswith("Valid")

    @property
    def needs_policies(self) -> bool:
        """Whether the test is about certificate policies."""
        return _POLICIES.search(self.name) is not None

    @property
    def needs_revocation(self) -> bool:
        """Whether the test is about CRLs."""
        return _REVOCATION.search(self.name) is not None


@functools.cache
def vectors() -> tuple[Vector, ...]:
    """All tests in the order of their names."""
    files = sorted((_directory() / "smime").glob("*.eml"))
    return tuple(_vector(file) for file in files)


def anchor() -> bytes:
    """The certificate that every path leads to, as DER."""
    return _certificates()["TrustAnchorRootCertificate"]


def _directory() -> Path:
    package = importlib.util.find_spec("cryptography_vectors")
    assert package is not None, "the package cryptography-vectors is not installed"
    assert package.origin is not None
    return Path(package.origin).parent / "x509" / "PKITS_data"


@functools.cache
def _certificates() -> Mapping[str, bytes]:
    return {file.stem: file.read_bytes() for file in (_directory() / "certs").glob("*.crt")}


def _vector(message: Path) -> Vector:
    name = message.stem.removeprefix("Signed")
    if name in _MISTAKEN:
        return Vector(name, tuple(_certificates()[each] for each in _MISTAKEN[name]))
    return Vector(name, _path(message))


def _path(message: Path) -> tuple[bytes, ...]:
    """The suite's certificates that a message holds; it has the leaf last.

    They are searched for, not parsed: no parser has to agree with any other about them.
    """
    signature = _signature(message)
    positions = ((signature.find(der), der) for der in _certificates().values())
    found = sorted((at, der) for at, der in positions if at >= 0)
    return tuple(der for _at, der in reversed(found))


def _signature(message: Path) -> bytes:
    parts = email.message_from_bytes(message.read_bytes()).walk()
    (payload,) = (
        part.get_payload(decode=True)
        for part in parts
        if part.get_content_type() == "application/pkcs7-signature"
    )
    assert isinstance(payload, bytes)
    return payload
