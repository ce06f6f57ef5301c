"""Encryption and the checksum of PKCS#12 files (RFC 7292), both made from a password.

In: elements of DER and a password. Out: plain bytes, or a `ValueError`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import TypeVar

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, CipherAlgorithm
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from exporter.der import Element, dotted
from exporter.trust import rc2

_Value = TypeVar("_Value")

_INTEGER, _OCTETS = 0x02, 0x04

_PBES2, _PBKDF2 = "1.2.840.113549.1.5.13", "1.2.840.113549.1.5.12"
_TRIPLE_DES_KEYS = {"1.2.840.113549.1.12.1.3": 24, "1.2.840.113549.1.12.1.4": 16}
_RC2_KEYS = {"1.2.840.113549.1.12.1.5": 16, "1.2.840.113549.1.12.1.6": 5}
"""Bytes of the key, by the scheme of RFC 7292 appendix C."""

_CIPHERS: dict[str, tuple[type[AES] | type[TripleDES], int]] = {
    "2.16.840.1.101.3.4.1.2": (AES, 16),
    "2.16.840.1.101.3.4.1.22": (AES, 24),
    "2.16.840.1.101.3.4.1.42": (AES, 32),
    "1.2.840.113549.3.7": (TripleDES, 24),
}
_HMACS = {
    "1.2.840.113549.2.7": "sha1",
    "1.2.840.113549.2.8": "sha224",
    "1.2.840.113549.2.9": "sha256",
    "1.2.840.113549.2.10": "sha384",
    "1.2.840.113549.2.11": "sha512",
}
_DIGESTS = {
    "1.3.14.3.2.26": "sha1",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
    "2.16.840.1.101.3.4.2.4": "sha224",
}

_FOR_KEY, _FOR_IV, _FOR_CHECKSUM = 1, 2, 3


def decrypt(algorithm: Element, content: bytes, password: str | None) -> bytes:
    """The content that a scheme of RFC 8018 (PBES2) or RFC 7292 appendix C has encrypted.

    Raises:
        ValueError: the scheme is not known, or the password is another.
    """
    scheme, *parameters = algorithm.children()
    name = dotted(scheme)
    if name == _PBES2:
        derivation, cipher = parameters[0].children()
        return _with_pbes2(derivation, cipher, content, (password or "").encode())
    if size := _TRIPLE_DES_KEYS.get(name) or _RC2_KEYS.get(name):
        salt, rounds = _salt_and_rounds(parameters[0])
        secret = _secret(password)
        key = _derive("sha1", _FOR_KEY, secret, salt, rounds, size)
        iv = _derive("sha1", _FOR_IV, secret, salt, rounds, rc2.BLOCK)
        if name in _RC2_KEYS:
            return _unpadded(rc2.decrypt(key, iv, content), rc2.BLOCK)
        return _decipher(TripleDES(key), iv, content)
    raise ValueError(f"the encryption {name} is not known here")


def intact(checksum: Element, content: memoryview, password: str | None) -> bool:
    """Whether the checksum of a file (MacData, RFC 7292 section 4) is that of its content with this password.

    Raises:
        ValueError: it is made in a way that is not known.
    """
    digest, *derivation = checksum.children()
    algorithm, value = digest.children()
    name = _known(_DIGESTS, algorithm.children()[0])
    rounds = _number(derivation[1]) if len(derivation) > 1 else 1
    size = hashlib.new(name).digest_size
    key = _derive(name, _FOR_CHECKSUM, _secret(password), bytes(derivation[0].value), rounds, size)
    return hmac.compare_digest(hmac.digest(key, bytes(content), name), bytes(value.value))


def _with_pbes2(derivation: Element, cipher: Element, content: bytes, password: bytes) -> bytes:
    function, parameters = derivation.children()
    if dotted(function) != _PBKDF2:
        raise ValueError(f"the derivation {dotted(function)} is not known here")
    salt, rounds = _salt_and_rounds(parameters)
    others = [one for one in parameters.children()[2:] if one.tag != _INTEGER]
    digest = _known(_HMACS, others[0].children()[0]) if others else "sha1"
    identifier, iv = cipher.children()
    kind, size = _known(_CIPHERS, identifier)
    return _decipher(
        kind(hashlib.pbkdf2_hmac(digest, password, salt, rounds, size)), bytes(iv.value), content
    )


def _decipher(algorithm: CipherAlgorithm, iv: bytes, content: bytes) -> bytes:
    """Decrypt in CBC mode and take the padding off."""
    machine = Cipher(algorithm, CBC(iv)).decryptor()
    return _unpadded(machine.update(content) + machine.finalize(), len(iv))


def _unpadded(data: bytes, block: int) -> bytes:
    """A wrong padding is how a wrong password shows."""
    padding = PKCS7(block * 8).unpadder()
    return padding.update(data) + padding.finalize()


def _derive(name: str, purpose: int, secret: bytes, salt: bytes, rounds: int, size: int) -> bytes:
    """RFC 7292 appendix B.2, the way to keys that only PKCS#12 has."""
    block = hashlib.new(name).block_size
    state = _filled(salt, block) + _filled(secret, block)
    key = b""
    while len(key) < size:
        digest = bytes([purpose]) * block + state
        for _ in range(rounds):
            digest = hashlib.new(name, digest).digest()
        key += digest
        state = _next_state(state, digest, block)
    return key[:size]


def _next_state(state: bytes, digest: bytes, block: int) -> bytes:
    """Add the digest and one to each block of the state."""
    addend = int.from_bytes(_filled(digest, block)) + 1
    blocks: Sequence[bytes] = [state[at : at + block] for at in range(0, len(state), block)]
    return b"".join(((int.from_bytes(one) + addend) % 256**block).to_bytes(block) for one in blocks)


def _filled(data: bytes, block: int) -> bytes:
    """The data repeated up to whole blocks; nothing stays nothing."""
    size = -(-len(data) // block) * block
    return (data * (size // len(data) + 1))[:size] if data else b""


def _secret(password: str | None) -> bytes:
    """The password as appendix B.1 wants it; none at all has not even the zeros at its end."""
    return b"" if password is None else (password + "\0").encode("utf-16-be", "surrogatepass")


def _salt_and_rounds(parameters: Element) -> tuple[bytes, int]:
    salt, rounds, *_ = parameters.children()
    if salt.tag != _OCTETS:
        raise ValueError("no salt")
    return bytes(salt.value), _number(rounds)


def _number(element: Element) -> int:
    if element.tag != _INTEGER or not 1 <= (number := int.from_bytes(element.value)) < 2**31:
        raise ValueError("not a number of rounds")
    return number


def _known(table: Mapping[str, _Value], identifier: Element) -> _Value:
    name = dotted(identifier)
    if name not in table:
        raise ValueError(f"the algorithm {name} is not known here")
    return table[name]
