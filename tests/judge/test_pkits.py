"""NIST's path validation suite (PKITS), with `openssl verify` as the second opinion on each path.

The suite's verdicts suppose that policies and CRLs are processed; OpenSSL by default, and this program,
process neither here. So the code and depth of every path are compared with OpenSSL's, and whether it is
valid also with what NIST wants, where the path needs neither.

The differences from OpenSSL are all here:

ValidDSAParameterInheritanceTest5  Its leaf and the authority above it have DSA keys without parameters,
    which they were to inherit (RFC 3279 section 2.3.2). `cryptography` does not read such a certificate,
    so there is no verdict. OpenSSL does not accept the path either, against NIST's wish: it does not
    find the issuer of a certificate whose key it cannot read.
"""

from __future__ import annotations

import re
import ssl
import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from exporter.judge.certificates import UnreadableCertificateError, read_certificate
from exporter.judge.chain import judge_chain
from exporter.model import StoreVerdict, TrustStore
from tests.judge import pkits
from tests.programs import program

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.judge.pkits import Vector

NOW = datetime(2020, 1, 1, tzinfo=UTC)
"""A moment at which the suite's certificates are valid, but for those that must not be."""
UNREADABLE = "ValidDSAParameterInheritanceTest5"

VECTORS = [vector for vector in pkits.vectors() if vector.name != UNREADABLE]
PLAIN = [vector for vector in VECTORS if not (vector.needs_policies or vector.needs_revocation)]


def verdict(vector: Vector) -> StoreVerdict:
    """Our word on a path."""
    chain = tuple(map(read_certificate, vector.path))
    (only,) = judge_chain(chain, {"nist": TrustStore("nist", (pkits.anchor(),))}, NOW).stores
    return only


def openssl_says(vector: Vector, directory: Path) -> tuple[int, int | None]:
    """Code and depth of the first error of `openssl verify`; 0 and None where there is none."""
    command: list[str | Path] = [program("openssl"), "verify", "-no-CApath", "-no-CAstore"]
    command += ["-purpose", "sslserver", "-attime", f"{NOW.timestamp():.0f}"]
    command += ["-CAfile", _pem(directory / "anchor", [pkits.anchor()])]
    command += [
        "-untrusted",
        _pem(directory / "path", vector.path),
        _pem(directory / "leaf", vector.path[:1]),
    ]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    error = re.search(r"^error (\d+) at (\d+) depth lookup", run.stdout + run.stderr, re.MULTILINE)
    assert bool(error) is bool(run.returncode), run.stderr
    return (int(error[1]), int(error[2])) if error else (0, None)


def _pem(file: Path, ders: Iterable[bytes]) -> Path:
    file.write_text("".join(map(ssl.DER_cert_to_PEM_cert, ders)), encoding="ascii")
    return file


def test_the_suite_is_complete() -> None:
    """All paths of the suite were found, and those of the tests about neither policies nor CRLs."""
    names = [vector.name for vector in pkits.vectors()]
    assert len(set(names)) == len(names) == 224
    assert len(VECTORS) == 223
    assert len(PLAIN) == 84
    assert {len(vector.path) for vector in VECTORS} == {1, 2, 3, 4, 5}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_code_and_depth_are_openssls(vector: Vector, tmp_path: Path) -> None:
    """First error and its depth equal those of `openssl verify -purpose sslserver`."""
    ours = verdict(vector)
    assert (ours.code, ours.depth) == openssl_says(vector, tmp_path)
    assert ours.valid is (ours.code == 0)


@pytest.mark.parametrize("vector", PLAIN, ids=lambda vector: vector.name)
def test_nist_agrees(vector: Vector) -> None:
    """A path that needs neither policies nor CRLs is accepted exactly where NIST wants it accepted."""
    assert verdict(vector).valid is vector.valid


def test_inherited_dsa_parameters(tmp_path: Path) -> None:
    """Of a key without parameters we say nothing, and OpenSSL refuses it."""
    (vector,) = (each for each in pkits.vectors() if each.name == UNREADABLE)
    with pytest.raises(UnreadableCertificateError):
        verdict(vector)
    assert openssl_says(vector, tmp_path) == (20, 0)
