"""Text from the network, made harmless for one line of output.

Comes in: any string, as hostile as a banner or a name in a certificate can be. Goes out: a string
that can neither start a line, nor move a cursor, nor turn the direction of what follows. Escaping
for one medium (label values, HTML, perfdata) stays with the rendering for that medium.
"""

from __future__ import annotations

import re

from exporter.words import Mode

LIMIT = 256
"""Characters that are kept of one text unless the caller says otherwise."""

_ATTRIBUTE = re.compile(r"(?:\\.|[^,+\\])+", re.DOTALL)  # in linear time, on any text
_ESCAPE = re.compile(r"((?:\\[0-9A-Fa-f]{2})+)|\\(.)", re.DOTALL)


def one_line(text: str, limit: int = LIMIT) -> str:
    r"""The text as printable characters on one line.

    Line breaks and other white space become spaces. Control characters, ANSI escapes, bidirectional
    and zero-width marks, NUL and bytes that are not UTF-8 are spelled out (`\x1b`, `\u202e`), so
    that a reader sees that they are there.

    Args:
        text: what came from the network.
        limit: most characters in the answer; a longer text ends in `…`.
    """
    if not text.isprintable():
        text = "".join(map(_visible, text[: limit + 1]))
    return text if len(text) <= limit else text[: limit - 1] + "…"


def cut(text: str, octets: int) -> str:
    """A harmless text in at most this many bytes of UTF-8, never splitting a character."""
    encoded = text.encode()
    if len(encoded) <= octets:
        return text
    ellipsis = "…"
    room = octets - len(ellipsis.encode())
    return encoded[:room].decode(errors="ignore").rstrip() + ellipsis if room >= 0 else ""


def well_formed(text: str) -> str:
    """The text with lone surrogates (bytes that were not UTF-8) spelled out, all else untouched."""
    return text if text.isascii() else "".join(_visible(c) if "\ud800" <= c <= "\udfff" else c for c in text)


def common_name(name: str) -> str:
    """What to call the bearer of an RFC 4514 name: its common name, else the whole of it."""
    for attribute in _ATTRIBUTE.findall(name):
        kind, _, value = attribute.partition("=")
        if kind.upper() == "CN" and value:
            return _ESCAPE.sub(_unescaped, value) if "\\" in value else value
    return name


def plural(number: int, noun: str) -> str:
    """`1 day`, `2 days`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def mode_name(mode: Mode) -> str:
    """How TLS begins, as mail administrators write it."""
    return "STARTTLS" if mode is Mode.STARTTLS else "TLS"


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    if character.isspace():
        return " "
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # how Python carries a byte that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _unescaped(escape: re.Match[str]) -> str:
    octets, character = escape.groups()
    if octets is None:
        return str(character)
    return bytes.fromhex(octets.replace("\\", "")).decode("utf-8", "surrogateescape")
