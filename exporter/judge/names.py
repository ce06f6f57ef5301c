"""Does the leaf carry a name? Judged on its subject alternative names alone (RFC 9525).

The Common Name is looked at only to explain: old clients (OpenSSL, .NET) still accept it where a
certificate has no DNS names, and an administrator should be told why some of them do not complain.
"""

from __future__ import annotations

import functools
import ipaddress

from service_identity import CertificateError, hazmat

from exporter.idn import ascii_name
from exporter.model import CertificateFacts, NameVerdict


@functools.lru_cache(maxsize=4096)
def match_name(leaf: CertificateFacts, name: str) -> NameVerdict:
    """Compare one expected name, a host name or an IP address, with a certificate.

    `match` is None when the name is not one that could be compared. `matched` is the entry of the
    certificate that carries it; with `match` False it names the Common Name that would have matched.
    """
    try:
        service = _service(name)
    except ValueError:
        return NameVerdict(name, None)
    for san in leaf.sans:
        if _carries(san, service):
            return NameVerdict(name, True, san)
    return NameVerdict(name, False, _by_common_name(leaf, service))


def _service(name: str) -> hazmat.ServiceID:
    """What is looked for: an IP address (RFC 9525 section 6.5) or a DNS name (section 6.3)."""
    try:
        return hazmat.IPAddress_ID(name.strip("[]"))
    except ValueError:
        return hazmat.DNS_ID(ascii_name(name.rstrip(".")))


def _carries(san: str, service: hazmat.ServiceID) -> bool:
    """Whether one entry is the name; one that is malformed is not, and does not hide the others.

    Most of what a hostile certificate lists is told apart by its text alone: ten thousand patterns, each made
    into an object, would hold up everybody else for a tenth of a second.
    """
    kind, _, value = san.partition(":")
    try:
        if kind == "DNS" and isinstance(service, hazmat.DNS_ID):
            hostname = service.hostname.decode("ascii")
            likely = value.strip().lower() in {hostname, f"*.{hostname.partition('.')[2]}"}
            return likely and service.verify(hazmat.DNSPattern.from_bytes(value.encode()))
        if kind == "IP" and isinstance(service, hazmat.IPAddress_ID):
            return service.verify(hazmat.IPAddressPattern(ipaddress.ip_address(value)))
    except (CertificateError, ValueError):
        pass
    return False


def _by_common_name(leaf: CertificateFacts, service: hazmat.ServiceID) -> str | None:
    """The Common Name that clients older than RFC 6125 accept when there is no DNS name at all."""
    if leaf.common_name is None or any(san.startswith("DNS:") for san in leaf.sans):
        return None
    try:
        pattern = hazmat.DNSPattern.from_bytes(leaf.common_name.encode())
    except (CertificateError, ValueError):
        return None
    return f"CN:{leaf.common_name}" if service.verify(pattern) else None
