"""As much of DER (X.690) as it takes to find parts of a message that the library does not hand out.

It re-encodes the signed part of a revocation list whenever it is asked for it, does not tell the
parameters of an OCSP signature, and opens a PKCS#12 file only as a whole; all that stands in the bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

OBJECT_IDENTIFIER = 0x06
SEQUENCE = 0x30
CONTEXT_0 = 0xA0


class Element(NamedTuple):
    """A tagged value within `data`: its header begins at `start`, its content at `content`."""

    data: memoryview
    tag: int
    start: int
    content: int
    end: int

    @property
    def encoded(self) -> memoryview:
        """Header and content."""
        return self.data[self.start : self.end]

    @property
    def value(self) -> memoryview:
        """The content alone."""
        return self.data[self.content : self.end]

    def children(self, limit: int = 8) -> Sequence[Element]:
        """The elements in the content, the first `limit` of them.

        Raises:
            ValueError: they do not fit into it.
        """
        found: list[Element] = []
        at = self.content
        while at < self.end and len(found) < limit:
            found.append(_element(self.data, at, self.end))
            at = found[-1].end
        return found


def parse(data: bytes | memoryview) -> Element:
    """The element that the data begin with.

    Raises:
        ValueError: they do not, or not all of it is there.
    """
    view = memoryview(data)
    return _element(view, 0, len(view))


def _element(data: memoryview, start: int, limit: int) -> Element:
    if limit - start < 2:
        raise ValueError("an element without a length")
    tag, length, content = data[start], data[start + 1], start + 2
    if tag & 0x1F == 0x1F:
        raise ValueError("a tag of more than one byte")
    if length & 0x80:
        octets = length & 0x7F
        if not 1 <= octets <= 4 or limit - content < octets:
            raise ValueError("not a definite length")
        length = int.from_bytes(data[content : content + octets], "big")
        content += octets
    if length > limit - content:
        raise ValueError("an element that is cut off")
    return Element(data, tag, start, content, content + length)


def dotted(element: Element) -> str:
    """An object identifier as people write it (X.690 section 8.19).

    Raises:
        ValueError: it is none.
    """
    if element.tag != OBJECT_IDENTIFIER or not element.value or element.value[-1] & 0x80:
        raise ValueError("not an object identifier")
    arcs, arc = [], 0
    for octet in element.value:
        arc = arc << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, [first, arcs[0] - 40 * first, *arcs[1:]]))
