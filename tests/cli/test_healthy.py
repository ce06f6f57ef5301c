"""`smtp-tls-exporter healthy`: whether an exporter lives, by its exit status, whatever answers."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from exporter.cli import main
from exporter.demo.authority import Leaf
from tests.processes import free_ports, running, wait_until

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

    from exporter.demo.authority import Issued


@contextmanager
def answering(status: int, tls: ssl.SSLContext | None = None) -> Iterator[HTTPServer]:
    """A server that answers every request for /-/healthy with the status, and every other with 404."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/-/healthy" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(("status", "expected"), [(200, 0), (401, 0), (404, 1), (500, 1), (503, 1)])
def test_status(status: int, expected: int, capsys: pytest.CaptureFixture[str]) -> None:
    """An exporter that is well, or that wants a password, lives; whoever answers otherwise is none or is not well."""
    with answering(status) as server:
        assert main(["healthy", f"http://127.0.0.1:{server.server_port}/"]) == expected
    captured = capsys.readouterr()
    assert f"answers with {status}" in (captured.err if expected else captured.out)


def test_tls(root: Issued, tmp_path: Path) -> None:
    """It lives under a certificate that this machine does not trust, too."""
    path = tmp_path / "server.pem"
    leaf = root.issue(Leaf("CN=exporter.example.org", dns=("exporter.example.org",)))
    path.write_text(leaf.pem + leaf.key_pem, encoding="ascii")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    with answering(200, context) as server:
        assert main(["healthy", f"https://127.0.0.1:{server.server_port}"]) == 0


def test_nobody_answers(capsys: pytest.CaptureFixture[str]) -> None:
    """Where nobody listens nothing lives, and one line says so."""
    (port,) = free_ports(1)
    assert main(["healthy", f"http://127.0.0.1:{port}"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_silence(silent: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who accepts the connection and says nothing does not live; the question ends before Docker ends it."""
    monkeypatch.setattr("exporter.cli.healthy._SECONDS", 0.2)
    assert main(["healthy", f"http://127.0.0.1:{silent.getsockname()[1]}"]) == 1


@pytest.mark.parametrize("url", ["127.0.0.1:10465", "ftp://127.0.0.1", "http://", "http://[", "http://h:x"])
def test_wrong_usage(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What is no URL is refused."""
    with pytest.raises(SystemExit, match="2"):
        main(["healthy", url])
    assert "is not an http or https URL" in capsys.readouterr().err


def test_a_real_exporter(tmp_path: Path) -> None:
    """The demo is well while it runs, and not any more when it has been stopped; the question loads nothing heavy."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    demo = [sys.executable, "-m", "exporter", "--demo", f"--web.listen-address=127.0.0.1:{port}"]
    code = (
        "import sys, json; from exporter.cli import main; status = main(['healthy', sys.argv[1]]); "
        "print(json.dumps(sorted(sys.modules))); sys.exit(status)"
    )
    ask = [sys.executable, "-c", code, url]
    with running(demo, log=tmp_path / "demo.log"):
        wait_until(lambda: main(["healthy", url]) == 0, "the demo to be well")
        done = subprocess.run(ask, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        loaded = set(json.loads(done.stdout.splitlines()[-1]))
        assert not loaded & {
            "aiohttp",
            "pydantic",
            "prometheus_client",
            "yaml",
            "jinja2",
            "OpenSSL",
            "asyncio",
        }
    assert main(["healthy", url]) == 1
