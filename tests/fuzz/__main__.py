"""Fuzz every target for its share of a time, then tell how much of the machines the inputs reach.

    python -m tests.fuzz [SECONDS [TARGET ...]]

Exits with 1 when a target found something; the input is kept beside the corpus, in `build/fuzz`.
"""

from __future__ import annotations

import hashlib
import importlib
import re
import subprocess
import sys
from pathlib import Path

import coverage

PLACE = Path("build/fuzz")
MACHINES = ["*/exporter/probe/smtp.py", "*/exporter/probe/tls.py", "*/exporter/probe/transaction.py"]
NAMES = ("replies", "handshake")
DONE = re.compile(rb"Done (\d+) runs in (\d+) second")
REACHED = re.compile(rb"cov: (\d+) ft: (\d+)")


def main() -> int:
    """Fuzz, replay, report."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    names = sys.argv[2:] or NAMES
    measured = coverage.Coverage(branch=True, include=MACHINES, data_file=None, config_file=False)
    measured.start()  # before the machines are imported
    targets, seeds = (importlib.import_module(f"tests.fuzz.{part}") for part in ("targets", "seeds"))
    clean = [_fuzz(name, seeds.SEEDS[name](), seconds // len(names)) for name in names]
    for name in names:
        for path in sorted((PLACE / name).iterdir()):
            targets.TARGETS[name](path.read_bytes())
    measured.stop()
    measured.report()
    return 0 if all(clean) else 1


def _fuzz(name: str, seeds: list[bytes], seconds: int) -> bool:
    """Whether nothing was found."""
    corpus = PLACE / name
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    options = (f"-max_total_time={seconds}", "-max_len=8192", "-timeout=10", f"-artifact_prefix={corpus}-")
    command = (sys.executable, "-m", "tests.fuzz.run", name, *options, str(corpus))
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    done, reached = DONE.search(ended.stdout), REACHED.findall(ended.stdout)
    if ended.returncode or not done or not reached:
        sys.stdout.buffer.write(ended.stdout[-5000:] + b"\n")
        print(f"{name}: ended with {ended.returncode}")
        return False
    edges, features = map(int, reached[-1])
    print(
        f"{name}: {int(done[1]):,} executions in {int(done[2])} s, {edges} edges, {features} features, no fault"
    )
    return True


if __name__ == "__main__":
    sys.exit(main())
