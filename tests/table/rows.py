"""The rows: what a server sends, what its clients trust, and what must be found, written by hand.

Nothing that OpenSSL has an opinion on stands here; that column is recorded while the tests run
(`tests.table.openssl`). Each row is a function whose docstring draws its chain. Dates count from the moment
of the test run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from exporter.demo.authority import CLIENT_AUTH, DAY, Intermediate, Issued, Leaf, Root, critical_extension
from exporter.demo.authority import self_signed as signed_by_itself
from exporter.model import Mode
from exporter.model import ProblemKind as P
from tests.table.legacy import signed_with

HOST = "mail.example.org"
AIA = ("http://pki.example/sub.crt",)


@dataclass(frozen=True)
class Scene:
    """What a server sends, leaf first, and the certificates that each trust store holds."""

    sent: tuple[Issued, ...]
    stores: Mapping[str, tuple[Issued, ...]]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row: how to set the scene, and what must be found, no more and no less.

    `undecided` are problems of which neither yes nor no can be said. `complete` tells whether every
    intermediate is sent, None where that cannot be known. `carried` tells whether the certificate has the
    name that is expected of it.
    """

    set_scene: Callable[[datetime], Scene]
    problems: frozenset[P] = frozenset()
    undecided: frozenset[P] = frozenset()
    complete: bool | None = True
    name: str = HOST
    carried: bool = True
    mode: Mode = Mode.STARTTLS
    named_by_common_name: bool = False
    """OpenSSL still takes a Common Name for a host name where there is no SAN; RFC 9525 does not."""

    @property
    def id(self) -> str:
        """The name of the row."""
        return self.set_scene.__name__


@dataclass
class _Table:
    rows: list[Row] = field(default_factory=list)

    def row(
        self, *problems: P, **column: object
    ) -> Callable[[Callable[[datetime], Scene]], Callable[[datetime], Scene]]:
        """Add a row to the table."""

        def add(set_scene: Callable[[datetime], Scene]) -> Callable[[datetime], Scene]:
            self.rows.append(Row(set_scene=set_scene, problems=frozenset(problems), **column))  # type: ignore[arg-type] # the fields of Row
            return set_scene

        return add


_table = _Table()
ROWS = _table.rows
_row = _table.row


def _root(now: datetime, name: str = "Root", **changes: object) -> Issued:
    return signed_by_itself(Root(f"CN={name},O=Contoso", **changes), now)  # type: ignore[arg-type] # knobs of the template


def _sub(issuer: Issued, name: str = "Sub", **changes: object) -> Issued:
    return issuer.issue(Intermediate(f"CN={name},O=Contoso", **changes))  # type: ignore[arg-type] # knobs of the template


def _leaf(issuer: Issued, **changes: object) -> Issued:
    return issuer.issue(_template(**changes))


def _template(**changes: object) -> Leaf:
    return Leaf(f"CN={HOST},O=Contoso", **({"dns": (HOST,)} | changes))  # type: ignore[arg-type] # knobs of the template


def _scene(*sent: Issued, trusted: Issued, **stores: tuple[Issued, ...]) -> Scene:
    return Scene(sent, {"clients": (trusted,), **stores})


def _usual(now: datetime, *, sub: Mapping[str, object] | None = None, **leaf: object) -> Scene:
    """Sends leaf < sub; holds root. With changes to the one or the other."""
    root = _root(now)
    middle = _sub(root, **(sub or {}))
    return _scene(_leaf(middle, **leaf), middle, trusted=root)


# --- trust ----------------------------------------------------------------------------------------


@_row()
def good(now: datetime) -> Scene:
    """Sends leaf < sub; holds root."""
    return _usual(now)


@_row(mode=Mode.TLS)
def good_with_implicit_tls(now: datetime) -> Scene:
    """Sends leaf < sub; holds root. TLS begins with the first byte."""
    return _usual(now)


@_row()
def root_sent(now: datetime) -> Scene:
    """Sends leaf < sub < root; holds root."""
    scene = _usual(now)
    (root,) = scene.stores["clients"]
    return _scene(*scene.sent, root, trusted=root)


@_row(P.MISSING_INTERMEDIATE, undecided=frozenset({P.UNTRUSTED_ROOT}), complete=False)
def missing_intermediate_with_aia(now: datetime) -> Scene:
    """Sends leaf, which says where sub is; holds root."""
    scene = _usual(now, aia_issuers=AIA)
    return Scene(scene.sent[:1], scene.stores)


@_row(P.UNTRUSTED_ROOT, undecided=frozenset({P.MISSING_INTERMEDIATE}), complete=None)
def missing_intermediate_without_aia(now: datetime) -> Scene:
    """Sends leaf; holds root. Nothing tells whether the leaf's issuer is an intermediate or a root."""
    scene = _usual(now)
    return Scene(scene.sent[:1], scene.stores)


@_row(P.MISSING_INTERMEDIATE, complete=False)
def missing_intermediate_in_another_store(now: datetime) -> Scene:
    """Sends leaf; one store holds root, another one root and sub."""
    scene = _usual(now)
    leaf, sub = scene.sent
    (root,) = scene.stores["clients"]
    return _scene(leaf, trusted=root, partners=(root, sub))


@_row(P.UNTRUSTED_ROOT)
def untrusted_root_sent(now: datetime) -> Scene:
    """Sends leaf < sub < root; holds another root."""
    return _scene(*root_sent(now).sent, trusted=_root(now, "Another"))


@_row(P.UNTRUSTED_ROOT, complete=None)
def untrusted_root_not_sent(now: datetime) -> Scene:
    """Sends leaf < sub; holds another root. Whether sub's issuer is a root is not known."""
    return _scene(*_usual(now).sent, trusted=_root(now, "Another"))


@_row(P.UNTRUSTED_ROOT)
def untrusted_by_one_of_two(now: datetime) -> Scene:
    """Sends leaf < sub; one store holds root, another one another root."""
    scene = _usual(now)
    return Scene(scene.sent, {**scene.stores, "partners": (_root(now, "Another"),)})


@_row(P.SELF_SIGNED)
def self_signed(now: datetime) -> Scene:
    """Sends leaf, signed by its own key; holds a root."""
    return _scene(signed_by_itself(_template(), now), trusted=_root(now))


@_row()
def self_signed_but_trusted(now: datetime) -> Scene:
    """Sends leaf, signed by its own key; holds it."""
    leaf = signed_by_itself(_template(ca=True, usage=(), purposes=()), now)
    return _scene(leaf, trusted=leaf)


# --- dates ----------------------------------------------------------------------------------------


@_row(P.EXPIRED)
def expired_leaf(now: datetime) -> Scene:
    """Sends leaf (expired) < sub; holds root."""
    return _usual(now, begins=-300 * DAY, ends=-DAY)


@_row(P.EXPIRED)
def expired_intermediate(now: datetime) -> Scene:
    """Sends leaf < sub (expired); holds root."""
    return _usual(now, sub={"ends": -DAY})


@_row(P.NOT_YET_VALID)
def not_yet_valid_leaf(now: datetime) -> Scene:
    """Sends leaf (from tomorrow on) < sub; holds root."""
    return _usual(now, begins=DAY)


@_row(P.NOT_YET_VALID)
def not_yet_valid_intermediate(now: datetime) -> Scene:
    """Sends leaf < sub (from tomorrow on); holds root."""
    return _usual(now, sub={"begins": DAY})


@_row(P.EXPIRES_SOON)
def expires_soon(now: datetime) -> Scene:
    """Sends leaf (until the day after tomorrow) < sub; holds root."""
    return _usual(now, ends=2 * DAY)


# --- names ----------------------------------------------------------------------------------------


@_row(P.HOSTNAME_MISMATCH, carried=False)
def wrong_name(now: datetime) -> Scene:
    """Sends leaf (for another host) < sub; holds root."""
    return _usual(now, dns=("old-mail.example.org",))


@_row(P.HOSTNAME_MISMATCH, carried=False, named_by_common_name=True)
def common_name_only(now: datetime) -> Scene:
    """Sends leaf (its name is in the Common Name alone) < sub; holds root."""
    return _usual(now, dns=())


@_row()
def wildcard(now: datetime) -> Scene:
    """Sends leaf (*.example.org) < sub; holds root."""
    return _usual(now, dns=("*.example.org",))


@_row(P.HOSTNAME_MISMATCH, name="mx.mail.example.org", carried=False)
def wildcard_one_label_short(now: datetime) -> Scene:
    """Sends leaf (*.example.org) < sub; holds root. The name has two labels where the asterisk is."""
    return _usual(now, dns=("*.example.org",))


@_row(P.HOSTNAME_MISMATCH, name="mx.mail.example.org", carried=False)
def two_label_wildcard(now: datetime) -> Scene:
    """Sends leaf (*.*.example.org) < sub; holds root."""
    return _usual(now, dns=("*.*.example.org",))


@_row(name="192.0.2.25")
def ip_address(now: datetime) -> Scene:
    """Sends leaf (for an IPv4 and an IPv6 address) < sub; holds root."""
    return _usual(now, dns=(), ips=("192.0.2.25", "2001:db8::25"))


@_row(name="2001:db8::26", problems=frozenset({P.HOSTNAME_MISMATCH}), carried=False)
def other_ip_address(now: datetime) -> Scene:
    """Sends leaf (for an IPv4 and an IPv6 address) < sub; holds root."""
    return _usual(now, dns=(), ips=("192.0.2.25", "2001:db8::25"))


@_row(name="xn--pstmter-5wa2b.example")
def international_name(now: datetime) -> Scene:
    """Sends leaf (xn--… for pöstämter.example, whose owner is Pöstämter) < sub; holds root."""
    name = "xn--pstmter-5wa2b.example"
    root = _root(now)
    sub = _sub(root)
    return _scene(sub.issue(Leaf(f"CN={name},O=Pöstämter", dns=(name,))), sub, trusted=root)


# --- usage, constraints and extensions --------------------------------------------------------------


@_row(P.WRONG_USAGE)
def wrong_usage_of_leaf(now: datetime) -> Scene:
    """Sends leaf (for clients) < sub; holds root."""
    return _usual(now, purposes=(CLIENT_AUTH,))


@_row(P.WRONG_USAGE)
def wrong_usage_of_intermediate(now: datetime) -> Scene:
    """Sends leaf < sub (for clients); holds root."""
    return _usual(now, sub={"purposes": (CLIENT_AUTH,)})


@_row(P.CHAIN_INVALID)
def name_not_permitted(now: datetime) -> Scene:
    """Sends leaf < sub (for example.com alone); holds root."""
    return _usual(now, sub={"permitted_dns": ("example.com",)})


@_row(P.CHAIN_INVALID)
def name_excluded(now: datetime) -> Scene:
    """Sends leaf < sub (not for example.org); holds root."""
    return _usual(now, sub={"excluded_dns": ("example.org",)})


@_row(P.CHAIN_INVALID)
def path_too_long(now: datetime) -> Scene:
    """Sends leaf < sub 2 < sub 1 (may not have authorities below it); holds root."""
    root = _root(now)
    sub_1 = _sub(root, "Sub 1", path_length=0)
    sub_2 = _sub(sub_1, "Sub 2")
    return _scene(_leaf(sub_2), sub_2, sub_1, trusted=root)


@_row(P.CHAIN_INVALID)
def unknown_critical_extension(now: datetime) -> Scene:
    """Sends leaf (with a critical extension that nobody knows) < sub; holds root."""
    return _usual(now, extensions=(critical_extension(),))


# --- keys and signatures --------------------------------------------------------------------------


@_row(P.WEAK_KEY)
def rsa_1024(now: datetime) -> Scene:
    """Sends leaf (RSA with 1,024 bits) < sub; holds root."""
    return _usual(now, key="rsa-1024")


@_row()
def rsa_2048(now: datetime) -> Scene:
    """Sends leaf (RSA with 2,048 bits) < sub; holds root."""
    return _usual(now, key="rsa-2048")


@_row(P.WEAK_SIGNATURE)
def sha1_leaf(now: datetime) -> Scene:
    """Sends leaf (signed with SHA-1) < sub; holds root."""
    scene = _usual(now)
    leaf, sub = scene.sent
    return Scene((signed_with("sha1", leaf, sub), sub), scene.stores)


@_row(P.WEAK_SIGNATURE)
def sha1_intermediate(now: datetime) -> Scene:
    """Sends leaf < sub (signed with SHA-1); holds root."""
    scene = _usual(now)
    leaf, sub = scene.sent
    return Scene((leaf, signed_with("sha1", sub, scene.stores["clients"][0])), scene.stores)


@_row()
def sha1_root(now: datetime) -> Scene:
    """Sends leaf < sub; holds root (signed with SHA-1, which nobody relies on)."""
    root = _root(now)
    old = signed_with("sha1", root, root)
    sub = _sub(old)
    return _scene(_leaf(sub), sub, trusted=old)


@_row(P.WEAK_SIGNATURE)
def md5_leaf(now: datetime) -> Scene:
    """Sends leaf (signed with MD5) < sub (RSA); holds root."""
    root = _root(now)
    sub = _sub(root, key="rsa-2048")
    return _scene(signed_with("md5", _leaf(sub), sub), sub, trusted=root)


# --- what is sent, and in which order ---------------------------------------------------------------


@_row()
def out_of_order(now: datetime) -> Scene:
    """Sends leaf, root, sub; holds root."""
    leaf, sub, root = root_sent(now).sent
    return _scene(leaf, root, sub, trusted=root)


@_row()
def duplicate(now: datetime) -> Scene:
    """Sends leaf < sub, and both again; holds root."""
    scene = _usual(now)
    leaf, sub = scene.sent
    return Scene((leaf, sub, leaf, sub), scene.stores)


@_row()
def unrelated_extra(now: datetime) -> Scene:
    """Sends leaf < sub, and somebody else's certificate, which ends tomorrow; holds root."""
    scene = _usual(now)
    other = _root(now, "Other").issue(Leaf("CN=other", ends=DAY))
    return Scene((*scene.sent, other), scene.stores)


def _cross_signed(now: datetime, *, old_ends: timedelta) -> tuple[tuple[Issued, ...], Issued, Issued]:
    """Leaf < sub < root, cross-signed by the old root; then the root itself, and the old one."""
    old = _root(now, "Old Root", ends=old_ends)
    root = _root(now)
    sub = _sub(root)
    return (_leaf(sub), sub, _sub(old, "Root", key=root.key)), root, old


@_row()
def cross_signed_with_expired_root(now: datetime) -> Scene:
    """Sends leaf < sub < root (cross-signed by old root, which has expired); holds root and old root."""
    sent, root, old = _cross_signed(now, old_ends=-DAY)
    return Scene(sent, {"clients": (root, old)})


@_row(P.EXPIRED)
def cross_signed_with_expired_root_alone(now: datetime) -> Scene:
    """Sends leaf < sub < root (cross-signed by old root, which has expired); holds old root."""
    sent, _root_, old = _cross_signed(now, old_ends=-DAY)
    return Scene(sent, {"clients": (old,)})


# --- several at once ------------------------------------------------------------------------------


@_row(
    P.EXPIRED,
    P.HOSTNAME_MISMATCH,
    P.MISSING_INTERMEDIATE,
    P.WEAK_KEY,
    P.WRONG_USAGE,
    undecided=frozenset({P.UNTRUSTED_ROOT}),
    complete=False,
    carried=False,
)
def five_at_once(now: datetime) -> Scene:
    """Sends leaf (for clients, for another host, RSA 1,024, expired), which says where sub is; holds root."""
    leaf = {"begins": -300 * DAY, "ends": -2 * DAY, "dns": ("old-mail.example.org",), "key": "rsa-1024"}
    scene = _usual(now, aia_issuers=AIA, purposes=(CLIENT_AUTH,), **leaf)
    return Scene(scene.sent[:1], scene.stores)
