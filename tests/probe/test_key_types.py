"""A server with two certificates is asked for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exporter.demo.authority import Leaf
from exporter.model import KeyType, Mode, Observation, Reason, Stage, Target
from exporter.probe.stream import look
from tests.programs import program

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from exporter.demo.authority import Issued
    from tests.conftest import RunProgram


async def observe(port: int, key_type: KeyType | None) -> Observation:
    """What is seen of the certificate of this kind."""
    target = Target(
        name="a", host="127.0.0.1", port=port, mode=Mode.TLS, ehlo_name="monitor.test", key_type=key_type
    )
    return (await look(target, "127.0.0.1", timeout=30))[0]


def _files(issued: Issued, directory: Path, prefix: str) -> tuple[str | Path, ...]:
    key, certificate = directory / f"{prefix}key.pem", directory / f"{prefix}cert.pem"
    key.write_text(issued.key_pem)
    certificate.write_text(issued.pem)
    return (f"-{prefix}key", key, f"-{prefix}cert", certificate)


async def test_each_certificate_is_seen(
    intermediate: Issued, tmp_path: Path, free_port: Callable[[], int], run_program: RunProgram
) -> None:
    """Of a server with an RSA and an ECDSA certificate, each key type shows its own."""
    rsa = intermediate.issue(Leaf("CN=rsa", dns=("mail.example.org",), key="rsa-2048"))
    ecdsa = intermediate.issue(Leaf("CN=ecdsa", dns=("mail.example.org",), key="ec-p256"))
    files = (*_files(rsa, tmp_path, ""), *_files(ecdsa, tmp_path, "d"))
    port = free_port()
    run_program(program("openssl"), "s_server", "-accept", str(port), "-quiet", *files, port=port)
    assert (await observe(port, KeyType.RSA)).chain[0] == rsa.der
    assert (await observe(port, KeyType.ECDSA)).chain[0] == ecdsa.der
    assert (await observe(port, None)).chain[0] in {rsa.der, ecdsa.der}


@pytest.mark.parametrize(("has", "wanted"), [("ec-p256", KeyType.RSA), ("rsa-2048", KeyType.ECDSA)])
async def test_certificate_that_is_not_there(
    has: str,
    wanted: KeyType,
    intermediate: Issued,
    tmp_path: Path,
    free_port: Callable[[], int],
    run_program: RunProgram,
) -> None:
    """A server without a certificate of the kind ends the handshake with an alert."""
    leaf = intermediate.issue(Leaf("CN=one", dns=("mail.example.org",), key=has))
    port = free_port()
    files = _files(leaf, tmp_path, "")
    run_program(program("openssl"), "s_server", "-accept", str(port), "-quiet", *files, port=port)
    seen = await observe(port, wanted)
    assert seen.failure is not None
    assert (seen.failure.stage, seen.failure.reason) == (Stage.HANDSHAKE, Reason.TLS_ALERT)
