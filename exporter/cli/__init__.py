"""The two commands. Each imports only what it needs, since a check is started every minute for every server."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """`smtp-tls-exporter`: the daemon; one look or one question when the first word is `probe` or `healthy`. Returns the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["probe"]:
        from exporter.cli import probe  # noqa: PLC0415 - loads no web server

        return probe.main(arguments[1:])
    if arguments[:1] == ["healthy"]:
        from exporter.cli import healthy  # noqa: PLC0415 - loads no web server

        return healthy.main(arguments[1:])
    from exporter.cli import daemon  # noqa: PLC0415 - loads the web server

    return daemon.main(arguments)


def check_smtp_tls(argv: Sequence[str] | None = None) -> int:
    """`check_smtp_tls`: the Nagios and Icinga plugin. Returns the exit status; as a command it ends with it.

    A command's memory is free when it ends, so nothing looks for garbage in between.
    """
    if argv is None:
        gc.disable()
    from exporter.cli import check, process  # noqa: PLC0415 - the daemon does not need them

    status = check.main(list(sys.argv[1:] if argv is None else argv))
    if argv is None:
        process.leave(status)
    return status
