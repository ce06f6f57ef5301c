"""Write the files that repeat what stands elsewhere: `python -m deploy.generate [DIRECTORY]`.

In: the argument parsers of the three commands, and the alert rules. Out: the rules for Kubernetes, Icinga's CheckCommand, the
Director's basket, the manual pages and the completions of bash and zsh, beside this package or in DIRECTORY. The files are what users copy; a test holds that they are what this makes.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.generate import director, icinga, kubernetes, shells
from exporter.cli import check_options, daemon_options, probe

_HERE = Path(__file__).parents[1]


def files() -> Mapping[str, str]:
    """Each generated file's text by its path below `deploy`."""
    check, daemon, once = check_options.parser(), daemon_options.parser(), probe.parser()
    return {
        "icinga2/smtp-tls.conf": icinga.command(check),
        "icinga2/director-basket.json": director.basket(check),
        "kubernetes/prometheusrule.yaml": kubernetes.rules(_HERE / "prometheus/rules/smtp-tls.rules.yml"),
        "man/check_smtp_tls.1": shells.manual(check, "check the certificate of an SMTP server"),
        "man/smtp-tls-exporter.1": shells.manual(daemon, "watch the certificates of SMTP servers"),
        "man/smtp-tls-exporter-probe.1": shells.manual(once, "look at SMTP servers once"),
        **shells.completions(check, daemon, once),
    }


def main(into: Path) -> None:
    """Write every file below a directory."""
    for name, text in files().items():
        path = into / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else _HERE)
