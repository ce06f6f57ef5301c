"""The authorities that Mozilla trusts, as the package certifi carries them.

Some distributions change their certifi to return the system's bundle; then this store is that one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import certifi

from exporter.trust import pem
from exporter.trust.files import Entry


def entries() -> Iterator[Entry]:
    """Yield the bundle's certificates."""
    return pem.entries((Path(certifi.where()),))
