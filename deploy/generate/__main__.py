"""Write the files that repeat what stands elsewhere: `python -m deploy.generate [DIRECTORY]`.

In: the argument parsers of the commands, the alert rules and the dashboards. Out: the rules for Kubernetes, what the Helm chart carries of
rules and dashboards, Icinga's CheckCommand, the Director's basket, the manual pages and the completions of bash and zsh, beside this package or in
DIRECTORY. The files are what users copy; a test holds that they are what this makes.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.generate import director, icinga, kubernetes, shells
from exporter.cli import check_options, daemon_options, healthy, probe

_HERE = Path(__file__).parents[1]
_RULES = _HERE / "prometheus" / "rules" / "smtp-tls.rules.yml"
_DASHBOARDS = _HERE.parent / "grafana"


def files() -> Mapping[str, str]:
    """Each generated file's text by its path below `deploy`."""
    check, daemon = check_options.parser(), daemon_options.parser()
    once, asked = probe.parser(), healthy.parser()
    return {
        "icinga2/smtp-tls.conf": icinga.command(check),
        "icinga2/director-basket.json": director.basket(check),
        "kubernetes/prometheusrule.yaml": kubernetes.rules(_RULES),
        "man/check_smtp_tls.1": shells.manual(check, "check the certificate of an SMTP server"),
        "man/smtp-tls-exporter.1": shells.manual(daemon, "watch the certificates of SMTP servers"),
        "man/smtp-tls-exporter-probe.1": shells.manual(once, "look at SMTP servers once"),
        "man/smtp-tls-exporter-healthy.1": shells.manual(asked, "ask whether an exporter is well"),
        **shells.completions(check, daemon, once),
        **_of_the_chart(),
    }


def _of_the_chart() -> Mapping[str, str]:
    """A chart cannot read what lies outside of it, so it carries copies."""
    carried = [_RULES, *sorted(_DASHBOARDS.glob("*.json"))]
    return {f"helm/smtp-tls-exporter/files/{path.name}": path.read_text(encoding="utf-8") for path in carried}


def main(into: Path) -> None:
    """Write every file below a directory."""
    for name, text in files().items():
        path = into / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else _HERE)
