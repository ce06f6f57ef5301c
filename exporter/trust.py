"""Trust stores: from what an administrator names to a set of anchors, loaded once.

`system` is what OpenSSL on this machine trusts, `pem` a file, several files or a directory. A store
that cannot be read is an error; one broken certificate inside a store is left out with a warning.
"""

from __future__ import annotations

import binascii
import logging
import os
import re
import ssl
import stat
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from cryptography import x509

from exporter.model import TrustStore

log = logging.getLogger(__name__)

_PEM = re.compile(
    rb"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----(.*?)-----END (?:X509 |TRUSTED )?CERTIFICATE-----",
    re.DOTALL,
)
# Where distributions keep their bundle, for Pythons whose OpenSSL was built with other defaults.
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # Alpine, BSD, macOS
    "/usr/local/share/certs/ca-root-nss.crt",  # FreeBSD
)


class StoreError(Exception):
    """A trust store cannot be used; the message names the file and the reason."""


def load(label: str, kind: str, paths: tuple[Path, ...]) -> TrustStore:
    """Read one trust store.

    Args:
        label: its name in the configuration and in metrics.
        kind: `system` or `pem`.
        paths: the files or directories of a `pem` store.

    Raises:
        StoreError: the kind is unknown, a file cannot be read, or there is no certificate at all.
    """
    loader = _LOADERS.get(kind)
    if loader is None:
        raise StoreError(f"unknown type of trust store: {kind!r}")
    try:
        anchors = tuple(dict.fromkeys(loader(paths)))
    except OSError as error:
        raise StoreError(f"{error.filename}: {error.strerror}") from error
    if not anchors:
        where = ", ".join(map(str, paths)) or "this system"
        raise StoreError(f"no certificate found in {where}")
    return TrustStore(label, anchors)


def system() -> TrustStore:
    """The store that OpenSSL on this machine uses, under its usual label."""
    return load("system", "system", ())


def _load_system(_paths: tuple[Path, ...]) -> Iterator[bytes]:
    """SSL_CERT_FILE and SSL_CERT_DIR, else OpenSSL's defaults, else the distribution's bundle."""
    defaults = ssl.get_default_verify_paths()
    file = os.environ.get(defaults.openssl_cafile_env)
    directory = os.environ.get(defaults.openssl_capath_env)
    if file or directory:
        named = [
            *(file.split(os.pathsep) if file else ()),
            *(directory.split(os.pathsep) if directory else ()),
        ]
        return _load_pem(tuple(Path(name) for name in named))
    candidates = (defaults.cafile, defaults.openssl_cafile, *_BUNDLES)
    bundle = next((Path(name) for name in candidates if name and Path(name).is_file()), None)
    if bundle is not None:
        return _load_pem((bundle,))
    return _load_pem((Path(defaults.capath),) if defaults.capath else ())


def _load_pem(paths: tuple[Path, ...]) -> Iterator[bytes]:
    for path in paths:
        for file in _files(path):
            yield from _certificates(file)


def _files(path: Path) -> Iterator[Path]:
    """A file, or the files of a directory, each once however many `c_rehash` links lead to it."""
    if not path.is_dir():
        yield path
        return
    seen: set[tuple[int, int]] = set()
    for entry in sorted(path.iterdir()):
        try:
            status = entry.stat()
        except FileNotFoundError:
            log.warning("%s leads nowhere and is left out", entry)
            continue
        if stat.S_ISREG(status.st_mode) and (status.st_dev, status.st_ino) not in seen:
            seen.add((status.st_dev, status.st_ino))
            yield entry


def _certificates(file: Path) -> Iterator[bytes]:
    """The certificates of a PEM file; without any PEM block, the file as one DER certificate."""
    data = file.read_bytes()
    blocks = _PEM.findall(data)
    if not blocks and data[:1] == b"\x30":
        blocks = [data]
    for number, block in enumerate(blocks, 1):
        try:
            der = block if block is data else b64decode(block)
            x509.load_der_x509_certificate(der)
        except (ValueError, binascii.Error) as error:
            log.warning("certificate %d of %s is left out: %s", number, file, error)
            continue
        yield der


_LOADERS: Mapping[str, Callable[[tuple[Path, ...]], Iterator[bytes]]] = {
    "system": _load_system,
    "pem": _load_pem,
}
