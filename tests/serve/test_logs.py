"""Log lines: one per record, whatever is in it."""

from __future__ import annotations

import io
import json
import logging
import sys

import pytest

from exporter.serve import logs
from tests.results import HOSTILE


def record(message: str, **extra: object) -> logging.LogRecord:
    """A record of 2026-11-23 12:00 UTC."""
    made = logging.LogRecord("exporter.x", logging.INFO, "/x/module.py", 7, message, None, None)
    made.created = 1795435200.25
    vars(made).update(extra)
    return made


def test_logfmt_has_the_keys_of_prometheus() -> None:
    """Time, level, source and message come first, further keys follow."""
    line = logs.Logfmt().format(record("target changed", target="mx:25", problems=""))
    assert line == (
        'time=2026-11-23T12:00:00.250Z level=INFO source=module:7 msg="target changed" target=mx:25 problems=""'
    )


def test_json_has_the_same_keys() -> None:
    """Both formats say the same."""
    line = logs.Json().format(record("target changed", target="mx:25"))
    assert json.loads(line) == {
        "time": "2026-11-23T12:00:00.250Z",
        "level": "INFO",
        "source": "module:7",
        "msg": "target changed",
        "target": "mx:25",
    }


@pytest.mark.parametrize("form", logs.FORMATS)
@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_record_is_one_line_of_printable_ascii(form: str, hostile: str) -> None:
    """Nothing that a server says can forge a line or reach a terminal."""
    line = logs.FORMATS[form]().format(record(f"said {hostile}\x7f", detail=f'{hostile} level=ERROR "'))
    assert line.isascii()
    assert line.isprintable()
    assert line.count(" level=ERROR ") <= 1


@pytest.mark.parametrize("form", logs.FORMATS)
def test_an_exception_stays_on_its_line(form: str) -> None:
    """A traceback is a value of the record, not more lines."""
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        failed = record("internal error", exc_info=sys.exc_info())
    line = logs.FORMATS[form]().format(failed)
    assert line.isprintable()
    assert "ValueError: first\\nsecond" in line


def test_the_level_decides_what_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Records below the level are left out, the others go to standard error."""
    root = logging.getLogger()
    before = root.level, root.handlers[:]
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    try:
        root.handlers[:] = []
        logs.set_up("warn", "logfmt")
        logging.getLogger("exporter.test").info("left out")
        logging.getLogger("exporter.test").warning("written")
    finally:
        root.setLevel(before[0])
        root.handlers[:] = before[1]
        logging.getLogger("asyncio").setLevel(logging.NOTSET)
    assert written.getvalue().splitlines()[0].endswith("msg=written")
    assert len(written.getvalue().splitlines()) == 1
