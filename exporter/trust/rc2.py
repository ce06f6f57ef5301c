"""RC2 (RFC 2268) in CBC mode, to read old PKCS#12 files; as a cipher it protects nothing.

The library has it for keys of 128 bits only, and most such files have it with 40.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

BLOCK = 8

_PITABLE = bytes.fromhex("""
    d978f9c419ddb5ed28e9fd794aa0d89d c67e37832b76538e624c6488448bfba2
    179a59f587b34f1361456d8d09817d32 bd8f40eb86b77b0bf09521225c6b4e82
    54d66593ce60b21c7356c014a78cf1dc 1275ca1f3bbee4d1423dd430a33cb626
    6fbf0eda4669075727f21d9bbc944303 f811c7f690ef3ee706c3d52fc8661ed7
    08e8eade8052eef784aa72ac354d6a2a 961ad2715a1549744b9fd05e0418a4ec
    c2e0416e0f51cbcc2491af50a1f47039 997c3a8523b8b47afc02365b25559731
    2d5dfa98e38a92ae05df2910676cbac9 d300e6cfe19ea82c6316013f58e289a9
    0d38341bab33ffb0bb480c5fb9b1cd2e c5f3db47e5a59c770aa62068fe7fc1ad
""")
_SHIFTS = 1, 2, 3, 5
_MIXING_ROUNDS = 5, 6, 5
"""With a mashing round between them (section 3)."""


def decrypt(key: bytes, iv: bytes, content: bytes) -> bytes:
    """The plain bytes, padding included; all bits of the key are effective ones.

    Raises:
        ValueError: the content is not made of whole blocks.
    """
    if len(content) % BLOCK:
        raise ValueError("not whole blocks")
    words = _expanded(key)
    blocks = [content[at : at + BLOCK] for at in range(0, len(content), BLOCK)]
    return b"".join(_xor(_decrypted(words, block), before) for before, block in pairwise([iv, *blocks]))


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _expanded(key: bytes) -> Sequence[int]:
    """The 64 words of section 2, for as many effective bits as the key has."""
    size = len(key)
    table = bytearray(key)
    while len(table) < 128:
        table.append(_PITABLE[(table[-1] + table[-size]) % 256])
    table[128 - size] = _PITABLE[table[128 - size]]
    for at in reversed(range(128 - size)):
        table[at] = _PITABLE[table[at + 1] ^ table[at + size]]
    return [table[at] | table[at + 1] << 8 for at in range(0, 128, 2)]


def _decrypted(words: Sequence[int], block: bytes) -> bytes:
    """One block, the rounds of section 4 backwards."""
    registers = [block[at] | block[at + 1] << 8 for at in range(0, BLOCK, 2)]
    used = len(words)
    for number, rounds in enumerate(_MIXING_ROUNDS):
        if number:
            _unmash(registers, words)
        for _ in range(rounds):
            used -= len(registers)
            _unmix(registers, words[used : used + 4])
    return b"".join(register.to_bytes(2, "little") for register in registers)


def _unmix(registers: list[int], words: Sequence[int]) -> None:
    for at in (3, 2, 1, 0):
        turned = (registers[at] >> _SHIFTS[at]) | (registers[at] << (16 - _SHIFTS[at]))
        chosen = (registers[at - 1] & registers[at - 2]) + (~registers[at - 1] & registers[at - 3])
        registers[at] = (turned - words[at] - chosen) & 0xFFFF


def _unmash(registers: list[int], words: Sequence[int]) -> None:
    for at in (3, 2, 1, 0):
        registers[at] = (registers[at] - words[registers[at - 1] & 63]) & 0xFFFF
