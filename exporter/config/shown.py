"""The configuration as `/config` shows it: the text of the file in, YAML without secrets and comments out.

Secrets stand in files of their own, so there should be none; what looks like one all the same is starred.
"""

from __future__ import annotations

import re

import yaml

from exporter.config import nodes
from exporter.config.faults import Faults

SECRET = "<secret>"  # noqa: S105 - stands for one
_SECRET_KEY = re.compile(r"pass(word|wd)?$|secret|token|credential", re.IGNORECASE)
_QUERY = re.compile(r"(https?://[^?\s]*\?).+")

_DUMPER: type[yaml.SafeDumper] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def shown(text: str) -> str:
    """The configuration for everybody's eyes. It takes a while for a large one: call it in a thread."""
    if not text:
        return "{}\n"
    data = _redacted(nodes.parse(text, Faults()).data)
    return yaml.dump(data, Dumper=_DUMPER, sort_keys=False, allow_unicode=True)


def _redacted(value: object, key: str = "") -> object:
    if isinstance(value, dict):
        return {name: _redacted(part, str(name)) for name, part in value.items()}
    if isinstance(value, list):
        return [_redacted(part, key) for part in value]
    if isinstance(value, str) and _SECRET_KEY.search(key):
        return SECRET
    return _QUERY.sub(rf"\g<1>{SECRET}", value) if isinstance(value, str) else value
