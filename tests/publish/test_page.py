"""The overview page: what it says, in which order, and that nothing from outside becomes markup."""

from __future__ import annotations

import dataclasses
import re
from datetime import timedelta
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from exporter.model import Exchange, Mode, ProblemKind, Reason, Reply, SmtpFacts, Stage, State
from exporter.publish import page
from exporter.publish.page.details import Visit
from exporter.publish.page.lines import lines
from exporter.publish.page.query import Query
from exporter.publish.page.rows import age, row
from exporter.publish.text import one_line
from tests import results

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.model import CertificateFacts, Result, Target

NOW = results.NOW + timedelta(seconds=90)
EVERYTHING = Query()


class Reader(HTMLParser):
    """Collects the tags with their attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.words.append(data)

    @property
    def text(self) -> str:
        """What a person reads, with single spaces."""
        return " ".join(" ".join(self.words).split())


def pieces_of(targets: Sequence[tuple[Target, Sequence[Result]]], query: Query = EVERYTHING) -> list[str]:
    """The overview of these targets."""
    shown = [line for target, found in targets for line in lines(target, found)]
    return list(page.overview(shown, query, NOW, target_count=len(targets)))


def html_of(*several: Result) -> str:
    """The page with one target per result."""
    return "".join(pieces_of([(result.target, [result]) for result in several]))


def target_html(result: Result, *visits: Visit) -> str:
    """The page of one target."""
    return "".join(page.target_page(result.target, [result], visits, NOW))


def named(name: str) -> Target:
    """The usual target under another name."""
    return dataclasses.replace(results.TARGET, name=name)


def order_of(targets: Sequence[tuple[Target, Sequence[Result]]]) -> list[str]:
    """The names on the page from top to bottom."""
    return re.findall(r'class="name"[^>]*>([^<]*)<', "".join(pieces_of(targets)))


def test_a_bad_server_is_described_in_words() -> None:
    """State, days left, each problem with its sentence, each store's verdict and the age are there."""
    found = results.problem(ProblemKind.UNTRUSTED_ROOT, "the chain ends in 'CN=R', which nobody holds")
    result = results.result(found, stores=(results.trusted(), results.untrusted()))
    text = Reader(html_of(result)).text
    for words in (
        "critical",
        results.TARGET.name,
        "192.0.2.7",
        "STARTTLS",
        "in 41 days",
        "2027-01-03",
        "Untrusted root",
        "The chain ends in 'CN=R', which nobody holds",
        "✓ contoso",
        "✗ system unable to get local issuer certificate (20 at depth 1)",
        "1 min ago",
    ):
        assert words in text


def test_a_server_without_problems_says_so() -> None:
    """Nothing is wrong reads as nothing, and the tab's title raises no alarm."""
    html = html_of(results.result())
    assert "nothing" in Reader(html).text
    assert "<title>SMTP certificates</title>" in html


def test_the_number_of_critical_servers_is_in_the_title() -> None:
    """A tab among many shows that something is broken."""
    html = html_of(results.result(results.problem(ProblemKind.EXPIRED)), results.failed())
    assert "<title>(2) SMTP certificates</title>" in html
    assert "2 critical" in Reader(html).text


def ending(days: int) -> CertificateFacts:
    """A certificate that has so many days left."""
    return results.certificate("CN=mx", "CN=R11", not_after=results.NOW + timedelta(days=days))


def test_the_worst_comes_first_and_then_what_ends_first() -> None:
    """Critical, unknown, warning, ok, waiting; within a state the shortest life left is on top."""
    soon = results.problem(ProblemKind.EXPIRES_SOON, severity=State.WARNING)
    broken = results.problem(ProblemKind.EXPIRED)
    given = [
        results.result(target=named("fine")),
        results.result(soon, target=named("later"), chain=(ending(20),)),
        results.result(soon, target=named("sooner"), chain=(ending(9),)),
        results.result(broken, target=named("broken")),
        results.result(target=named("unknown"), state=State.UNKNOWN),
    ]
    targets: list[tuple[Target, Sequence[Result]]] = [(result.target, [result]) for result in given]
    targets.insert(0, (named("waiting"), []))
    assert order_of(targets) == ["broken", "unknown", "sooner", "later", "fine", "waiting"]


def test_a_target_without_a_result_waits() -> None:
    """Before its first probe a target is shown, and as waiting."""
    text = Reader("".join(pieces_of([(results.TARGET, [])]))).text
    assert "waiting for the first probe" in text


def test_no_targets_at_all() -> None:
    """An empty configuration gives a hint instead of an empty table."""
    assert "No targets are configured" in Reader("".join(pieces_of([]))).text


def test_every_address_has_its_row() -> None:
    """Two addresses of one name may be two servers."""
    both = [results.result(), results.failed(address="2001:db8::7")]
    text = Reader("".join(pieces_of([(results.TARGET, both)]))).text
    assert "192.0.2.7" in text
    assert "2001:db8::7" in text


def test_the_age_of_a_lost_certificate_is_told() -> None:
    """After a failed probe the page says when the certificate was really seen."""
    good = results.result()
    lost = results.failed(
        Stage.CONNECT, Reason.TIMEOUT, seen=good.seen, seen_at=good.time - timedelta(hours=3)
    )
    assert "The certificate was last seen 3 h ago" in Reader(html_of(lost)).text


@pytest.mark.parametrize("hostile", results.HOSTILE.values(), ids=results.HOSTILE.keys())
def test_hostile_text_changes_no_tag(hostile: str) -> None:
    """Text from the network adds no markup, control character or undecodable byte to the page."""
    harmless, evil = (
        Reader(hostile_page(text)) for text in ("x", f"<script>a()</script>\"'><b on=1>{hostile}")
    )
    assert [(tag, list(attributes)) for tag, attributes in evil.tags] == [
        (tag, list(attributes)) for tag, attributes in harmless.tags
    ]
    for html in (hostile_page(hostile), hostile_target(hostile)):
        assert html.encode()
        assert all(character.isprintable() or character == "\n" for character in html)
    harmless, evil = (
        Reader(hostile_target(text)) for text in ("x", f"<script>a()</script>\"'><b on=1>{hostile}")
    )
    tags = [[tag for tag, _ in one.tags] for one in (harmless, evil)]
    assert not set(tags[1]) - set(tags[0])
    assert not [1 for _, attributes in evil.tags if "on" in attributes]


def hostile_page(text: str) -> str:
    """A page on which everything from outside is this text."""
    target = dataclasses.replace(results.TARGET, name=text, host=text, labels=(("site", text),))
    store = dataclasses.replace(results.untrusted(), reason=text, store=text)
    mismatch = results.problem(ProblemKind.HOSTNAME_MISMATCH, text)
    return html_of(results.result(mismatch, target=target, address="192.0.2.7", stores=(store,)))


def hostile_target(text: str) -> str:
    """The page of a target of which everything from outside is this text."""
    target = dataclasses.replace(results.TARGET, name=text, host=text, labels=(("site", text),))
    leaf = dataclasses.replace(results.LEAF, subject=text, issuer=text, sans=(text,), key=text)
    mismatch = results.problem(ProblemKind.HOSTNAME_MISMATCH, text, remedy=text, clients={text: text})
    result = results.result(mismatch, target=target, chain=(leaf,), stores=(results.untrusted(),))
    reply = Reply(220, (text,))
    smtp = SmtpFacts(exchanges=(Exchange("", reply),), capabilities=(text,))
    observation = dataclasses.replace(result.observation, smtp=smtp)
    visit = Visit(
        time="t", address=text, state="ok", found=one_line(text), days="1", thumbprint="", duration="1"
    )
    safe = dataclasses.replace(visit, address=one_line(text))
    return target_html(dataclasses.replace(result, observation=observation), safe)


def test_the_page_of_a_target_says_everything() -> None:
    """Cause, remedy with its commands, clients' words, chain with what is missing, stores, dialogue, earlier probes."""
    found = results.problem(
        ProblemKind.MISSING_INTERMEDIATE,
        "an intermediate is missing",
        remedy="Postfix: `postfix reload` does it",
    )
    result = results.result(found, chain=(results.LEAF,), stores=(results.untrusted(depth=0),))
    visit = Visit(
        time="2026-11-20 10:00:00 UTC", address="192.0.2.7", state="critical", found="expired", days="-3",
        thumbprint="AB12", duration="0.10 s", changed=True,
    )  # fmt: skip
    html = target_html(result, visit)
    text = Reader(html).text
    for words in (
        "An intermediate is missing",
        "postfix reload",
        "RemoteCertificateChainErrors",
        "not sent",
        results.LEAF.sha1,
        "unable to get local issuer certificate",
        "EHLO monitor.contoso.com",
        "TLS_AES_256_GCM_SHA384",
        "2026-11-20 10:00:00 UTC",
        "another certificate",
    ):
        assert words in text, words
    assert "<code>postfix reload</code>" in html
    assert f'action="/targets/{result.target.id}/probe" method="post"' in html


def test_the_page_of_a_target_that_waits() -> None:
    """Before the first probe there is a page, too; where there is no host, nothing can be asked for."""
    html = "".join(page.target_page(results.TARGET, [], [], NOW, can_probe=False))
    assert "Waiting for the first probe" in html
    assert "<form" not in html


@pytest.mark.parametrize(
    ("seconds", "words"), [(3600, "1 h"), (90, "1 min 30 s"), (93_600, "1 d 2 h"), (1, "1 s")], ids=str
)
def test_intervals_in_words(seconds: float, words: str) -> None:
    """In whole units."""
    assert page.format_interval(seconds) == words


def test_the_page_keeps_to_its_security_policy() -> None:
    """No script, no inline style, nothing loaded from elsewhere."""
    reader = Reader(html_of(results.result(results.problem(ProblemKind.EXPIRED))))
    assert not {tag for tag, _ in reader.tags} & {"script", "style", "img", "iframe"}
    assert not [attributes for _, attributes in reader.tags if "style" in attributes]
    links = [attributes["href"] for _, attributes in reader.tags if "href" in attributes]
    assert links
    assert all(link and (link.startswith("/") or link == "data:,") for link in links)


def test_banners_of_servers_stay_off_the_page() -> None:
    """The overview is about certificates; what a server calls itself is nobody's business."""
    assert "Microsoft ESMTP" not in html_of(results.result())


def test_a_long_list_has_pages() -> None:
    """A hundred lines a page, in pieces so that the event loop is not held up, with links to the others."""
    targets = [
        (named(f"server-{n:03}"), [results.result(target=named(f"server-{n:03}"))]) for n in range(250)
    ]
    pieces = pieces_of(targets, Query(page=2))
    html = "".join(pieces)
    assert len(pieces) > 2
    assert max(map(len, pieces)) < 2 * page.PIECE
    assert html.count('<tr class="ok">') == 100
    assert "page 2 of 3" in html
    assert 'href="/?page=3" rel="next"' in html
    assert 'href="/" rel="prev"' in html
    assert "server-100" in html
    assert "page 3 of 3" in "".join(pieces_of(targets, Query(page=99)))


def test_the_style_sheet_serves_both_colour_schemes_and_phones() -> None:
    """The style sheet is part of the package and has its two media queries."""
    css = page.style_sheet()
    assert "prefers-color-scheme: dark" in css
    assert "max-width" in css


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0 s"), (0, "0 s"), (59, "59 s"), (60, "1 min"), (7199, "1 h"), (200_000, "2 d")],
    ids=str,
)
def test_ages_are_told_in_their_largest_unit(seconds: int, words: str) -> None:
    """A person wants a magnitude; a clock that was set back does not make an age negative."""
    assert age(results.NOW + timedelta(seconds=seconds), results.NOW) == words


@pytest.mark.parametrize(
    ("left", "words"),
    [(41.9, "in 41 days"), (1.5, "in 1 day"), (0.5, "today"), (-0.5, "today"), (-2.1, "2 days ago")],
    ids=str,
)
def test_days_left_are_whole(left: float, words: str) -> None:
    """Days are rounded towards the present, as in the problem's own sentence."""
    assert row(results.TARGET, results.result(days_left=left), NOW).days == words


@pytest.mark.parametrize(
    ("target", "address", "where"),
    [
        (results.TARGET, "192.0.2.7", "192.0.2.7 · STARTTLS"),
        (named("mail"), "192.0.2.7", f"{results.HOST}:25 · 192.0.2.7 · STARTTLS"),
        (
            dataclasses.replace(named("six"), host="2001:db8::7", port=465, mode=Mode.TLS),
            "2001:db8::7",
            "[2001:db8::7]:465 · TLS from the first byte",
        ),
        (results.TARGET, "", "STARTTLS"),
    ],
    ids=["default-name", "own-name", "ipv6-literal", "not-resolved"],
)
def test_the_place_says_what_the_name_does_not(target: Target, address: str, where: str) -> None:
    """Host and port are not repeated where they are the name already."""
    assert row(target, results.result(target=target, address=address), NOW).where == where


@pytest.mark.parametrize(
    ("kind", "title"),
    [
        (ProblemKind.UNTRUSTED_ROOT, "Untrusted root"),
        (ProblemKind.STARTTLS_MISSING, "STARTTLS missing"),
        (ProblemKind.LEGACY_TLS, "Legacy TLS"),
    ],
    ids=str,
)
def test_titles_are_words(kind: ProblemKind, title: str) -> None:
    """A problem's name reads as a title; protocols keep their capitals."""
    shown = row(results.TARGET, results.result(results.problem(kind)), NOW)
    assert [finding.title for finding in shown.problems] == [title]
