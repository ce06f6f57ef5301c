"""The alert rules as an object of the Prometheus Operator."""

from __future__ import annotations

from pathlib import Path

_HEAD = """\
# Prometheus Operator: the alert rules. Made by `python -m deploy.generate` from deploy/prometheus/rules/smtp-tls.rules.yml.
# Adapt: the labels that your Prometheus selects rules by; everything else there, and make it again.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: smtp-tls
spec:
"""


def rules(file: Path) -> str:
    """The whole file; the rules with their comments stand in it as they are."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return _HEAD + "".join(f"  {line}\n" if line else "\n" for line in lines[lines.index("groups:") :])
