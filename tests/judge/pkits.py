"""NIST's Public Key Interoperability Test Suite, as the package `cryptography-vectors` carries it.

The suite comes with one signed S/MIME message per test, which holds the certificates of that test's path,
so the paths need not be written down again. Out: one `Vector` per test, and the trust anchor of them all.
"""

from __future__ import annotations

import email
import functools
import importlib.util
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

MESSAGES = 224
"""How many tests the suite of 2011 has messages for."""

# Sections 4.8 to 4.12: policies.
_POLICIES = re.compile(r"Polic|Qualifier")
# Sections 4.4, 4.14 and 4.15, and what sections 4.5 and 4.7 ask about CRLs.
_REVOCATION = re.compile(
    r"CRL|cRL|Revoked|SerialNumber|IDP|distributionPoint|DistributionPoint|onlyContains|onlySomeReasons"
)


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
    """All tests in the order of their names; none where the package is not installed."""
    directory = _directory()
    if directory is None:
        return ()
    files = sorted((directory / "smime").glob("*.eml"))
    return tuple(Vector(file.stem.removeprefix("Signed"), _path(file)) for file in files)


def anchor() -> bytes:
    """The certificate that every path leads to, as DER. Skips the test without the package."""
    directory = _directory()
    if directory is None:
        pytest.skip("the package cryptography-vectors is not installed")
    return (directory / "certs" / "TrustAnchorRootCertificate.crt").read_bytes()


def _directory() -> Path | None:
    package = importlib.util.find_spec("cryptography_vectors")
    if package is None or package.origin is None:
        return None
    return Path(package.origin).parent / "x509" / "PKITS_data"


@functools.cache
def _certificates() -> Mapping[str, bytes]:
    directory = _directory()
    assert directory is not None
    return {file.stem: file.read_bytes() for file in (directory / "certs").glob("*.crt")}


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


def ids(values: Sequence[Vector]) -> list[str]:
    """Names for a parametrized test."""
    return [vector.name for vector in values]
