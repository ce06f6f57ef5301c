"""The presented chain as such, and what continues it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from exporter.demo.authority import Intermediate, Issued, Leaf, Root, self_signed
from exporter.judge import issuer_to_fetch, judge
from exporter.judge.certificates import read_certificate
from exporter.judge.presented import (
    MAX_FETCHED,
    is_complete,
    known_issuers,
    next_issuer_url,
    notes,
    presented_path,
)
from exporter.model import (
    CertificateFacts,
    IssuerAnswer,
    Observation,
    Policy,
    Stage,
    Target,
    TrustStore,
    Verdict,
)
from exporter.model import ProblemKind as P

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOST = "mail.example.org"
SUB_URL = "http://pki.example/sub.crt"
ROOT_URL = "http://pki.example/root.crt"
ROOT = self_signed(Root("CN=Root"), NOW)
OTHER = self_signed(Root("CN=Other"), NOW)
SUB = ROOT.issue(Intermediate("CN=Sub", aia_issuers=(ROOT_URL,)))
LEAF = SUB.issue(Leaf(f"CN={HOST}", dns=(HOST,), aia_issuers=("ldap:///cn=sub", SUB_URL)))


def facts(*chain: Issued) -> tuple[CertificateFacts, ...]:
    """Certificates read."""
    return tuple(read_certificate(one.der) for one in chain)


def store(*anchors: Issued) -> TrustStore:
    """A trust store of these."""
    return TrustStore("store", tuple(anchor.der for anchor in anchors))


def answers(**given: tuple[Issued, ...]) -> dict[str, IssuerAnswer]:
    """What the two URLs gave."""
    urls = {"sub": SUB_URL, "root": ROOT_URL}
    return {urls[key]: IssuerAnswer(urls[key], tuple(c.der for c in value)) for key, value in given.items()}


def judged(chain: tuple[Issued, ...], trusted: Issued, given: dict[str, IssuerAnswer]) -> Verdict:
    """The verdict on a chain with these answers."""
    seen = Observation(address="192.0.2.1", stage=Stage.HANDSHAKE, chain=tuple(c.der for c in chain))
    target = Target(name="x", host=HOST, names=(HOST,), policy=Policy(stores=("store",)))
    return judge(seen, seen, target, {"store": store(trusted)}, NOW, given)


ASKED = {
    "lone leaf: where its issuer is": ((LEAF,), OTHER, {}, SUB_URL),
    "lone leaf, answered: where the next is": ((LEAF,), OTHER, answers(sub=(SUB,)), ROOT_URL),
    "chain without its root": ((LEAF, SUB), OTHER, {}, ROOT_URL),
    "nothing more to ask": ((LEAF,), OTHER, answers(sub=(SUB,), root=(ROOT,)), None),
    "answer of another key": ((LEAF,), OTHER, answers(sub=(OTHER,)), None),
    "root is held": ((LEAF, SUB), ROOT, {}, None),
    "issuer is held": ((LEAF,), SUB, {}, ROOT_URL),
    "root is sent": ((LEAF, SUB, ROOT), OTHER, {}, None),
    "nothing presented": ((), OTHER, {}, None),
}


@pytest.mark.parametrize(("chain", "held", "given", "url"), ASKED.values(), ids=ASKED)
def test_what_to_ask_next(
    chain: tuple[Issued, ...], held: Issued, given: dict[str, IssuerAnswer], url: str | None
) -> None:
    """One http URL at a time is asked, from the top of what is known, until nothing is missing."""
    assert next_issuer_url(facts(*chain), (store(held),), given) == url


@pytest.mark.parametrize(
    "url", ["ldap:///cn=x", "https://x.example/", "file:///etc/passwd", "http://", "http://[", "//x"]
)
def test_other_urls_are_not_asked(url: str) -> None:
    """Only http URLs with a host are fetched."""
    assert next_issuer_url(facts(SUB.issue(Leaf("CN=x", aia_issuers=(url,)))), (store(OTHER),), {}) is None


def test_asking_ends() -> None:
    """However long a chain of AIA URLs is, only the first few are followed."""
    authority = self_signed(Root("CN=0"), NOW)
    given = {}
    for number in range(1, MAX_FETCHED + 3):
        url = f"http://pki.example/{number}"
        given[url] = IssuerAnswer(url, (authority.der,))
        authority = authority.issue(Intermediate(f"CN={number}", aia_issuers=(url,)))
    chain = facts(authority.issue(Leaf("CN=x", aia_issuers=("http://pki.example/top",))))
    top = "http://pki.example/top"
    told: dict[str, IssuerAnswer] = {top: IssuerAnswer(top, (authority.der,))}
    while url_ := next_issuer_url(chain, (store(OTHER),), told):
        told[url_] = given[url_]
    assert len(told) == MAX_FETCHED


def test_trusted_chains_ask_nothing() -> None:
    """Where the store trusts the chain there is nothing to fetch, whatever URLs it names."""
    seen = Observation(address="192.0.2.1", stage=Stage.HANDSHAKE, chain=(LEAF.der, SUB.der))
    target = Target(name="x", host=HOST, policy=Policy(stores=("store",)))
    assert issuer_to_fetch(seen, target, {"store": store(ROOT)}, NOW, {}) is None
    assert issuer_to_fetch(seen, target, {"store": store(OTHER)}, NOW, {}) == ROOT_URL


CAUSES = {
    "fetched, root held": ((LEAF,), ROOT, answers(sub=(SUB,)), {P.MISSING_INTERMEDIATE}, False),
    "fetched, root not held": (
        (LEAF,),
        OTHER,
        answers(sub=(SUB,), root=(ROOT,)),
        {P.MISSING_INTERMEDIATE, P.UNTRUSTED_ROOT},
        False,
    ),
    "not fetched": ((LEAF,), ROOT, {}, {P.MISSING_INTERMEDIATE}, False),
    "failed to fetch": ((LEAF,), ROOT, answers(sub=()), {P.MISSING_INTERMEDIATE}, False),
    "answer of another key": ((LEAF,), ROOT, answers(sub=(OTHER,)), {P.MISSING_INTERMEDIATE}, False),
    "issuer is an unknown root": (
        (ROOT.issue(Leaf(f"CN={HOST}", dns=(HOST,), aia_issuers=(ROOT_URL,))),),
        OTHER,
        answers(root=(ROOT,)),
        {P.UNTRUSTED_ROOT},
        True,
    ),
    "complete, root held": ((LEAF, SUB), ROOT, {}, set(), True),
    "complete, root sent": ((LEAF, SUB, ROOT), OTHER, {}, {P.UNTRUSTED_ROOT}, True),
    "complete, root fetched": ((LEAF, SUB), OTHER, answers(root=(ROOT,)), {P.UNTRUSTED_ROOT}, True),
    "cannot be told": ((LEAF, SUB), OTHER, {}, {P.UNTRUSTED_ROOT}, None),
}


@pytest.mark.parametrize(("chain", "held", "given", "causes", "complete"), CAUSES.values(), ids=CAUSES)
def test_causes_with_answers(
    chain: tuple[Issued, ...],
    held: Issued,
    given: dict[str, IssuerAnswer],
    causes: set[P],
    complete: bool | None,
) -> None:
    """What AIA gave proves a gap, or that there is none; an answer of another key changes nothing."""
    verdict = judged(chain, held, given)
    assert {problem.kind for problem in verdict.problems} == causes
    assert verdict.chain_complete is complete


def test_the_missing_certificate_is_named() -> None:
    """A fetched intermediate is told with its thumbprint, its issuer and where it is."""
    verdict = judged((LEAF,), ROOT, answers(sub=(SUB,)))
    assert verdict.stores[0].missing == facts(SUB)
    summary = verdict.problems[0].summary
    assert all(part in summary for part in ("CN=Sub", facts(SUB)[0].sha1, "CN=Root"))


def test_why_nothing_was_fetched_is_told() -> None:
    """Where the URL gave nothing, the summary says why."""
    given = {SUB_URL: IssuerAnswer(SUB_URL, detail="404 Not Found")}
    assert f"AIA: {SUB_URL}, not fetched: 404 Not Found" in judged((LEAF,), ROOT, given).problems[0].summary


def test_a_held_intermediate_that_is_not_sent() -> None:
    """A store may verify a chain with an intermediate of its own; the chain is incomplete all the same."""
    seen = Observation(address="192.0.2.1", stage=Stage.HANDSHAKE, chain=(LEAF.der,))
    target = Target(name="x", host=HOST, names=(HOST,), policy=Policy(stores=("store",)))
    verdict = judge(seen, seen, target, {"store": store(SUB, ROOT)}, NOW)
    assert verdict.problems == ()
    assert verdict.chain_complete is False


NOTES = {
    "tidy": ((LEAF, SUB), ()),
    "out of order": ((LEAF, ROOT, SUB), ("out of order", "is a root")),
    "root sent": ((LEAF, SUB, ROOT), ("certificate 2 is a root",)),
    "duplicates": ((LEAF, LEAF, SUB), ("certificate 1 is the same as certificate 0",)),
    "not needed": ((LEAF, SUB, OTHER.issue(Leaf("CN=y"))), ("certificate 2 is not needed",)),
    "self-signed": ((self_signed(Leaf("CN=z"), NOW),), ()),
}


@pytest.mark.parametrize(("chain", "expected"), NOTES.values(), ids=NOTES)
def test_notes(chain: tuple[Issued, ...], expected: tuple[str, ...]) -> None:
    """What is untidy is noted, each once and in order."""
    given = facts(*chain)
    found = notes(given, presented_path(given), ())
    assert len(found) == len(expected)
    assert all(part in note for part, note in zip(expected, found, strict=True))


def test_what_another_path_needs_is_needed() -> None:
    """A cross-signed certificate that a store's path uses is no surplus."""
    cross = OTHER.issue(Intermediate("CN=Root", key=ROOT.key))
    chain = facts(LEAF, SUB, ROOT, cross)
    path = presented_path(chain)
    assert any("certificate 3" in note for note in notes(chain, path, ()))
    assert not any("certificate 3" in note for note in notes(chain, path, [facts(LEAF, SUB, cross, OTHER)]))


def test_nothing_is_known_of_nothing() -> None:
    """Without a chain there is nothing above it, and nothing to complete."""
    assert known_issuers((), (), (store(ROOT),)) == ()
    assert is_complete((), ()) is None
    assert notes((), (), ()) == ()
