"""Chains against trust stores, with `openssl verify` as the second opinion on each.

Every case is a function whose docstring draws what the server sends and what the store holds. The
causes are written down beside it; code and depth come from the openssl command in the same run.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from exporter.demo.authority import (
    CLIENT_AUTH,
    DAY,
    SERVER_AUTH,
    Intermediate,
    Issued,
    Leaf,
    Root,
    critical_extension,
    self_signed,
)
from exporter.judge.certificates import read_certificate
from exporter.judge.chain import judge_chain
from exporter.judge.presented import presented_path
from exporter.model import ProblemKind as P
from exporter.model import StoreVerdict, TrustStore

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOST = ("mail.example.org",)


@dataclass(frozen=True)
class Sent:
    """What a server sends, leaf first, and what the store holds."""

    chain: tuple[Issued, ...]
    store: tuple[Issued, ...]


def _root(name: str = "CN=Root") -> Issued:
    return self_signed(Root(name), NOW)


def _leaf(issuer: Issued, **changes: object) -> Issued:
    return issuer.issue(Leaf("CN=mail.example.org", **({"dns": HOST} | changes)))  # type: ignore[arg-type] # knobs of the template


def good() -> Sent:
    """Sends leaf < sub; holds root."""
    root = _root()
    sub = root.issue(Intermediate("CN=Sub"))
    return Sent((_leaf(sub), sub), (root,))


def without_end() -> Sent:
    """Sends leaf < sub; holds root. All of them say that they have no end (RFC 5280 section 4.1.2.5)."""
    never = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC) - NOW
    root = self_signed(Root("CN=Root", ends=never), NOW)
    sub = root.issue(Intermediate("CN=Sub", ends=never))
    return Sent((_leaf(sub, ends=never), sub), (root,))


def root_sent() -> Sent:
    """Sends leaf < sub < root; holds root."""
    root = _root()
    sub = root.issue(Intermediate("CN=Sub"))
    return Sent((_leaf(sub), sub, root), (root,))


def out_of_order() -> Sent:
    """Sends leaf, root, sub; holds root."""
    root = _root()
    sub = root.issue(Intermediate("CN=Sub"))
    return Sent((_leaf(sub), root, sub), (root,))


def duplicate() -> Sent:
    """Sends leaf < sub twice; holds root."""
    root = _root()
    sub = root.issue(Intermediate("CN=Sub"))
    leaf = _leaf(sub)
    return Sent((leaf, leaf, sub, sub), (root,))


def unrelated_expired_extra() -> Sent:
    """Sends leaf < sub, and a certificate of somebody else that has expired; holds root."""
    root = _root()
    sub = root.issue(Intermediate("CN=Sub"))
    return Sent((_leaf(sub), sub, _root("CN=Other").issue(Leaf("CN=other", ends=-DAY))), (root,))


def untrusted_root_sent() -> Sent:
    """Sends leaf < sub < root; holds another root."""
    return Sent(root_sent().chain, (_root("CN=Another"),))


def untrusted_root_not_sent() -> Sent:
    """Sends leaf < sub; holds another root."""
    return Sent(good().chain, (_root("CN=Another"),))


def namesake_root() -> Sent:
    """Sends leaf < sub; holds a root of the right name with another key."""
    return Sent(good().chain, (_root("CN=Root"),))


def lone_leaf() -> Sent:
    """Sends leaf; sub names no AIA issuer; holds root."""
    case = good()
    return Sent(case.chain[:1], case.store)


def lone_leaf_with_aia() -> Sent:
    """Sends leaf, which says where sub is; holds root."""
    root = _root()
    sub = root.issue(Intermediate("CN=Sub"))
    return Sent((_leaf(sub, aia_issuers=("http://pki.example/sub.crt",)),), (root,))


def intermediate_in_store() -> Sent:
    """Sends leaf; holds sub and root."""
    root = _root()
    sub = root.issue(Intermediate("CN=Sub"))
    return Sent((_leaf(sub),), (sub, root))


def second_intermediate_missing() -> Sent:
    """Sends leaf < sub 2; holds root; sub 1 in between is nowhere."""
    root = _root()
    sub_1 = root.issue(Intermediate("CN=Sub 1"))
    sub_2 = sub_1.issue(Intermediate("CN=Sub 2"))
    return Sent((_leaf(sub_2), sub_2), (root,))


def self_signed_leaf() -> Sent:
    """Sends leaf, signed by its own key; holds a root."""
    return Sent((self_signed(Leaf("CN=mail.example.org", dns=HOST), NOW),), (_root(),))


def self_signed_trusted() -> Sent:
    """Sends leaf, signed by its own key; holds the leaf."""
    leaf = self_signed(Leaf("CN=mail.example.org", dns=HOST, usage=(), ca=True), NOW)
    return Sent((leaf,), (leaf,))


def _with_dates(leaf: timedelta = DAY, sub: timedelta = DAY, root: timedelta = DAY) -> Sent:
    top = self_signed(Root("CN=Root", ends=root), NOW)
    middle = top.issue(Intermediate("CN=Sub", ends=sub))
    return Sent((_leaf(middle, ends=leaf), middle), (top,))


def expired_leaf() -> Sent:
    """Sends leaf (expired) < sub; holds root."""
    return _with_dates(leaf=-DAY)


def expired_intermediate() -> Sent:
    """Sends leaf < sub (expired); holds root."""
    return _with_dates(sub=-DAY)


def expired_both() -> Sent:
    """Sends leaf (expired) < sub (expired); holds root."""
    return _with_dates(leaf=-DAY, sub=-DAY)


def expired_root() -> Sent:
    """Sends leaf < sub; holds root (expired)."""
    return _with_dates(root=-DAY)


def not_yet_valid_leaf() -> Sent:
    """Sends leaf (from tomorrow on) < sub; holds root."""
    root = _root()
    sub = root.issue(Intermediate("CN=Sub"))
    return Sent((_leaf(sub, begins=DAY), sub), (root,))


def not_yet_valid_intermediate() -> Sent:
    """Sends leaf < sub (from tomorrow on); holds root."""
    root = _root()
    sub = root.issue(Intermediate("CN=Sub", begins=DAY))
    return Sent((_leaf(sub), sub), (root,))


def expired_and_untrusted() -> Sent:
    """Sends leaf (expired) < sub; holds another root."""
    return Sent(expired_leaf().chain, (_root("CN=Another"),))


def cross_signed_old_root_expired() -> Sent:
    """Sends leaf < sub < root (cross-signed by old root, which expired); holds root and old root."""
    old = self_signed(Root("CN=Old Root", ends=-DAY), NOW)
    root = _root()
    cross = old.issue(Intermediate("CN=Root", key=root.key))
    sub = root.issue(Intermediate("CN=Sub"))
    return Sent((_leaf(sub), sub, cross), (root, old))


def expired_and_valid_twin() -> Sent:
    """Sends leaf, sub (expired), sub (valid, same key); holds root."""
    root = _root()
    stale = root.issue(Intermediate("CN=Sub", ends=-DAY))
    fresh = root.issue(Intermediate("CN=Sub", key=stale.key))
    return Sent((_leaf(fresh), stale, fresh), (root,))


def client_leaf() -> Sent:
    """Sends leaf (for clients) < sub; holds root."""
    root = _root()
    sub = root.issue(Intermediate("CN=Sub"))
    return Sent((_leaf(sub, purposes=(CLIENT_AUTH,)), sub), (root,))


def client_intermediate() -> Sent:
    """Sends leaf < sub (for clients); holds root."""
    root = _root()
    sub = root.issue(Intermediate("CN=Sub", purposes=(CLIENT_AUTH,)))
    return Sent((_leaf(sub), sub), (root,))


def signing_only_leaf() -> Sent:
    """Sends leaf (key usage: sign certificates) < sub; holds root."""
    root = _root()
    sub = root.issue(Intermediate("CN=Sub"))
    return Sent((_leaf(sub, usage=("crl_sign",)), sub), (root,))


def client_leaf_expired() -> Sent:
    """Sends leaf (for clients, expired) < sub; holds root."""
    root = _root()
    sub = root.issue(Intermediate("CN=Sub"))
    return Sent((_leaf(sub, purposes=(CLIENT_AUTH,), ends=-DAY), sub), (root,))


def client_leaf_below_bad_authority() -> Sent:
    """Sends leaf (for clients) < sub (not an authority); holds root."""
    root = _root()
    sub = root.issue(Intermediate("CN=Sub", ca=False))
    return Sent((_leaf(sub, purposes=(CLIENT_AUTH,)), sub), (root,))


def both_usages() -> Sent:
    """Sends leaf (for clients and servers) < sub; holds root."""
    root = _root()
    sub = root.issue(Intermediate("CN=Sub"))
    return Sent((_leaf(sub, purposes=(CLIENT_AUTH, SERVER_AUTH)), sub), (root,))


def not_an_authority() -> Sent:
    """Sends leaf < sub (not an authority); holds root."""
    root = _root()
    sub = root.issue(Intermediate("CN=Sub", ca=False))
    return Sent((_leaf(sub), sub), (root,))


def path_too_long() -> Sent:
    """Sends leaf < sub 2 < sub 1 (path length 0); holds root."""
    root = _root()
    sub_1 = root.issue(Intermediate("CN=Sub 1", path_length=0))
    sub_2 = sub_1.issue(Intermediate("CN=Sub 2"))
    return Sent((_leaf(sub_2), sub_2, sub_1), (root,))


def name_not_permitted() -> Sent:
    """Sends leaf < sub (only for example.com); holds root."""
    root = _root()
    sub = root.issue(Intermediate("CN=Sub", permitted_dns=("example.com",)))
    return Sent((_leaf(sub), sub), (root,))


def name_excluded() -> Sent:
    """Sends leaf < sub (not for example.org); holds root."""
    root = _root()
    sub = root.issue(Intermediate("CN=Sub", excluded_dns=("example.org",)))
    return Sent((_leaf(sub), sub), (root,))


def unknown_critical_extension() -> Sent:
    """Sends leaf (with a critical extension that nobody knows) < sub; holds root."""
    root = _root()
    sub = root.issue(Intermediate("CN=Sub"))
    return Sent((_leaf(sub, extensions=(critical_extension(),)), sub), (root,))


def bad_signature() -> Sent:
    """Sends leaf (signed with another key) < sub; holds root."""
    root = _root()
    sub = root.issue(Intermediate("CN=Sub"))
    return Sent((_leaf(sub, signing_key=_root("CN=Other").key), sub), (root,))


def bad_signature_expired_authority() -> Sent:
    """Sends leaf (signed with another key) < sub (expired); holds root."""
    root = _root()
    sub = root.issue(Intermediate("CN=Sub", ends=-DAY))
    return Sent((_leaf(sub, signing_key=_root("CN=Other").key), sub), (root,))


def untrusted_and_invalid() -> Sent:
    """Sends leaf < sub (not an authority) < root; holds another root."""
    root = _root()
    sub = root.issue(Intermediate("CN=Sub", ca=False))
    return Sent((_leaf(sub), sub, root), (_root("CN=Another"),))


CASES: dict[Callable[[], Sent], set[P]] = {
    good: set(),
    without_end: set(),
    root_sent: set(),
    out_of_order: set(),
    duplicate: set(),
    unrelated_expired_extra: set(),
    untrusted_root_sent: {P.UNTRUSTED_ROOT},
    untrusted_root_not_sent: {P.UNTRUSTED_ROOT},
    namesake_root: {P.UNTRUSTED_ROOT},
    lone_leaf: {P.UNTRUSTED_ROOT},
    lone_leaf_with_aia: {P.MISSING_INTERMEDIATE},
    intermediate_in_store: set(),
    second_intermediate_missing: {P.UNTRUSTED_ROOT},
    self_signed_leaf: {P.SELF_SIGNED},
    self_signed_trusted: set(),
    expired_leaf: set(),
    expired_intermediate: set(),
    expired_both: set(),
    expired_root: set(),
    not_yet_valid_leaf: set(),
    not_yet_valid_intermediate: set(),
    expired_and_untrusted: {P.UNTRUSTED_ROOT},
    cross_signed_old_root_expired: set(),
    expired_and_valid_twin: set(),
    client_leaf: set(),
    client_intermediate: set(),
    signing_only_leaf: set(),
    client_leaf_expired: set(),
    client_leaf_below_bad_authority: {P.CHAIN_INVALID},
    both_usages: set(),
    not_an_authority: {P.CHAIN_INVALID},
    path_too_long: {P.CHAIN_INVALID},
    name_not_permitted: {P.CHAIN_INVALID},
    name_excluded: {P.CHAIN_INVALID},
    unknown_critical_extension: {P.CHAIN_INVALID},
    bad_signature: {P.CHAIN_INVALID},
    bad_signature_expired_authority: {P.CHAIN_INVALID},
    untrusted_and_invalid: {P.UNTRUSTED_ROOT, P.CHAIN_INVALID},
}


def verdict(sent: Sent, now: datetime = NOW) -> StoreVerdict:
    """Our word on a case."""
    chain = tuple(read_certificate(issued.der) for issued in sent.chain)
    store = TrustStore("store", tuple(issued.der for issued in sent.store))
    (only,) = judge_chain(chain, {"store": store}, now).stores
    return only


def openssl_says(sent: Sent, directory: Path, *options: str) -> tuple[int, int | None]:
    """Code and depth of the first error of `openssl verify`."""
    for name, pems in (
        ("leaf", sent.chain[:1]),
        ("rest", sent.chain[1:] or sent.chain),
        ("store", sent.store),
    ):
        (directory / name).write_text("".join(issued.pem for issued in pems))
    command: list[str | Path] = [
        "openssl",
        "verify",
        "-no-CApath",
        "-no-CAstore",
        "-purpose",
        "sslserver",
        *options,
    ]
    files: list[str | Path] = [
        "-CAfile",
        directory / "store",
        "-untrusted",
        directory / "rest",
        directory / "leaf",
    ]
    run = subprocess.run([*command, *files], capture_output=True, text=True, check=False, timeout=30)
    found = re.search(r"error (\d+) at (\d+) depth lookup", run.stdout + run.stderr)
    assert found or run.returncode == 0, run.stderr
    return (int(found[1]), int(found[2])) if found else (0, None)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_code_and_depth_are_openssls(case: Callable[[], Sent], tmp_path: Path) -> None:
    """First error and its depth equal those of `openssl verify -purpose sslserver`, dates counted or not."""
    sent = case()
    ours = verdict(sent)
    at = f"{NOW.timestamp():.0f}"
    assert (ours.code, ours.depth) == openssl_says(sent, tmp_path, "-attime", at)
    assert ours.valid is (ours.code == 0)
    assert ours.trusted is (openssl_says(sent, tmp_path, "-no_check_time")[0] == 0)


@pytest.mark.parametrize(("case", "causes"), CASES.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_causes(case: Callable[[], Sent], causes: set[P]) -> None:
    """Each chain shows exactly its own causes (usage and dates are judged elsewhere)."""
    assert verdict(case()).problems == causes


def test_lone_leaf_leaves_open_which() -> None:
    """Without AIA the unknown issuer may be a missing intermediate; with it, the root may be unknown too."""
    assert verdict(lone_leaf()).undetermined == {P.MISSING_INTERMEDIATE}
    assert verdict(lone_leaf_with_aia()).undetermined == {P.UNTRUSTED_ROOT}
    assert verdict(untrusted_root_sent()).undetermined == set()


def _two_stores(sent: Sent, *others: Issued) -> tuple[StoreVerdict, ...]:
    chain = tuple(read_certificate(issued.der) for issued in sent.chain)
    stores = {
        "clients": TrustStore("clients", tuple(issued.der for issued in sent.store)),
        "helper": TrustStore("helper", tuple(issued.der for issued in others)),
    }
    return judge_chain(chain, stores, NOW).stores


def test_intermediate_that_another_store_holds_proves_the_gap() -> None:
    """Where any store holds the intermediate, a lone leaf without AIA is a missing intermediate."""
    root = _root()
    sub = root.issue(Intermediate("CN=Sub"))
    clients, _ = _two_stores(Sent((_leaf(sub),), (root,)), sub)
    assert (clients.code, clients.depth) == (20, 0)
    assert clients.problems == {P.MISSING_INTERMEDIATE}
    assert clients.undetermined == set()


def test_gap_and_unknown_root_are_both_told() -> None:
    """With the gap filled, the chain still ends in an unknown root: two causes."""
    root = _root()
    sub = root.issue(Intermediate("CN=Sub"))
    clients, _ = _two_stores(Sent((_leaf(sub),), (_root("CN=Another"),)), sub)
    assert clients.problems == {P.MISSING_INTERMEDIATE, P.UNTRUSTED_ROOT}


def test_gap_above_the_first_intermediate() -> None:
    """A second intermediate that a store holds and the server does not send is missing too."""
    root = _root()
    sub_1 = root.issue(Intermediate("CN=Sub 1"))
    sub_2 = sub_1.issue(Intermediate("CN=Sub 2"))
    clients, _ = _two_stores(Sent((_leaf(sub_2), sub_2), (root,)), sub_1)
    assert clients.problems == {P.MISSING_INTERMEDIATE}


def test_another_stores_root_fills_no_gap() -> None:
    """A root that one store lacks and another holds is an untrusted root, not a missing intermediate."""
    sent = untrusted_root_not_sent()
    clients, helper = _two_stores(sent, *good().store)
    assert clients.problems == {P.UNTRUSTED_ROOT}
    assert (clients.code, clients.depth) == (20, 1)
    assert helper.store == "helper"


def test_each_store_has_its_own_word() -> None:
    """A chain can be trusted by one store and not by the other."""
    sent = good()
    clients, other = _two_stores(sent, _root("CN=Another"))
    assert (clients.valid, other.valid) == (True, False)


def test_the_verified_path_ends_in_the_root() -> None:
    """The path is leaf, intermediate, root, and ends when the first of them does."""
    sent = good()
    found = verdict(sent)
    assert [c.subject for c in found.path] == ["CN=mail.example.org", "CN=Sub", "CN=Root"]
    assert found.valid_until == min(c.not_after for c in found.path)


def test_cross_sign_path_avoids_the_expired_root() -> None:
    """The path taken is the one through the root that is trusted and valid."""
    path = verdict(cross_signed_old_root_expired()).path
    assert [c.subject for c in path] == ["CN=mail.example.org", "CN=Sub", "CN=Root"]
    assert path[-1].self_signed


def test_the_moment_is_an_argument() -> None:
    """The same chain is judged differently at different moments, to the second, in any order."""
    sent = _with_dates(leaf=DAY, sub=2 * DAY)
    last_second = NOW + DAY
    moments = [last_second + timedelta(seconds=1), last_second, last_second + timedelta(seconds=0.5), NOW]
    codes = [verdict(sent, moment).code for moment in (*moments, *reversed(moments))]
    assert codes == [10, 0, 0, 0, 0, 0, 0, 10]
    assert verdict(sent, datetime(1990, 1, 1, tzinfo=UTC)).code == 9


def test_a_store_may_be_empty_of_what_is_needed() -> None:
    """A store without any fitting anchor, or with one that cannot be read, trusts nothing."""
    sent = good()
    chain = tuple(read_certificate(issued.der) for issued in sent.chain)
    (found,) = judge_chain(chain, {"x": TrustStore("x", (b"\x30\x03\x02\x01\x01",))}, NOW).stores
    assert (found.code, found.depth) == (20, 1)


def test_no_chain_no_verdict() -> None:
    """Without certificates nothing is said about any store."""
    assert judge_chain((), {"x": TrustStore("x", ())}, NOW).stores == ()
    assert presented_path(()) == ()


def test_presented_path_follows_names_not_order() -> None:
    """The presented path is put in order, and stops where an issuer was not sent."""
    sent = out_of_order()
    chain = tuple(read_certificate(issued.der) for issued in sent.chain)
    assert [c.subject for c in presented_path(chain)] == ["CN=mail.example.org", "CN=Sub", "CN=Root"]
    assert presented_path(chain[:1]) == chain[:1]


def test_endless_chain_is_cut() -> None:
    """Of a chain longer than the cap only the beginning is looked at."""
    sent = good()
    chain = tuple(read_certificate(issued.der) for issued in sent.chain)
    (found,) = judge_chain((*chain, *chain * 100), {"x": TrustStore("x", (sent.store[0].der,))}, NOW).stores
    assert found.valid
