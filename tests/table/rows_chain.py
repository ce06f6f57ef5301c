"""Rows about the chain: what is sent, what is trusted, and when."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from exporter.demo.authority import CLIENT_AUTH, DAY, Intermediate, Issued, Leaf, Root, self_signed
from exporter.model import Mode
from exporter.model import ProblemKind as P
from tests.table.scene import ANOTHER_ROOT, LEAF, ROOT, SUB, Scene, Table, trusting, usual

TABLE = Table()
AIA = ("http://pki.example/sub.crt",)


# --- trust ---


@TABLE.row()
def good(now: datetime) -> Scene:
    """Sends leaf < sub; holds root."""
    return usual(now)


@TABLE.row(mode=Mode.TLS)
def good_with_implicit_tls(now: datetime) -> Scene:
    """Sends leaf < sub; holds root. TLS begins with the first byte."""
    return usual(now)


@TABLE.row()
def root_sent(now: datetime) -> Scene:
    """Sends leaf < sub < root; holds root."""
    scene = usual(now)
    (root,) = scene.stores["clients"]
    return trusting(root, *scene.sent, root)


@TABLE.row(P.MISSING_INTERMEDIATE, undecided=(P.UNTRUSTED_ROOT,), complete=False)
def missing_intermediate_with_aia(now: datetime) -> Scene:
    """Sends leaf, which says where sub is; holds root."""
    scene = usual(now, leaf=replace(LEAF, aia_issuers=AIA))
    return Scene(scene.sent[:1], scene.stores)


@TABLE.row(P.UNTRUSTED_ROOT, undecided=(P.MISSING_INTERMEDIATE,), complete=None)
def missing_intermediate_without_aia(now: datetime) -> Scene:
    """Sends leaf; holds root. Nothing tells whether the leaf's issuer is an intermediate or a root."""
    scene = usual(now)
    return Scene(scene.sent[:1], scene.stores)


@TABLE.row(P.MISSING_INTERMEDIATE, complete=False)
def missing_intermediate_in_another_store(now: datetime) -> Scene:
    """Sends leaf; one store holds root, another one root and sub."""
    scene = usual(now)
    leaf, sub = scene.sent
    (root,) = scene.stores["clients"]
    return trusting(root, leaf, partners=(root, sub))


@TABLE.row(P.UNTRUSTED_ROOT)
def untrusted_root_sent(now: datetime) -> Scene:
    """Sends leaf < sub < root; holds another root."""
    return trusting(self_signed(ANOTHER_ROOT, now), *root_sent(now).sent)


@TABLE.row(P.UNTRUSTED_ROOT, complete=None)
def untrusted_root_not_sent(now: datetime) -> Scene:
    """Sends leaf < sub; holds another root. Whether sub's issuer is a root is not known."""
    return trusting(self_signed(ANOTHER_ROOT, now), *usual(now).sent)


@TABLE.row(P.UNTRUSTED_ROOT)
def untrusted_by_one_of_two(now: datetime) -> Scene:
    """Sends leaf < sub; one store holds root, another one another root."""
    scene = usual(now)
    return Scene(scene.sent, {**scene.stores, "partners": (self_signed(ANOTHER_ROOT, now),)})


@TABLE.row(P.SELF_SIGNED)
def signed_by_itself(now: datetime) -> Scene:
    """Sends leaf, signed by its own key; holds a root."""
    return trusting(self_signed(ROOT, now), self_signed(LEAF, now))


@TABLE.row()
def signed_by_itself_but_trusted(now: datetime) -> Scene:
    """Sends leaf, signed by its own key; holds it."""
    leaf = self_signed(replace(LEAF, ca=True, usage=(), purposes=()), now)
    return trusting(leaf, leaf)


# --- dates ---


@TABLE.row(P.EXPIRED)
def expired_leaf(now: datetime) -> Scene:
    """Sends leaf (expired) < sub; holds root."""
    return usual(now, leaf=replace(LEAF, begins=-300 * DAY, ends=-DAY))


@TABLE.row(P.EXPIRED)
def expired_intermediate(now: datetime) -> Scene:
    """Sends leaf < sub (expired); holds root."""
    return usual(now, sub=replace(SUB, ends=-DAY))


@TABLE.row(P.NOT_YET_VALID)
def not_yet_valid_leaf(now: datetime) -> Scene:
    """Sends leaf (from tomorrow on) < sub; holds root."""
    return usual(now, leaf=replace(LEAF, begins=DAY))


@TABLE.row(P.NOT_YET_VALID)
def not_yet_valid_intermediate(now: datetime) -> Scene:
    """Sends leaf < sub (from tomorrow on); holds root."""
    return usual(now, sub=replace(SUB, begins=DAY))


@TABLE.row(P.EXPIRES_SOON)
def expires_soon(now: datetime) -> Scene:
    """Sends leaf (until the day after tomorrow) < sub; holds root."""
    return usual(now, leaf=replace(LEAF, ends=2 * DAY))


# --- what is sent, and in which order ---


@TABLE.row()
def out_of_order(now: datetime) -> Scene:
    """Sends leaf, root, sub; holds root."""
    leaf, sub, root = root_sent(now).sent
    return trusting(root, leaf, root, sub)


@TABLE.row()
def duplicate(now: datetime) -> Scene:
    """Sends leaf < sub, and both again; holds root."""
    scene = usual(now)
    leaf, sub = scene.sent
    return Scene((leaf, sub, leaf, sub), scene.stores)


@TABLE.row()
def unrelated_extra(now: datetime) -> Scene:
    """Sends leaf < sub, and somebody else's certificate, which ends tomorrow; holds root."""
    scene = usual(now)
    other = self_signed(Root("CN=Other"), now).issue(Leaf("CN=other", ends=DAY))
    return Scene((*scene.sent, other), scene.stores)


def _cross_signed(now: datetime) -> tuple[tuple[Issued, ...], Issued, Issued]:
    """Leaf < sub < root, cross-signed by the old root, which has expired; the root itself; the old one."""
    old = self_signed(Root("CN=Old Root,O=Contoso", ends=-DAY), now)
    root = self_signed(ROOT, now)
    sub = root.issue(SUB)
    return (sub.issue(LEAF), sub, old.issue(Intermediate(ROOT.subject, key=root.key))), root, old


@TABLE.row()
def cross_signed_with_expired_root(now: datetime) -> Scene:
    """Sends leaf < sub < root (cross-signed by old root, which has expired); holds root and old root."""
    sent, root, old = _cross_signed(now)
    return Scene(sent, {"clients": (root, old)})


@TABLE.row(P.EXPIRED)
def cross_signed_with_expired_root_alone(now: datetime) -> Scene:
    """Sends leaf < sub < root (cross-signed by old root, which has expired); holds old root."""
    sent, _, old = _cross_signed(now)
    return Scene(sent, {"clients": (old,)})


# --- several at once ---


@TABLE.row(
    P.EXPIRED,
    P.HOSTNAME_MISMATCH,
    P.MISSING_INTERMEDIATE,
    P.WEAK_KEY,
    P.WRONG_USAGE,
    undecided=(P.UNTRUSTED_ROOT,),
    complete=False,
    carried=False,
)
def five_at_once(now: datetime) -> Scene:
    """Sends leaf (for clients, for another host, RSA 1,024, expired), which says where sub is; holds root."""
    leaf = replace(LEAF, begins=-300 * DAY, ends=-2 * DAY, dns=("old-mail.example.org",), key="rsa-1024")
    scene = usual(now, leaf=replace(leaf, aia_issuers=AIA, purposes=(CLIENT_AUTH,)))
    return Scene(scene.sent[:1], scene.stores)
