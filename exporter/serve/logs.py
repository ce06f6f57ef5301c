r"""Log records as single lines, in logfmt or JSON.

In: records of the standard library's logging, whose `extra` becomes further keys. Out: one line of printable
ASCII for each on standard error; line breaks and all else are spelled `\n`, `\u00e9`, so that no server and
no certificate can forge a line or reach a terminal.
"""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}
"""The levels by the names that Prometheus' programs use."""

_STANDARD = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}
_BARE = re.compile(r"[A-Za-z0-9_./:@,+%-]+")


def set_up(level: str, form: str) -> None:
    """Log to standard error.

    Args:
        level: a key of LEVELS.
        form: `logfmt` or `json`.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(FORMATS[form]())
    logging.basicConfig(level=LEVELS[level], handlers=[handler], force=True)
    # Its messages about selectors and slow callbacks are for developers of event loops.
    logging.getLogger("asyncio").setLevel(max(LEVELS[level], logging.WARNING))


class Logfmt(logging.Formatter):
    """`time=… level=INFO msg="…" key=value`."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        return " ".join(f"{key}={_quoted(value)}" for key, value in _fields(record).items())


class Json(logging.Formatter):
    """`{"time": "…", "level": "INFO", "msg": "…", "key": "value"}`."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        return _printable(json.dumps(_fields(record)))


FORMATS: dict[str, type[logging.Formatter]] = {"logfmt": Logfmt, "json": Json}


def _fields(record: logging.LogRecord) -> dict[str, str]:
    moment = datetime.fromtimestamp(record.created, UTC)
    fields = {
        "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": record.levelname,
        "source": f"{record.module}:{record.lineno}",
        "msg": record.getMessage(),
    }
    fields |= {key: str(value) for key, value in vars(record).items() if key not in _STANDARD}
    if record.exc_info:
        fields["err"] = logging.Formatter().formatException(record.exc_info)
    return fields


def _quoted(value: str) -> str:
    return value if _BARE.fullmatch(value) else _printable(json.dumps(value))


def _printable(text: str) -> str:
    """JSON escapes every control character but this one."""
    return text.replace("\x7f", "\\u007f")
