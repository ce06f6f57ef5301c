"""The column of the table that the openssl command fills, recorded while the tests run.

In: what a server sends and what a store holds. Out: what `openssl verify`, `x509` and `s_client` say about it.
Nothing of this program is used, so an agreement means something.
"""

from __future__ import annotations

import asyncio
import functools
import re
import ssl
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from exporter.model import Mode
from tests.processes import PATIENCE
from tests.programs import program

_NAMES = ("-nameopt", "RFC2253,utf8,-esc_msb")
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
# What this program calls things, by OpenSSL's names for them.
_KEYS = {"rsaEncryption": "RSA {bits}", "id-ecPublicKey": "EC {curve}"}
_CURVES = {"prime256v1": "secp256r1"}
_SIGNATURES = {
    "ecdsa-with-SHA256": "ECDSA-SHA256",
    "sha1WithRSAEncryption": "RSA-SHA1",
    "md5WithRSAEncryption": "RSA-MD5",
    "sha256WithRSAEncryption": "RSA-SHA256",
}


# --- one certificate ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Described:
    """A certificate in the words of `openssl x509`. Dates are Unix time, digests upper-case hex."""

    subject: str
    issuer: str
    serial: str
    sha1: str
    sha256: str
    key: str
    signature: str
    not_before: int
    not_after: int


@functools.cache
def describe(der: bytes) -> Described:
    """Have a certificate read."""
    printed = _x509(der, "-text", "-subject", "-issuer", "-serial", "-dates", "-fingerprint", "-sha256")
    end = printed.rindex("subject=")

    def field(name: str) -> str:
        return _found(rf"^{name}\s*=\s*(.*)$", printed[end:])

    return Described(
        subject=field("subject"),
        issuer=field("issuer"),
        serial=field("serial"),
        sha1=_digest(_x509(der, "-fingerprint", "-sha1")),
        sha256=_digest(printed[end:]),
        key=_key(printed),
        signature=_SIGNATURES[_found(r"Signature Algorithm: (\S+)", printed)],
        not_before=ssl.cert_time_to_seconds(field("notBefore")),
        not_after=ssl.cert_time_to_seconds(field("notAfter")),
    )


def carries(der: bytes, name: str) -> bool:
    """Whether a certificate is for this host name or IP address."""
    return "does match" in _x509(der, "-checkip" if _is_address(name) else "-checkhost", name)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _x509(der: bytes, *options: str) -> str:
    command: list[str | Path] = [program("openssl"), "x509", "-inform", "DER", "-noout", *_NAMES, *options]
    run = subprocess.run(command, input=der, capture_output=True, check=True, timeout=PATIENCE)
    return run.stdout.decode()


def _key(printed: str) -> str:
    curve = re.search(r"ASN1 OID: (\S+)", printed)
    return _KEYS[_found(r"Public Key Algorithm: (\S+)", printed)].format(
        bits=_found(r"Public-Key: \((\d+) bit\)", printed), curve=_CURVES[curve[1]] if curve else ""
    )


def _digest(printed: str) -> str:
    return _found(r"Fingerprint=(\S+)", printed).replace(":", "")


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    assert found, f"no {pattern} in {text}"
    return found[1]


# --- a chain and a store --------------------------------------------------------------------------


@dataclass(frozen=True)
class Verified:
    """What `openssl verify -purpose sslserver` says of a chain: its first error, dates counted.

    `trusted` is whether there is none when dates do not count. `path` holds the certificates of the path
    that it built, whatever they are for, empty when there is none.
    """

    code: int
    depth: int | None
    reason: str
    trusted: bool
    path: tuple[bytes, ...]


class Verifier:
    """Runs `openssl verify` at one moment (Unix time), with files in one directory."""

    def __init__(self, directory: Path, moment: int) -> None:
        self._directory = directory
        self._now = ("-attime", str(moment))

    def verify(self, sent: Sequence[bytes], store: Sequence[bytes]) -> Verified:
        """Verify a chain, leaf first, against a store."""
        files = (*_file(self._directory, "-CAfile", store), *_file(self._directory, "-untrusted", sent))
        leaf = self._directory / "leaf"
        leaf.write_text(ssl.DER_cert_to_PEM_cert(sent[0]), encoding="ascii")

        def run(*options: str) -> str:
            return _verify(*options, *files, leaf)

        code, depth, reason = _first_error(run("-purpose", "sslserver", *self._now))
        trusted = _first_error(run("-purpose", "sslserver", "-no_check_time"))[0] == 0
        path = self._path(run(*self._now), sent, store) or self._path(run("-no_check_time"), sent, store)
        return Verified(code, depth, reason, trusted, path)

    def signed_itself(self, der: bytes) -> bool:
        """Whether a certificate verifies as its own root."""
        file = self._directory / "itself"
        file.write_text(ssl.DER_cert_to_PEM_cert(der), encoding="ascii")
        return _first_error(_verify("-no_check_time", "-CAfile", file, file))[0] == 0

    def _path(self, printed: str, sent: Sequence[bytes], store: Sequence[bytes]) -> tuple[bytes, ...]:
        """The certificates of `-show_chain`, which names them and says which were not in the store."""
        if _first_error(printed)[0]:
            return ()
        shown = re.findall(r"^depth=\d+: (.*?)( \(untrusted\))?$", printed, re.MULTILINE)
        return tuple(_named(subject, sent if untrusted else store) for subject, untrusted in shown)


def _named(subject: str, candidates: Iterable[bytes]) -> bytes:
    (found,) = {der for der in candidates if describe(der).subject == subject}
    return found


def _file(directory: Path, option: str, ders: Iterable[bytes]) -> tuple[str | Path, ...]:
    file = directory / option
    file.write_text("".join(map(ssl.DER_cert_to_PEM_cert, ders)), encoding="ascii")
    return option, file


def _verify(*options: str | Path) -> str:
    command = [program("openssl"), "verify", "-no-CApath", "-no-CAstore", "-show_chain", *_NAMES, *options]
    run = subprocess.run(command, capture_output=True, check=False, timeout=PATIENCE)
    printed = (run.stdout + run.stderr).decode()
    assert (_first_error(printed)[0] == 0) is (run.returncode == 0), printed
    return printed


def _first_error(printed: str) -> tuple[int, int | None, str]:
    error = re.search(r"^error (\d+) at (\d+) depth lookup: *(.*)$", printed, re.MULTILINE)
    return (int(error[1]), int(error[2]), error[3]) if error else (0, None, "ok")


# --- a connection ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Connected:
    """What `openssl s_client` saw: the presented chain, the first error, and what was negotiated."""

    chain: tuple[bytes, ...]
    code: int
    depth: int | None
    version: str
    cipher: str


async def s_client(port: int, mode: Mode, name: str, store: Sequence[bytes], directory: Path) -> Connected:
    """Connect to a port of 127.0.0.1, trusting only this store; weak keys and signatures are welcome."""
    command: list[str | Path] = [program("openssl"), "s_client", "-connect", f"127.0.0.1:{port}"]
    command += ["-showcerts", "-no-CApath", "-no-CAstore", *_file(directory, "-CAfile", store)]
    command += ["-cipher", "DEFAULT:@SECLEVEL=0", "-servername", name]
    command += ["-starttls", "smtp"] if mode is Mode.STARTTLS else []
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe
    )
    printed, complaints = (part.decode() for part in await process.communicate())
    error = re.search(r"^depth=(\d+) .*\nverify error:num=(\d+):", complaints, re.MULTILINE)
    return Connected(
        chain=tuple(ssl.PEM_cert_to_DER_cert(pem) for pem in _PEM.findall(printed)),
        code=int(error[2]) if error else 0,
        depth=int(error[1]) if error else None,
        version=_found(r"^New, (\S+), Cipher is", printed),
        cipher=_found(r", Cipher is (\S+)$", printed),
    )
