"""One fuzzer: `python -m tests.fuzz.run TARGET [libFuzzer's options and corpus]`. Needs atheris."""

from __future__ import annotations

import importlib
import sys
from typing import Any


def main() -> None:
    """Fuzz until libFuzzer's options say that it is enough; a fault ends the process."""
    atheris: Any = importlib.import_module("atheris")  # only `make fuzz` installs it
    with atheris.instrument_imports(include=["exporter.probe"]):
        targets = importlib.import_module("tests.fuzz.targets")
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, targets.TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
