"""A name against a certificate as service-identity compares them, whatever the one and the other look like."""

from __future__ import annotations

import ipaddress

from service_identity import CertificateError, hazmat

from exporter.idn import ascii_name
from exporter.judge.names import could_carry
from exporter.model import CertificateFacts, NameVerdict


def match(leaf: CertificateFacts, name: str) -> NameVerdict:
    """The verdict that `names.match_name` gives, which remembers it."""
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
            return could_carry(value, hostname) and service.verify(
                hazmat.DNSPattern.from_bytes(value.encode())
            )
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
