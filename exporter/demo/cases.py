"""The table of the demo: one server per cause, and the throw-away authorities behind them.

Each case says what is wrong, in words and as the problems that must be found, no more and no fewer.
The authorities are those of a company that renewed its PKI: clients trust its first root, and one server
already has a certificate from the second.

    Contoso Offline Root CA    >  Contoso Subordinate CA    >  most servers
    Contoso Offline Root CA 2  >  Contoso Subordinate CA 2  >  the server of `untrusted-root`
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cryptography.x509 import ReasonFlags

from exporter.demo.authority import CLIENT_AUTH, DAY, Intermediate, Issued, Leaf, Root, self_signed
from exporter.demo.publication import revocation_list
from exporter.demo.smtpd import Personality, Server, exchange, postfix, server_context, without_starttls
from exporter.model import Mode, ProblemKind

if TYPE_CHECKING:
    from datetime import datetime

DOMAIN = "int.contoso.com"
EXCHANGE = f"exchange01.{DOMAIN}"
MAIL = f"mail.{DOMAIN}"

ISSUER = "contoso-subordinate-ca.crt"
LIST = "contoso-subordinate-ca.crl"
ROOT_LIST = "contoso-offline-root-ca.crl"
LIST_2 = "contoso-subordinate-ca-2.crl"
ROOT_2_LIST = "contoso-offline-root-ca-2.crl"


class Signer(enum.Enum):
    """Who issued a server's certificate."""

    CONTOSO = "the authority that clients trust"
    CONTOSO_2 = "the authority that they do not trust yet"
    ITSELF = "nobody"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One server of the demo.

    `name` is its display name and `expects` the name that clients know it by; its certificate is made
    from `leaf`, None for a server without TLS. `problems` are exactly those that must be found.
    """

    name: str
    wrong: str
    problems: frozenset[ProblemKind] = frozenset()
    expects: str = MAIL
    leaf: Leaf | None
    signer: Signer = Signer.CONTOSO
    names_issuer: bool = False
    """Whether the certificate says where its issuer's certificate is."""
    sends_intermediate: bool = True
    revoked: bool = False
    """Whether its issuer has revoked the certificate, because the key was compromised."""
    mode: Mode = Mode.STARTTLS
    speaks: Callable[[str], Personality] = postfix
    transaction: bool = False
    """Whether a mail transaction is tried, short of a message."""


def _leaf(host: str) -> Leaf:
    return Leaf(f"CN={host}", dns=(host,))


CASES = (
    Case(
        name="healthy",
        wrong="Nothing is wrong; TLS begins with STARTTLS.",
        leaf=_leaf(MAIL),
        transaction=True,
    ),
    Case(
        name="healthy-tls",
        wrong="Nothing is wrong; TLS begins with the first byte.",
        leaf=_leaf(MAIL),
        mode=Mode.TLS,
    ),
    Case(
        name="exchange",
        wrong="Nothing is wrong; the server speaks exactly like Microsoft Exchange.",
        expects=EXCHANGE,
        leaf=_leaf(EXCHANGE),
        speaks=exchange,
    ),
    Case(
        name="untrusted-root",
        wrong="The chain is complete, but the trust store does not hold its root.",
        problems=frozenset({ProblemKind.UNTRUSTED_ROOT}),
        expects=EXCHANGE,
        leaf=_leaf(EXCHANGE),
        signer=Signer.CONTOSO_2,
        speaks=exchange,
    ),
    Case(
        name="missing-intermediate",
        wrong="The server does not send the certificate of the Subordinate CA.",
        problems=frozenset({ProblemKind.MISSING_INTERMEDIATE}),
        leaf=_leaf(MAIL),
        names_issuer=True,
        sends_intermediate=False,
    ),
    Case(
        name="self-signed",
        wrong="The certificate is signed by its own key.",
        problems=frozenset({ProblemKind.SELF_SIGNED}),
        # As `openssl req -x509` makes them.
        leaf=Leaf(f"CN={MAIL}", dns=(MAIL,), ca=True, usage=(), purposes=()),
        signer=Signer.ITSELF,
    ),
    Case(
        name="expired",
        wrong="The certificate expired two days ago.",
        problems=frozenset({ProblemKind.EXPIRED}),
        leaf=Leaf(f"CN={MAIL}", dns=(MAIL,), begins=-367 * DAY, ends=-2 * DAY),
    ),
    Case(
        name="not-yet-valid",
        wrong="The certificate becomes valid in three days.",
        problems=frozenset({ProblemKind.NOT_YET_VALID}),
        leaf=Leaf(f"CN={MAIL}", dns=(MAIL,), begins=3 * DAY, ends=368 * DAY),
    ),
    Case(
        name="expires-soon",
        wrong="The certificate expires in five days.",
        problems=frozenset({ProblemKind.EXPIRES_SOON}),
        leaf=Leaf(f"CN={MAIL}", dns=(MAIL,), begins=-360 * DAY, ends=5 * DAY),
    ),
    Case(
        name="revoked",
        wrong="The authority has revoked the certificate, since its key was compromised.",
        problems=frozenset({ProblemKind.REVOKED}),
        leaf=_leaf(MAIL),
        revoked=True,
    ),
    Case(
        name="wrong-name",
        wrong="The certificate is for another name.",
        problems=frozenset({ProblemKind.HOSTNAME_MISMATCH}),
        leaf=_leaf(f"old-mail.{DOMAIN}"),
    ),
    Case(
        name="wrong-usage",
        wrong="The certificate was issued for clients, not for servers.",
        problems=frozenset({ProblemKind.WRONG_USAGE}),
        leaf=Leaf(f"CN={MAIL}", dns=(MAIL,), purposes=(CLIENT_AUTH,)),
    ),
    Case(
        name="triple-fault",
        wrong="The certificate has expired, is for another name, and its Subordinate CA is not sent.",
        problems=frozenset(
            {ProblemKind.EXPIRED, ProblemKind.HOSTNAME_MISMATCH, ProblemKind.MISSING_INTERMEDIATE}
        ),
        leaf=Leaf(
            f"CN=old-mail.{DOMAIN}",
            dns=(f"old-mail.{DOMAIN}",),
            begins=-367 * DAY,
            ends=-2 * DAY,
        ),
        names_issuer=True,
        sends_intermediate=False,
    ),
    Case(
        name="no-starttls",
        wrong="The server does not offer STARTTLS.",
        problems=frozenset({ProblemKind.STARTTLS_MISSING}),
        leaf=None,
        speaks=without_starttls,
    ),
)


class Pki:
    """Contoso's two roots and Subordinate CAs, with dates that count from `now` (aware).

    What they publish is found where `url` says, by the names of `ISSUER`, `LIST`, …; without it their
    certificates name no places.
    """

    def __init__(self, now: datetime, url: Callable[[str], str] | None = None) -> None:
        self.now = now
        self._url = url
        self._revoked: dict[int, ReasonFlags] = {}
        self.root = self_signed(Root("CN=Contoso Offline Root CA"), now)
        self.subordinate = self.root.issue(_subordinate("Contoso Subordinate CA", self._at(ROOT_LIST)))
        self.root_2 = self_signed(Root("CN=Contoso Offline Root CA 2"), now)
        self.subordinate_2 = self.root_2.issue(
            _subordinate("Contoso Subordinate CA 2", self._at(ROOT_2_LIST))
        )

    def chain(self, case: Case) -> tuple[Issued, ...]:
        """Issue the certificates that the server of this case sends, leaf first."""
        if case.leaf is None:
            return ()
        if case.signer is Signer.ITSELF:
            return (self_signed(case.leaf, self.now),)
        issuer = self.subordinate if case.signer is Signer.CONTOSO else self.subordinate_2
        places = replace(
            case.leaf,
            aia_issuers=self._at(ISSUER) if case.names_issuer else (),
            crl_urls=self._at(LIST if case.signer is Signer.CONTOSO else LIST_2),
        )
        leaf = issuer.issue(places)
        if case.revoked:
            self._revoked[leaf.certificate.serial_number] = ReasonFlags.key_compromise
        return (leaf, *((issuer,) if case.sends_intermediate else ()))

    def published(self) -> Mapping[str, bytes]:
        """The files that belong to the names, with all that has been issued and revoked so far."""
        return {
            ISSUER: self.subordinate.der,
            LIST: revocation_list(self.subordinate, self._revoked),
            ROOT_LIST: revocation_list(self.root),
            LIST_2: revocation_list(self.subordinate_2),
            ROOT_2_LIST: revocation_list(self.root_2),
        }

    def _at(self, name: str) -> tuple[str, ...]:
        return (self._url(name),) if self._url else ()


def _subordinate(common_name: str, crl_urls: tuple[str, ...] = ()) -> Intermediate:
    return Intermediate(f"CN={common_name},DC=int,DC=contoso,DC=com", path_length=0, crl_urls=crl_urls)


def server(case: Case, chain: tuple[Issued, ...]) -> Server:
    """Return the server of a case, not yet started, that sends this chain."""
    name = case.expects.replace("exchange01", "EXCHANGE01")  # as Exchange writes its own name
    context = server_context(*chain) if chain else None
    return Server(case.speaks(name), context, implicit=case.mode is Mode.TLS)
