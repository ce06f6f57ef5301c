"""The pages in Debian's Chromium: what a person sees and can do, with and without JavaScript, by day and by night."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from exporter.demo.authority import Leaf, Root, self_signed
from exporter.demo.cases import CASES, Case
from tests.processes import free_ports, running, wait_until
from tests.programs import fetched, program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

pytestmark = pytest.mark.servers

COMMAND = Path(sys.executable).parent / "smtp-tls-exporter"
SCRIPT = "<script>alert(1)</script>"
SPELLED = SCRIPT.replace("<", r"\<").replace(">", r"\>")
"""As RFC 4514 wants it."""
PHONE = {"width": 390, "height": 844}
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser, driven from here."""
    with sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=str(program("chromium")), args=QUIET)
        yield started
        started.close()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The demo's daemon, after it has probed every server."""
    (port,) = free_ports(1)
    log = tmp_path_factory.mktemp("exporter") / "exporter.log"
    with running([COMMAND, "--demo", f"--web.listen-address=127.0.0.1:{port}"], log=log) as daemon:
        daemon.wait_for_port(port)
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A window as people have it on a desk."""
    with browser.new_context(viewport={"width": 1180, "height": 900}) as made:
        yield made


def opened(context: BrowserContext, url: str, path: str = "") -> Page:
    """A page, on which nothing may have gone wrong."""
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: wrong.append(dialog.message))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    wait_until(lambda: _probed(page, url), "the first sweep")
    page.goto(url + path)
    assert not wrong
    return page


def follow(page: Page, name: str) -> None:
    """Click on the first target of that name, and wait for its page: a click alone returns before it is there."""
    page.locator("a.name", has_text=name).first.click()
    page.wait_for_url("**/targets/*")


def _probed(page: Page, url: str) -> bool:
    page.goto(url)
    return (
        not page.get_by_text("waiting for the first probe").count() and page.locator("tbody tr").count() > 0
    )


def names(page: Page) -> list[str]:
    """The servers on the page from top to bottom."""
    return page.locator("a.name").all_inner_texts()


@pytest.mark.parametrize("script", [True, False], ids=["JavaScript", "none"])
def test_finding_and_sorting(browser: Browser, url: str, script: bool) -> None:
    """Everything works by links and forms alone."""
    with browser.new_context(java_script_enabled=script) as context:
        page = opened(context, url)
        assert sorted(names(page)) == sorted(case.name for case in CASES)
        page.get_by_role("link", name="ok", exact=False).first.click()
        assert sorted(names(page)) == sorted(case.name for case in CASES if not case.problems)
        page.get_by_role("link", name="show all").click()
        page.get_by_role("searchbox").fill("missing intermediate")
        page.get_by_role("button", name="Find").click()
        found = {case.name for case in CASES if "missing_intermediate" in case.problems}
        assert set(names(page)) == found
        page.get_by_role("link", name="show all").click()
        page.get_by_role("link", name="Server").click()
        assert names(page) == sorted(case.name for case in CASES)
        page.get_by_role("link", name="Server").click()
        assert names(page) == sorted((case.name for case in CASES), reverse=True)


@pytest.mark.parametrize("case", [case for case in CASES if case.problems], ids=lambda case: case.name)
def test_one_target_of_each_problem(context: BrowserContext, url: str, case: Case) -> None:
    """Its page is reached by its name, and explains every problem of the server."""
    page = opened(context, url)
    follow(page, case.name)
    text = page.locator("main").inner_text().lower()
    assert page.title() == case.name
    for problem in case.problems:
        assert problem.replace("_", " ") in text
        assert page.locator(f"section.trouble#{problem} dl").count() >= 1


def test_probe_now(context: BrowserContext, url: str) -> None:
    """The button leads back to the page with a later probe."""
    page = opened(context, url)
    follow(page, "healthy")
    here = page.url

    def asked() -> bool:
        page.goto(here)
        before = page.locator("table.facts tbody tr").last.inner_text()
        count = page.locator("h2:has-text('Earlier probes') ~ table tbody tr").count()
        page.get_by_role("button", name="Probe now").click()
        after = page.locator("h2:has-text('Earlier probes') ~ table tbody tr").count()
        return bool(before) and page.url == here and after > count

    wait_until(asked, "another probe")  # one in ten seconds is enough


def test_the_chain_can_be_downloaded(context: BrowserContext, url: str) -> None:
    """As a file of certificates."""
    page = opened(context, url)
    follow(page, "untrusted-root")
    with page.expect_download() as download:
        page.get_by_role("link", name="The chain as PEM").click()
    assert download.value.suggested_filename == "chain.pem"
    assert Path(download.value.path()).read_text().count("BEGIN CERTIFICATE") == 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["", "target"])
def test_nothing_hinders_anybody(
    browser: Browser, url: str, tmp_path: Path, scheme: Literal["light", "dark"], path: str
) -> None:
    """axe-core finds no serious fault of accessibility, in either colour scheme."""
    axe = fetched("npm/node_modules/axe-core/axe.min.js").read_text()
    with browser.new_context(color_scheme=scheme, bypass_csp=True) as context:
        page = opened(context, url)
        if path:
            follow(page, "triple-fault")
        page.screenshot(path=tmp_path / f"{scheme}.png", full_page=True)
        page.evaluate(axe)
        found = page.evaluate("async () => (await axe.run()).violations")
    serious = [one for one in found if one["impact"] in {"serious", "critical"}]
    assert not serious, json.dumps(
        [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in serious]
    )


@pytest.mark.parametrize("path", ["", "target"])
def test_a_phone(browser: Browser, url: str, path: str) -> None:
    """Nothing is wider than the screen, so that nobody has to scroll sideways."""
    with browser.new_context(viewport=PHONE, is_mobile=True) as context:  # type: ignore[arg-type]
        page = opened(context, url)
        if path:
            follow(page, "triple-fault")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        assert page.get_by_text("Missing intermediate").first.is_visible()


def test_hostile_text_is_shown_and_never_run(context: BrowserContext, tmp_path: Path, now: datetime) -> None:
    """A certificate whose names are scripts is read as text, on both pages."""
    evil = self_signed(Root(f"CN={SPELLED}"), now).issue(Leaf(f"CN={SPELLED}", dns=("mail.example.org",)))
    (port, web) = free_ports(2)
    (tmp_path / "chain.pem").write_text(evil.key_pem + evil.chain_pem())
    config = tmp_path / "config.yaml"
    config.write_text(
        "defaults: {trust_stores: [none], revocation: []}\n"
        "trust_stores: {none: {type: mozilla}}\n"
        f'targets: [{{host: 127.0.0.1, port: {port}, mode: tls, labels: {{site: "{SCRIPT}"}}}}]\n'
    )
    server: list[str | Path] = [program("openssl"), "s_server", "-accept", f"127.0.0.1:{port}", "-quiet"]
    server += ["-cert", tmp_path / "chain.pem", "-key", tmp_path / "chain.pem"]
    flags = [f"--config.file={config}", f"--web.listen-address=127.0.0.1:{web}"]
    with (
        running(server, log=tmp_path / "server.log"),
        running([COMMAND, *flags], log=tmp_path / "log") as daemon,
    ):
        daemon.wait_for_port(web)
        page = opened(context, f"http://127.0.0.1:{web}/")
        assert page.locator(".label", has_text=SCRIPT).count() == 1
        follow(page, "")
        assert page.locator("main").inner_text().count(SCRIPT) >= 2
