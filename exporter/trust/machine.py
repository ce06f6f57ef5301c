"""What this machine trusts: OpenSSL's settings and the distribution's bundle, on Windows its stores.

In: the environment and the system. Out: what may be certificates. The order is that of OpenSSL: its
variables replace everything else.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from cryptography import x509

from exporter.trust import pem
from exporter.trust.files import Entry

# Where distributions keep their bundle, for Pythons whose OpenSSL was built with other defaults.
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # Alpine, BSD, macOS
    "/usr/local/share/certs/ca-root-nss.crt",  # FreeBSD
)
_SERVER_AUTH = "1.3.6.1.5.5.7.3.1"

_Listing = Callable[[str], Iterable[tuple[bytes, str, bool | frozenset[str]]]]
"""`ssl.enum_certificates`: name of a store to DER, encoding, and True or the purposes it is trusted for."""


def entries() -> Iterator[Entry]:
    """Yield the certificates of the first source that there is.

    SSL_CERT_FILE and SSL_CERT_DIR, else the stores of Windows, else OpenSSL's default file, else the
    distribution's bundle, else OpenSSL's default directory.

    Raises:
        StoreError: a file cannot be read.
        OSError: a directory or a store of Windows cannot be listed.
    """
    if named := _named_by_environment():
        return pem.entries(named)
    listing: _Listing | None = getattr(ssl, "enum_certificates", None)  # only there on Windows
    if listing is not None:
        return _windows(listing)
    return pem.entries(_defaults())


def files() -> tuple[Path, ...]:
    """What `entries` would read; nothing on Windows, whose stores are no files."""
    if named := _named_by_environment():
        return named
    return () if hasattr(ssl, "enum_certificates") else _defaults()


def _named_by_environment() -> tuple[Path, ...]:
    defaults = ssl.get_default_verify_paths()
    named = (
        os.environ.get(defaults.openssl_cafile_env, ""),
        *os.environ.get(defaults.openssl_capath_env, "").split(os.pathsep),
    )
    return tuple(Path(name) for name in named if name)


def _defaults() -> tuple[Path, ...]:
    defaults = ssl.get_default_verify_paths()
    candidates = (defaults.cafile, defaults.openssl_cafile, *_BUNDLES)
    bundle = next((Path(name) for name in candidates if name and Path(name).is_file()), None)
    if bundle is not None:
        return (bundle,)
    return (Path(defaults.capath),) if defaults.capath else ()


def _windows(listing: _Listing) -> Iterator[Entry]:
    """Of ROOT what is trusted for servers, of CA the intermediates.

    Windows ends no path in CA: a self-signed certificate that someone put there is not trusted.
    """
    for store in ("ROOT", "CA"):
        for number, (data, encoding, trust) in enumerate(listing(store), 1):
            if encoding != "x509_asn" or not (trust is True or (trust and _SERVER_AUTH in trust)):
                continue
            if store == "ROOT" or not _is_self_signed(data):
                yield f"certificate {number} of the Windows store {store}", data


def _is_self_signed(der: bytes) -> bool:
    try:
        certificate = x509.load_der_x509_certificate(der)
    except (ValueError, x509.InvalidVersion):
        return False  # the caller of `entries` will find it broken and say so
    return certificate.subject == certificate.issuer
