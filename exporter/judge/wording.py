"""How values are spelled in sentences and in commands.

In: text from certificates and servers, moments, lengths of time. Out: short, printable, one-line text.
Whoever chose a certificate's name must not gain anything by it: `shown` is for sentences, `harmless` for
lines that hold commands and may be pasted into a shell, `slug` for the file names and aliases in them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime

NAME_LIMIT = 80
"""Characters of a name or of a server's words that a sentence shows."""
URL_LIMIT = 200
LIST_LIMIT = 5

_INERT = frozenset(" .,-_=@:/+*()[]")
"""Punctuation that a quoted word may hold in sh, cmd and PowerShell alike."""
_COMMON_NAME = re.compile(r"(?:^|[,+])CN=((?:\\.|[^,+\\])*)", re.IGNORECASE)
_WEB_URL = re.compile(r"https?://[A-Za-z0-9.\[\]:-]+(?:/[A-Za-z0-9/?#@&=+%~._,:-]*)?")
_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"))


def shown(text: str, limit: int = NAME_LIMIT) -> str:
    """Printable on one line: white space becomes a space, anything else unprintable a question mark."""
    words = " ".join(text[: 4 * limit].split())
    line = "".join(c if c.isprintable() else "?" for c in words)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def quoted(text: str, limit: int = NAME_LIMIT) -> str:
    """The text between single quotes, as sentences name a certificate or a server's words."""
    return f"'{shown(text, limit)}'"


def listed(names: Iterable[str]) -> str:
    """Quoted names; a long list is cut and says how many more there are."""
    every = tuple(names)
    words = [quoted(name) for name in every[:LIST_LIMIT]]
    if len(every) > LIST_LIMIT:
        words.append(f"{len(every) - LIST_LIMIT} more")
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def harmless(text: str, limit: int = NAME_LIMIT) -> str:
    """Like `shown`, with letters, digits and inert punctuation only.

    No quote, dollar sign, backtick, backslash, semicolon, pipe or redirection is left. PowerShell takes
    typographic quotes for quotes, and commands may hide between look-alikes, so this is a list of what
    may stay. Letters of any script may.
    """
    line = unicodedata.normalize("NFC", shown(text, limit)).rstrip("…")
    return "".join(c if c.isalnum() or c in _INERT else "?" for c in line)


def slug(name: str) -> str:
    """A file name or alias for a certificate, from the Common Name of its RFC 4514 name."""
    found = _COMMON_NAME.search(name)
    words = re.findall(r"[a-z0-9]+", (found.group(1) if found else name)[:200].lower())
    return "-".join(words)[:40].strip("-") or "certificate"


def web_url(url: str) -> str:
    """The URL when a command can fetch it and hold it between single quotes, else nothing."""
    return url if len(url) <= URL_LIMIT and _WEB_URL.fullmatch(url) else ""


def moment(when: datetime) -> str:
    """An aware UTC time to the minute."""
    return f"{when:%Y-%m-%d %H:%M} UTC"


def length(seconds: float) -> str:
    """A length of time in its largest whole unit, rounded down; its sign does not count."""
    for size, unit in _UNITS:
        count = int(abs(seconds) // size)
        if count:
            return f"{count} {unit}" + ("s" if count > 1 else "")
    return "less than a minute"
