"""Passwords and TLS of the web server, asked over real connections."""

from __future__ import annotations

import asyncio
import base64
import os
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import bcrypt
import pytest

from exporter.config import Config, ConfigError
from exporter.config.web import load_web
from exporter.demo.authority import Issued, Leaf, Root, self_signed
from exporter.serve import passwords
from exporter.serve.access import Access
from exporter.serve.running import Address, Running, Settings, running
from tests.programs import program


def basic(name: str, password: str) -> str:
    """An Authorization header."""
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


RIGHT, WRONG = basic("prometheus", "s3cret"), basic("prometheus", "secret")


def hashed(password: str) -> str:
    """As `htpasswd -nBC 4` makes it; a low cost spares the machine."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode().replace("$2b$", "$2y$")


class Files:
    """A web configuration in a directory, and how to ask whoever uses it."""

    def __init__(self, directory: Path, root: Issued, intermediate: Issued) -> None:
        self.config = directory / "web.yml"
        self._directory, self._root, self._intermediate = directory, root, intermediate
        self._written = 0

    def certificate(self, name: str = "localhost") -> Issued:
        """Write another certificate and its key."""
        leaf = self._intermediate.issue(Leaf(f"CN={name}", dns=("localhost",), ips=("127.0.0.1",)))
        self.write("server.crt", leaf.chain_pem(self._intermediate))
        self.write("server.key", leaf.key_pem)
        self.write("ca.crt", self._root.pem)
        return leaf

    def write(self, name: str, text: str) -> None:
        """Write a file so that nobody can overlook it."""
        path = self._directory / name
        path.write_text(text)
        self._written += 1
        os.utime(path, ns=(self._written, self._written))

    def write_config(self, *lines: str) -> None:
        """Write the configuration."""
        self.write("web.yml", "\n".join(lines) + "\n")

    def client(self, leaf: Issued | None = None) -> ssl.SSLContext:
        """What trusts the server, with a certificate of its own."""
        context = ssl.create_default_context(cadata=self._root.pem)
        if leaf is not None:
            self.write("client.pem", leaf.key_pem + leaf.chain_pem(self._intermediate))
            context.load_cert_chain(self._directory / "client.pem")
        return context


TLS = "tls_server_config: {cert_file: server.crt, key_file: server.key}"


@pytest.fixture
def files(tmp_path: Path, root: Issued, intermediate: Issued) -> Files:
    """A directory with certificate and key."""
    made = Files(tmp_path, root, intermediate)
    made.certificate()
    return made


@asynccontextmanager
async def served(files: Files) -> AsyncIterator[Running]:
    """A daemon without targets that uses the files."""
    settings = Settings(listen=[Address("127.0.0.1", 0)], access=Access(files.config))
    async with asyncio.timeout(60), running(Config(path=Path("c")), settings) as daemon:
        yield daemon


async def ask(
    daemon: Running,
    path: str = "metrics",
    *,
    auth: str = "",
    context: ssl.SSLContext | bool = True,
) -> tuple[int, str]:
    """Status, and the security policy of the answer."""
    headers = {"Authorization": auth} if auth else {}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(daemon.urls[0] + path, ssl=context) as response,
    ):
        return response.status, response.headers.get("Content-Security-Policy", "")


async def presented(daemon: Running) -> bytes:
    """The certificate that the server has now."""
    port = int(daemon.urls[0].rsplit(":", 1)[1].strip("/"))
    anything = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anything.check_hostname, anything.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=anything)
    der: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()
    return der


@pytest.mark.parametrize("path", ["metrics", "", "probe?target=x", "sd", "config", "-/healthy", "nowhere"])
async def test_everything_wants_the_password(files: Files, path: str) -> None:
    """No page answers without it, and one that does not exist does not say so either."""
    files.write_config(TLS, f"basic_auth_users: {{prometheus: {hashed('s3cret')}}}")
    context = files.client()
    async with served(files) as daemon:
        assert (await ask(daemon, path, context=context))[0] == 401
        assert (await ask(daemon, path, context=context, auth=WRONG))[0] == 401
        assert (await ask(daemon, path, context=context, auth=RIGHT))[0] != 401


async def test_other_users_and_other_schemes(files: Files) -> None:
    """An unknown user, another scheme and nonsense are all the same; the answer says what is wanted."""
    files.write_config(f"basic_auth_users: {{prometheus: {hashed('s3cret')}}}")
    async with served(files) as daemon:
        assert (await ask(daemon, auth=basic("nobody", "s3cret")))[0] == 401
        for header in ("Bearer abc", "Basic", "Basic !!!", "Basic /////w==", ""):
            async with (
                aiohttp.ClientSession(headers={"Authorization": header}) as session,
                session.get(daemon.urls[0] + "metrics") as response,
            ):
                assert response.status == 401
                assert response.headers["WWW-Authenticate"].startswith('Basic realm="')
                assert await response.text() == "Unauthorized\n"


async def test_users_change_without_a_restart(files: Files) -> None:
    """Another password counts at once; a file with mistakes leaves the users as they were."""
    files.write_config(f"basic_auth_users: {{prometheus: {hashed('s3cret')}}}")
    async with served(files) as daemon:
        assert (await ask(daemon, auth=RIGHT))[0] == 200
        files.write_config(f"basic_auth_users: {{prometheus: {hashed('secret')}}}")
        assert (await ask(daemon, auth=RIGHT))[0] == 401
        assert (await ask(daemon, auth=WRONG))[0] == 200
        files.write_config("basic_auth_users: {prometheus: secret}")
        assert (await ask(daemon, auth=WRONG))[0] == 200
        assert (await ask(daemon))[0] == 401


async def test_a_renewed_certificate_is_served_without_a_restart(files: Files) -> None:
    """The next handshake has it; one that cannot be used leaves the old one."""
    files.write_config(TLS)
    async with served(files) as daemon:
        first = await presented(daemon)
        assert (await ask(daemon, context=files.client()))[0] == 200
        renewed = files.certificate("renewed")
        assert await presented(daemon) == renewed.der != first
        files.write("server.key", "-----BEGIN PRIVATE KEY-----\nno\n")
        assert await presented(daemon) == renewed.der
        again = files.certificate("again")
        assert await presented(daemon) == again.der


@pytest.mark.parametrize(
    ("kind", "without"), [("VerifyClientCertIfGiven", True), ("RequireAndVerifyClientCert", False)]
)
async def test_client_certificates(
    files: Files, root: Issued, intermediate: Issued, kind: str, without: bool
) -> None:
    """One of the authority opens the door; one of another does not; none only where that is enough."""
    files.write_config(
        "tls_server_config:",
        "  {cert_file: server.crt, key_file: server.key, client_ca_file: ca.crt,",
        f"   client_auth_type: {kind}}}",
    )
    own = intermediate.issue(Leaf("CN=prometheus", purposes=()))
    stranger = self_signed(Root("CN=stranger"), root.now)
    async with served(files) as daemon:
        assert (await ask(daemon, context=files.client(own)))[0] == 200
        with pytest.raises((aiohttp.ClientError, OSError)):
            await ask(daemon, context=files.client(stranger))
        if without:
            assert (await ask(daemon, context=files.client()))[0] == 200
        else:
            with pytest.raises((aiohttp.ClientError, OSError)):
                await ask(daemon, context=files.client())


REQUIRED = """\
tls_server_config:
  {cert_file: server.crt, key_file: server.key, client_ca_file: ca.crt,
   client_auth_type: RequireAndVerifyClientCert}
"""


async def test_the_rules_of_tls_change_without_a_restart(files: Files, intermediate: Issued) -> None:
    """From the next connection on a client needs a certificate, or a newer TLS, as the file says."""
    files.write_config(TLS)
    own = intermediate.issue(Leaf("CN=prometheus", purposes=()))
    old = files.client()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    async with served(files) as daemon:
        assert (await ask(daemon, context=old))[0] == 200
        files.write_config(REQUIRED)
        with pytest.raises((aiohttp.ClientError, OSError)):
            await ask(daemon, context=files.client())
        assert (await ask(daemon, context=files.client(own)))[0] == 200
        files.write_config(TLS.replace("}", ", min_version: TLS13}"))
        with pytest.raises((aiohttp.ClientError, OSError)):
            await ask(daemon, context=old)
        assert (await ask(daemon, context=files.client()))[0] == 200


@pytest.mark.parametrize("first", [TLS, "http_server_config: {}"], ids=["off", "on"])
async def test_turning_tls_on_or_off_is_told_to_need_a_restart(
    files: Files, caplog: pytest.LogCaptureFixture, first: str
) -> None:
    """What was spoken is still spoken, and the log says why."""
    files.write_config(first)
    context = files.client()
    async with served(files) as daemon:
        assert (await ask(daemon, context=context))[0] == 200
        files.write_config("http_server_config: {}" if first == TLS else TLS)
        assert (await ask(daemon, context=context))[0] == 200
    assert [record.getMessage() for record in caplog.records if record.name == "exporter.serve.access"] == [
        "TLS is turned on or off when the program starts: restart it"
    ]


async def test_too_many_guesses_are_turned_away(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clear answer, and when to come back."""
    monkeypatch.setattr(passwords, "WAITING", 0)
    files.write_config(f"basic_auth_users: {{prometheus: {hashed('s3cret')}}}")
    async with (
        served(files) as daemon,
        aiohttp.ClientSession(headers={"Authorization": RIGHT}) as session,
        session.get(daemon.urls[0] + "metrics") as response,
    ):
        assert (response.status, response.headers["Retry-After"]) == (429, "5")
        assert await response.text() == "Too many passwords are being compared\n"


async def test_headers(files: Files) -> None:
    """What the file says of a header replaces ours."""
    files.write_config(
        'http_server_config: {http2: false, headers: {Content-Security-Policy: "default-src https:"}}'
    )
    async with served(files) as daemon:
        assert await ask(daemon, "-/healthy") == (200, "default-src https:")


BAD = {
    "unknown": ("basic_auth_user: {a: b}", ["web.yml:1:1: basic_auth_user: unknown key"]),
    "unsupported": (
        "tls_server_config: {cert_file: server.crt, key_file: server.key, cipher_suites: [X]}\nrate_limit: {burst: 1}",
        [
            "web.yml:1:66: tls_server_config.cipher_suites: is not supported here",
            "web.yml:2:1: rate_limit: is not supported here",
        ],
    ),
    "no hash": (
        "basic_auth_users: {a: secret, b: $2y$10$short}",
        [
            "web.yml:1:23: basic_auth_users.a: must be a bcrypt hash",
            "web.yml:1:34: basic_auth_users.b: must be a bcrypt hash",
        ],
    ),
    "no such file": (
        "tls_server_config: {cert_file: no.crt, key_file: server.key}",
        ["web.yml:1:32: tls_server_config.cert_file: "],
    ),
    "http2": (
        "http_server_config: {http2: true}",
        ["web.yml:1:29: http_server_config.http2: HTTP/2 is not spoken here"],
    ),
    "client certificates": (
        "tls_server_config: {cert_file: server.crt, key_file: server.key, client_auth_type: RequireAnyClientCert}",
        ["web.yml:1:84: tls_server_config.client_auth_type: must be one of NoClientCert"],
    ),
    "half of TLS": (
        "tls_server_config: {cert_file: server.crt}",
        ["web.yml:1:20: tls_server_config.key_file: is missing"],
    ),
    "header": (
        "http_server_config: {headers: {X-Powered-By: us}}",
        ["web.yml:1:32: http_server_config.headers.X-Powered-By: "],
    ),
    "an authority that checks nobody": (
        "tls_server_config: {cert_file: server.crt, key_file: server.key, client_ca_file: ca.crt}",
        ["web.yml:1:82: tls_server_config.client_ca_file: checks nobody: client_auth_type must say"],
    ),
    "nobody could be verified": (
        "tls_server_config: {cert_file: server.crt, key_file: server.key, client_auth_type: VerifyClientCertIfGiven}",
        ["web.yml:1:84: tls_server_config.client_auth_type: needs client_ca_file"],
    ),
    "no version is left": (
        "tls_server_config: {cert_file: server.crt, key_file: server.key, min_version: TLS13, max_version: TLS12}",
        ["web.yml:1:99: tls_server_config.max_version: must not be older than min_version"],
    ),
    "values of headers": (
        "http_server_config: {headers: {X-Frame-Options: allow, X-Content-Type-Options: sniff}}",
        [
            "web.yml:1:49: http_server_config.headers.X-Frame-Options: must be deny or sameorigin",
            "web.yml:1:80: http_server_config.headers.X-Content-Type-Options: must be nosniff",
        ],
    ),
    "empty": ("# nothing", ["web.yml:1:1: the file is empty"]),
}


@pytest.mark.parametrize(("text", "messages"), BAD.values(), ids=BAD)
def test_mistakes_are_told_with_their_places(
    files: Files, monkeypatch: pytest.MonkeyPatch, text: str, messages: list[str]
) -> None:
    """All at once, and what Prometheus' own exporters know but this one does not is refused by name."""
    files.write_config(text)
    monkeypatch.chdir(files.config.parent)
    with pytest.raises(ConfigError) as caught:
        load_web(Path("web.yml"))
    assert len(caught.value.messages) == len(messages)
    told = zip(caught.value.messages, messages, strict=True)
    assert all(line.startswith(message) for line, message in told), caught.value.messages


def test_a_certificate_that_does_not_fit_its_key(files: Files, leaf: Issued) -> None:
    """It is told when the program starts."""
    files.write_config(TLS)
    files.write("server.key", leaf.key_pem)
    with pytest.raises(ConfigError, match=r"server\.crt or .*server\.key: not usable for TLS: .*MISMATCH"):
        Access(files.config)


@pytest.mark.servers
@pytest.mark.parametrize(
    "name", ["an authority that checks nobody", "values of headers", "no hash", "unknown"]
)
def test_promtool_refuses_the_same_mistakes(files: Files, name: str) -> None:
    """What is a mistake for every other exporter is one here."""
    files.write_config(BAD[name][0])
    done = subprocess.run(
        [program("promtool"), "check", "web-config", files.config],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode != 0


@pytest.mark.servers
def test_promtool_accepts_the_same_file(files: Files) -> None:
    """A file that works here is one for every other exporter."""
    files.write_config(
        "tls_server_config:",
        "  {cert_file: server.crt, key_file: server.key, min_version: TLS12, max_version: TLS13,",
        "   client_auth_type: VerifyClientCertIfGiven, client_ca_file: ca.crt}",
        "http_server_config: {http2: false, headers: {X-Frame-Options: deny}}",
        f"basic_auth_users: {{prometheus: {hashed('s3cret')}}}",
    )
    assert load_web(files.config).users
    done = subprocess.run(
        [program("promtool"), "check", "web-config", files.config],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
