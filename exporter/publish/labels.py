"""Label pairs and numbers in the text format 0.0.4 of Prometheus.

In: names that this program chose, and values that may come from the network. Out: text that is valid
inside the braces of a series, whatever the value was. It must not know what the series mean.
"""

from __future__ import annotations

from exporter.publish.text import one_line

LABEL_LIMIT = 256
"""Characters that are kept of a label value. A longer one ends in an ellipsis."""


def pair(name: str, value: str) -> str:
    """One `name="value"`, with the value cut, made harmless and escaped."""
    if not (value.isascii() and value.isprintable() and len(value) <= LABEL_LIMIT):
        value = one_line(value, limit=LABEL_LIMIT)
    if "\\" in value or '"' in value:
        value = value.replace("\\", r"\\").replace('"', r"\"")
    return f'{name}="{value}"'


def pairs(**values: str) -> str:
    """Several pairs, separated by commas."""
    return ",".join([pair(name, value) for name, value in values.items()])


def number(value: float) -> str:
    """A sample's value: whole numbers and truths without a point, others to a millionth, which is a microsecond."""
    if value is True or value is False:
        return "1" if value else "0"
    return str(int(value)) if isinstance(value, int) else f"{value:.6f}"
