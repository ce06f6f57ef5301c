"""The daemon as a command: it starts, reloads when it is told to, and stops.

In: arguments. Out: the exit status, and a daemon that runs until it is told to stop.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from exporter import trust
from exporter.cli.daemon_options import parser
from exporter.config import Config, ConfigError, load
from exporter.config.overview import summary
from exporter.demo import Demo
from exporter.serve import logs
from exporter.serve.access import Access
from exporter.serve.collecting import look_seldom
from exporter.serve.reloading import Reloader
from exporter.serve.running import Address, ListenError, Running, Settings, running
from exporter.serve.storage import Storage, StorageError
from exporter.serve.supervisor import supervisor

logger = logging.getLogger(__name__)

SWITCH = 0.0002
"""Seconds that a thread may keep the interpreter while another waits for it."""
LINGER = 1.0
"""Seconds after which the process ends although a thread still waits, for example for the resolver."""


def main(argv: Sequence[str]) -> int:
    """Run the daemon. Returns the exit status: 1 when it could not start, 0 when it was stopped."""
    options = parser().parse_args(argv)
    logs.set_up(options.log_level, options.log_format)
    try:
        config = None if options.demo else _load(options.config_file)
        access = None if options.web_config_file is None else Access(options.web_config_file)
        if options.config_check:
            print(summary(config) if config else "the demo brings its own configuration")
            return 0
        # The usual loop of Windows does not watch sockets.
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.run(_serve(options, config, access))
    except ConfigError as error:
        print(*error.messages, sep="\n", file=sys.stderr)
        return 1
    except (ListenError, StorageError) as error:
        print(f"smtp-tls-exporter: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # only where the event loop cannot take signals
        pass
    _end_soon()
    return 0


def _load(path: Path) -> Config:
    """The configuration, and what its trust stores hold; the files of the system's store are watched, too.

    Raises:
        ConfigError: it cannot be used.
    """
    config = load(path, trust.load)
    more = trust.system_files() if "system" in config.stores else ()
    return replace(config, files=(*config.files, *more))


async def _serve(options: argparse.Namespace, config: Config | None, access: Access | None) -> None:
    stop, hangup = asyncio.Event(), asyncio.Event()
    for number, event in _signals(stop, hangup).items():
        with contextlib.suppress(NotImplementedError):  # Windows
            asyncio.get_running_loop().add_signal_handler(number, event.set)
    settings = Settings(
        listen=options.listen or [Address("", 10465)],
        telemetry_path=options.telemetry_path,
        timeout_offset=options.timeout_offset,
        access=access,
        workers=options.workers,
        shard=options.shard,
        supervisor=supervisor(os.environ),
        storage=None if options.storage_path is None else Storage(options.storage_path),
    )
    async with contextlib.AsyncExitStack() as stack:
        demo = await stack.enter_async_context(Demo()) if config is None else None
        path = options.config_file if demo is None else demo.config_path
        if config is None:
            config = await asyncio.to_thread(_load, path)
        look_seldom()
        # A thread that reads a configuration would keep the interpreter 5 ms each time that the loop sends something.
        sys.setswitchinterval(SWITCH)
        daemon = await stack.enter_async_context(running(config, settings, partial(_load, path)))
        logger.info("listening", extra={"url": " ".join(daemon.urls), "targets": len(config.targets)})
        if demo:
            print(_introduction(demo, daemon), flush=True)
        tasks = _reloading(hangup, daemon)
        await _until_stopped(stop, daemon)
        for task in tasks:
            task.cancel()
        logger.info("stopping")
    logger.info("stopped")


def _signals(stop: asyncio.Event, hangup: asyncio.Event) -> dict[signal.Signals, asyncio.Event]:
    """Which signal means what; there is no SIGHUP on Windows."""
    meant = {signal.SIGTERM: stop, signal.SIGINT: stop}
    return meant | ({signal.SIGHUP: hangup} if hasattr(signal, "SIGHUP") else {})


def _reloading(hangup: asyncio.Event, daemon: Running) -> Sequence[asyncio.Task[None]]:
    """What makes the daemon read its configuration again."""
    assert daemon.reloader
    return [
        asyncio.create_task(_reload_when_told(hangup, daemon.reloader)),
        asyncio.create_task(daemon.reloader.watch()),
    ]


async def _reload_when_told(hangup: asyncio.Event, reloader: Reloader) -> None:
    """Read configuration and trust stores again on SIGHUP."""
    while True:
        await hangup.wait()
        hangup.clear()
        await reloader.reload()


async def _until_stopped(stop: asyncio.Event, daemon: Running) -> None:
    """Wait for the signal. The schedule never ends by itself: if it did, its exception is raised."""
    asked = asyncio.create_task(stop.wait())
    await asyncio.wait({asked, daemon.schedule}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    if daemon.schedule.done():
        daemon.schedule.result()


def _introduction(demo: Demo, daemon: Running) -> str:
    servers = [f"  {demo.servers[c.name].port:>5}  {c.name:<24} {c.wrong}" for c in demo.cases]
    example = next((c for c in demo.cases if c.problems), demo.cases[0])
    server = demo.servers[example.name]
    return "\n".join(
        [
            f"Open {daemon.urls[0]} to see what the exporter finds on these servers:",
            "",
            *servers,
            "",
            f"The configuration is {demo.config_path}",
            f"The root to trust is {demo.root_path}",
            "",
            "Look at one of them yourself:",
            f"  smtp-tls-exporter probe {server.host}:{server.port} --name {example.expects} \\",
            f"    --trust {demo.root_path} --allow-network 127.0.0.0/8",
            "",
            "Ctrl-C ends the demo and removes its files.",
        ]
    )


def _end_soon() -> None:
    """Let the interpreter end in peace, but not wait for a thread that hangs in a system call."""
    last = threading.Timer(LINGER, os._exit, (0,))
    last.daemon = True
    last.start()
