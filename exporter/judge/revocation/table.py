"""Revoked serial numbers in little memory: an open hash table in arrays.

A slot takes 16 bytes and at least one in four is in use; a dictionary would take some 170 bytes an entry. Filling
it holds Python's lock for no longer than an entry takes, unlike a sort, and looking up takes the same
microsecond in a list of any length. A number is kept as its hash of 64 bits, so that a million entries make
a mistake about one in 10^13 numbers.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass

from cryptography import x509

from exporter.judge.extensions import UNREADABLE

_REASONS = {
    x509.ReasonFlags.unspecified: 0,
    x509.ReasonFlags.key_compromise: 1,
    x509.ReasonFlags.ca_compromise: 2,
    x509.ReasonFlags.affiliation_changed: 3,
    x509.ReasonFlags.superseded: 4,
    x509.ReasonFlags.cessation_of_operation: 5,
    x509.ReasonFlags.certificate_hold: 6,
    x509.ReasonFlags.remove_from_crl: 8,
    x509.ReasonFlags.privilege_withdrawn: 9,
    x509.ReasonFlags.aa_compromise: 10,
}
"""RFC 5280 section 5.3.1."""
_NAMES = {number: reason.value for reason, number in _REASONS.items()}
_NO_REASON = 255
_MASK = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class RevokedTable:
    """Serial number to date and reason. `keys` and `values` are as long as each other."""

    keys: array[int]
    values: array[int]

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return len(self.keys) * (self.keys.itemsize + self.values.itemsize)

    @classmethod
    def of(cls, crl: x509.CertificateRevocationList) -> RevokedTable:
        """All entries of a list.

        Raises:
            ValueError: an entry cannot be read.
        """
        slots = array("Q", bytes(8 << (2 * len(crl)).bit_length()))
        table = cls(slots, slots[:])
        for entry in crl:
            table._put(entry)
        return table

    def find(self, serial: int) -> tuple[int, str | None] | None:
        """When (seconds since 1970) and why a serial number was revoked, None when it is not listed."""
        slot = self._slot(_key(serial))
        if not self.keys[slot]:
            return None
        value = self.values[slot]
        return value >> 8, _NAMES.get(value & 0xFF)

    def _put(self, entry: x509.RevokedCertificate) -> None:
        key = _key(entry.serial_number)
        slot = self._slot(key)
        self.keys[slot] = key
        seconds = max(0, int(entry.revocation_date_utc.timestamp()))
        self.values[slot] = seconds << 8 | _reason(entry)

    def _slot(self, key: int) -> int:
        """Where the key is, or the free place where it belongs."""
        last = len(self.keys) - 1
        slot = key & last
        while self.keys[slot] not in (0, key):
            slot = (slot + 1) & last
        return slot


def _key(serial: int) -> int:
    """Never 0, which marks a free slot. `hash` of bytes is keyed, so nobody can choose collisions."""
    return hash(serial.to_bytes(serial.bit_length() // 8 + 1, signed=True)) & _MASK or 1


def _reason(entry: x509.RevokedCertificate) -> int:
    """255 when it is not given or cannot be read, which does not make the certificate less revoked."""
    try:
        values = [extension.value for extension in entry.extensions]
    except UNREADABLE:
        return _NO_REASON
    reason = next((value.reason for value in values if isinstance(value, x509.CRLReason)), None)
    return _NO_REASON if reason is None else _REASONS[reason]
