"""Signatures that `cryptography` no longer makes: SHA-1 and MD5, by the openssl command."""

from __future__ import annotations

import dataclasses
import subprocess
import tempfile
from pathlib import Path

from cryptography import x509

from exporter.demo.authority import Issued
from tests.programs import program


def signed_with(digest: str, issued: Issued, issuer: Issued) -> Issued:
    """The same certificate, signed again by the same issuer with another hash: `sha1` or `md5`."""
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        for name, pem in (("cert", issued.pem), ("ca", issuer.pem), ("ca.key", issuer.key_pem)):
            (place / name).write_text(pem, encoding="ascii")
        command: list[str | Path] = [
            program("openssl"),
            "x509",
            "-in",
            place / "cert",
            "-preserve_dates",
            f"-{digest}",
        ]
        command += ["-CA", place / "ca", "-CAkey", place / "ca.key"]
        command += ["-set_serial", str(issued.certificate.serial_number)]
        signed = subprocess.run(command, check=True, capture_output=True, timeout=30).stdout
    return dataclasses.replace(issued, certificate=x509.load_pem_x509_certificate(signed))
