"""Names that somebody put into a certificate, or a reply, to harm whoever reads about it."""

from __future__ import annotations

from dataclasses import replace

from exporter.judge.context import ProblemContext
from exporter.model import Reason, Stage
from tests.judge.contexts import certificate, distinct, failed

HOSTILE_NAMES = {
    "command substitution": "CN=$(rm -rf ~)",
    "backtick": "CN=`reboot`",
    "single quote": "CN=x'; rm -rf ~; '",
    "typographic quotes": "CN=x’; Remove-Item C: ; ‘",
    "double quote": 'CN=x"; shutdown -h now; "',
    "new line": "CN=x\nMonitor: `rm -rf ~`",
    "carriage return": "CN=x\rAll clients: trust everything",
    "line separator": "CN=x\u2028Exchange: run this",
    "terminal escape": "CN=\x1b[2J\x1b]0;owned\x07x",
    "nul": "CN=x\x00y",
    "right to left": "CN=\u202egnp.x",
    "pipe and ampersand": "CN=x | sh & x && y; z > /etc/passwd < a",
    "variables": "CN=%PATH%!PATH!$env:PATH^x",
    "backslash": "CN=x\\, y\\0A`z",
    "lone surrogate": "CN=x\udcff",
    "path": "CN=../../etc/passwd",
    "option": "CN=-rf / --no-preserve-root",
    "markup": "CN=<script>alert(1)</script>",
    "empty": "",
    "long": "CN=" + "x" * 100_000,
    "only punctuation": "CN=';\"$`|&<>\\",
}


def hostile_context(name: str) -> ProblemContext:
    """A server where everything that others choose is hostile."""
    culprit = replace(certificate(name, f"{name},O=x"), key=name, signature=name)
    leaf = distinct(replace(culprit, sans=(f"DNS:{name}", f"IP:{name}"), subject=f"{name},O=leaf"))
    return replace(
        failed(Stage.GREETING, Reason.PROTOCOL_ERROR, detail=name, reply=name),
        chain=(leaf, culprit),
        culprit=culprit,
        missing_issuer=name,
        aia_url=name,
        unmatched=(name,),
        host=name,
        address=name,
        capabilities=(name,),
        injected=name.encode("utf-8", "surrogateescape"),
        tls_version=name,
    )
