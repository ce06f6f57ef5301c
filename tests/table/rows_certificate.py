"""Rows about single certificates: names, usage, constraints, keys and signatures."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from exporter.demo.authority import CLIENT_AUTH, Intermediate, Issued, Leaf, critical_extension, self_signed
from exporter.model import ProblemKind as P
from tests.table.legacy import signed_with
from tests.table.scene import LEAF, ROOT, SUB, Scene, Table, trusting, usual

TABLE = Table()


# --- names ---


@TABLE.row(P.HOSTNAME_MISMATCH, carried=False)
def wrong_name(now: datetime) -> Scene:
    """Sends leaf (for another host) < sub; holds root."""
    return usual(now, leaf=replace(LEAF, dns=("old-mail.example.org",)))


@TABLE.row(P.HOSTNAME_MISMATCH, carried=False)
def common_name_only(now: datetime) -> Scene:
    """Sends leaf (its name is in the Common Name alone) < sub; holds root."""
    return usual(now, leaf=replace(LEAF, dns=()))


@TABLE.row()
def wildcard(now: datetime) -> Scene:
    """Sends leaf (*.example.org) < sub; holds root."""
    return usual(now, leaf=replace(LEAF, dns=("*.example.org",)))


@TABLE.row(P.HOSTNAME_MISMATCH, name="mx.mail.example.org", carried=False)
def wildcard_one_label_short(now: datetime) -> Scene:
    """Sends leaf (*.example.org) < sub; holds root. The name has two labels where the asterisk is."""
    return usual(now, leaf=replace(LEAF, dns=("*.example.org",)))


@TABLE.row(P.HOSTNAME_MISMATCH, name="mx.mail.example.org", carried=False)
def two_label_wildcard(now: datetime) -> Scene:
    """Sends leaf (*.*.example.org) < sub; holds root."""
    return usual(now, leaf=replace(LEAF, dns=("*.*.example.org",)))


@TABLE.row(name="192.0.2.25")
def ip_address(now: datetime) -> Scene:
    """Sends leaf (for an IPv4 and an IPv6 address) < sub; holds root."""
    return usual(now, leaf=replace(LEAF, dns=(), ips=("192.0.2.25", "2001:db8::25")))


@TABLE.row(P.HOSTNAME_MISMATCH, name="2001:db8::26", carried=False)
def other_ip_address(now: datetime) -> Scene:
    """Sends leaf (for an IPv4 and an IPv6 address) < sub; holds root."""
    return usual(now, leaf=replace(LEAF, dns=(), ips=("192.0.2.25", "2001:db8::25")))


@TABLE.row(name="xn--pstmter-5wa2b.example")
def international_name(now: datetime) -> Scene:
    """Sends leaf (xn--… for pöstämter.example, whose owner is Pöstämter) < sub; holds root."""
    name = "xn--pstmter-5wa2b.example"
    root = self_signed(ROOT, now)
    sub = root.issue(SUB)
    return trusting(root, sub.issue(Leaf(f"CN={name},O=Pöstämter", dns=(name,))), sub)


# --- usage, constraints and extensions ---


@TABLE.row(P.WRONG_USAGE)
def wrong_usage_of_leaf(now: datetime) -> Scene:
    """Sends leaf (for clients) < sub; holds root."""
    return usual(now, leaf=replace(LEAF, purposes=(CLIENT_AUTH,)))


@TABLE.row(P.WRONG_USAGE)
def wrong_usage_of_intermediate(now: datetime) -> Scene:
    """Sends leaf < sub (for clients); holds root."""
    return usual(now, sub=replace(SUB, purposes=(CLIENT_AUTH,)))


@TABLE.row(P.CHAIN_INVALID)
def name_not_permitted(now: datetime) -> Scene:
    """Sends leaf < sub (for example.com alone); holds root."""
    return usual(now, sub=replace(SUB, permitted_dns=("example.com",)))


@TABLE.row(P.CHAIN_INVALID)
def name_excluded(now: datetime) -> Scene:
    """Sends leaf < sub (not for example.org); holds root."""
    return usual(now, sub=replace(SUB, excluded_dns=("example.org",)))


@TABLE.row(P.CHAIN_INVALID)
def path_too_long(now: datetime) -> Scene:
    """Sends leaf < sub 2 < sub 1 (may not have authorities below it); holds root."""
    root = self_signed(ROOT, now)
    sub_1 = root.issue(Intermediate("CN=Sub 1,O=Contoso", path_length=0))
    sub_2 = sub_1.issue(Intermediate("CN=Sub 2,O=Contoso"))
    return trusting(root, sub_2.issue(LEAF), sub_2, sub_1)


@TABLE.row(P.CHAIN_INVALID)
def unknown_critical_extension(now: datetime) -> Scene:
    """Sends leaf (with a critical extension that nobody knows) < sub; holds root."""
    return usual(now, leaf=replace(LEAF, extensions=(critical_extension(),)))


# --- keys and signatures ---


@TABLE.row(P.WEAK_KEY)
def rsa_1024(now: datetime) -> Scene:
    """Sends leaf (RSA with 1,024 bits) < sub; holds root."""
    return usual(now, leaf=replace(LEAF, key="rsa-1024"))


@TABLE.row()
def rsa_2048(now: datetime) -> Scene:
    """Sends leaf (RSA with 2,048 bits) < sub; holds root."""
    return usual(now, leaf=replace(LEAF, key="rsa-2048"))


def _rsa(now: datetime) -> tuple[Issued, Issued, Issued]:
    """Leaf, sub and root, the authorities with RSA keys, as old ones are."""
    root = self_signed(replace(ROOT, key="rsa-2048"), now)
    sub = root.issue(replace(SUB, key="rsa-2048"))
    return sub.issue(LEAF), sub, root


@TABLE.row(P.WEAK_SIGNATURE)
def sha1_leaf(now: datetime) -> Scene:
    """Sends leaf (signed with SHA-1) < sub; holds root."""
    leaf, sub, root = _rsa(now)
    return trusting(root, signed_with("sha1", leaf, sub), sub)


@TABLE.row(P.WEAK_SIGNATURE)
def md5_leaf(now: datetime) -> Scene:
    """Sends leaf (signed with MD5) < sub; holds root."""
    leaf, sub, root = _rsa(now)
    return trusting(root, signed_with("md5", leaf, sub), sub)


@TABLE.row(P.WEAK_SIGNATURE)
def sha1_intermediate(now: datetime) -> Scene:
    """Sends leaf < sub (signed with SHA-1); holds root."""
    leaf, sub, root = _rsa(now)
    return trusting(root, leaf, signed_with("sha1", sub, root))


@TABLE.row(P.SELF_SIGNED)
def sha1_signed_by_itself(now: datetime) -> Scene:
    """Sends leaf, signed by its own key with SHA-1; holds a root. Its own signature adds nothing to it."""
    leaf = self_signed(replace(LEAF, key="rsa-2048"), now)
    return trusting(self_signed(ROOT, now), signed_with("sha1", leaf, leaf))


@TABLE.row()
def sha1_root(now: datetime) -> Scene:
    """Sends leaf < sub < root; holds root (signed with SHA-1, on which nobody relies)."""
    leaf, sub, root = _rsa(now)
    old = signed_with("sha1", root, root)
    return trusting(old, leaf, sub, old)
