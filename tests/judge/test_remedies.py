"""What to do now."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from exporter.judge.remedies import remedy
from exporter.judge.steps import PLACES
from exporter.model import Mode, ProblemKind, Reason, Stage
from tests.judge.contexts import AIA, EXAMPLES, HOST, LEAF, ROOT, SELF_SIGNED, SERVER, SUB, failed
from tests.judge.hostile import HOSTILE_NAMES, hostile_context

K = ProblemKind
_PLACE = re.compile("(?:" + "|".join(map(re.escape, PLACES)) + "): .")

# Problems whose cause sits in the mail server, so that each server needs a step.
ON_THE_SERVER = [
    kind
    for kind in ProblemKind
    if kind not in {K.UNTRUSTED_ROOT, K.REVOCATION_UNKNOWN, K.PLAINTEXT_INJECTION}
]


@pytest.mark.parametrize("kind", ProblemKind)
def test_every_problem_has_steps(kind: ProblemKind) -> None:
    """There is something to do about each problem, and each step says where."""
    steps = remedy(kind, EXAMPLES[kind]).split("\n")
    assert len(steps) >= 3
    assert [step for step in steps if not _PLACE.match(step)] == []
    assert len(set(steps)) == len(steps)


@pytest.mark.parametrize("kind", ON_THE_SERVER)
@pytest.mark.parametrize("server", ["Exchange", "Postfix", "Exim"])
def test_each_server_has_its_step(kind: ProblemKind, server: str) -> None:
    """Where the server is at fault, its administrator finds a step for it."""
    assert f"{server}: " in remedy(kind, EXAMPLES[kind])


COMMANDS = {
    "trust in Windows": (K.UNTRUSTED_ROOT, "`certutil -addstore -f Root contoso-offline-root-ca.cer`"),
    "trust in Windows by hand": (K.UNTRUSTED_ROOT, "certlm.msc"),
    "trust in the domain": (K.UNTRUSTED_ROOT, "Group Policy"),
    "trust in Java": (
        K.UNTRUSTED_ROOT,
        "`keytool -importcert -trustcacerts -alias contoso-offline-root-ca"
        " -file contoso-offline-root-ca.cer -cacerts`",
    ),
    "trust in Debian": (
        K.UNTRUSTED_ROOT,
        "`cp contoso-offline-root-ca.pem /usr/local/share/ca-certificates/contoso-offline-root-ca.crt"
        " && update-ca-certificates`",
    ),
    "trust in RHEL": (K.UNTRUSTED_ROOT, "&& update-ca-trust`"),
    "no bypass": (K.UNTRUSTED_ROOT, "ServicePointManager.ServerCertificateValidationCallback"),
    "fetch the intermediate": (K.MISSING_INTERMEDIATE, f"`curl -o contoso-subordinate-ca.cer '{AIA}'`"),
    "intermediate on Exchange": (
        K.MISSING_INTERMEDIATE,
        "`certutil -addstore -f CA contoso-subordinate-ca.cer`",
    ),
    "intermediate on Postfix": (
        K.MISSING_INTERMEDIATE,
        "`cat leaf.pem contoso-subordinate-ca.pem > chain.pem`",
    ),
    "intermediate on Postfix, reload": (K.MISSING_INTERMEDIATE, "`postfix reload`"),
    "intermediate on Exim": (K.MISSING_INTERMEDIATE, "`tls_certificate = "),
    "enable": (K.SELF_SIGNED, "`Enable-ExchangeCertificate -Thumbprint NEW_THUMBPRINT -Services SMTP`"),
    "pinned connector": (K.SELF_SIGNED, '-TlsCertificateName "<I>$($c.Issuer)<S>$($c.Subject)"`'),
    "which one": (K.SELF_SIGNED, f"`Get-ExchangeCertificate -Thumbprint {SELF_SIGNED.sha1} |"),
    "subject": (K.SELF_SIGNED, f"'CN={HOST}'"),
    "renew": (
        K.EXPIRED,
        f"`Get-ExchangeCertificate -Thumbprint {EXAMPLES[K.EXPIRED].chain[0].sha1}"
        " | New-ExchangeCertificate -GenerateRequest`",
    ),
    "find by name": (K.HOSTNAME_MISMATCH, f"$_.CertificateDomains -contains '{HOST}'"),
    "other name": (K.HOSTNAME_MISMATCH, "connect to a name that the certificate carries: 'mail.contoso.com'"),
    "event": (K.STARTTLS_MISSING, "Id=12014"),
    "firewall": (K.STARTTLS_MISSING, "`no inspect esmtp`"),
    "usage": (K.WRONG_USAGE, "1.3.6.1.5.5.7.3.1"),
    "key size": (K.WEAK_KEY, "-KeySize 2048"),
}


@pytest.mark.parametrize(("kind", "command"), COMMANDS.values(), ids=COMMANDS)
def test_command(kind: ProblemKind, command: str) -> None:
    """The command is there, filled in for this server."""
    assert command in remedy(kind, EXAMPLES[kind])


def test_thumbprint_is_written_as_exchange_prints_it() -> None:
    """SHA-1, upper-case hex, no separators."""
    thumbprints = re.findall(
        r"Get-ExchangeCertificate -Thumbprint ([0-9A-F]+) ", remedy(K.EXPIRED, EXAMPLES[K.EXPIRED])
    )
    assert thumbprints
    assert {len(thumbprint) for thumbprint in thumbprints} == {40}


def test_inspecting_firewall_comes_first() -> None:
    """When the EHLO reply shows who removes STARTTLS, the first step goes there."""
    context = replace(EXAMPLES[K.STARTTLS_MISSING], capabilities=("XXXXXXXA",))
    assert remedy(K.STARTTLS_MISSING, context).startswith("Firewall: ")


def test_expired_intermediate_is_replaced_not_the_leaf() -> None:
    """An expired authority is exchanged on the server, by its own thumbprint; the leaf may stay."""
    text = remedy(K.EXPIRED, replace(SERVER, culprit=SUB))
    assert f"`certutil -delstore CA {SUB.sha1}`" in text
    assert LEAF.sha1 not in text


def test_expired_root_is_replaced_on_the_clients() -> None:
    """An expired root is a matter of the trust stores."""
    text = remedy(K.EXPIRED, replace(SERVER, culprit=ROOT))
    assert "Java clients: `keytool" in text
    assert "Postfix" not in text


def test_unknown_issuer_may_be_either() -> None:
    """Above a lone leaf there may be an intermediate or a root: how to tell, and what to do in both cases."""
    context = replace(SERVER, chain=(LEAF,), culprit=LEAF, missing_issuer=LEAF.issuer)
    text = remedy(K.UNTRUSTED_ROOT, context)
    assert "`openssl x509 -in contoso-subordinate-ca.cer -noout -subject -issuer`" in text
    assert "Postfix: `cat leaf.pem contoso-subordinate-ca.pem" in text
    assert "Java clients: `keytool" in text


@pytest.mark.parametrize(
    ("mode", "stage", "hint"),
    [
        (Mode.TLS, Stage.HANDSHAKE, "`mode: starttls`"),
        (Mode.STARTTLS, Stage.GREETING, "`mode: tls`"),
        (Mode.STARTTLS, Stage.HANDSHAKE, None),
        (Mode.TLS, Stage.CONNECT, None),
    ],
)
def test_wrong_mode_is_suspected_where_it_can_be(mode: Mode, stage: Stage, hint: str | None) -> None:
    """The other mode is proposed when the silence came at the first byte, and only then."""
    text = remedy(K.UNREACHABLE, replace(failed(stage, Reason.TIMEOUT), mode=mode))
    assert ("`mode: " in text) is (hint is not None)
    assert hint is None or hint in text


def test_ldap_source_is_not_fetched_with_curl() -> None:
    """What curl cannot fetch is to be had from the authority."""
    context = replace(EXAMPLES[K.MISSING_INTERMEDIATE], aia_url="ldap:///CN=CA?cACertificate?base")
    text = remedy(K.MISSING_INTERMEDIATE, context)
    assert "curl" not in text
    assert "certutil -ca.cert contoso-subordinate-ca.cer" in text


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("reason", Reason)
def test_every_failure_has_steps(reason: Reason, mode: Mode) -> None:
    """Each reason why there is no certificate has steps, each with its place."""
    context = replace(failed(Stage.GREETING, reason), mode=mode)
    steps = remedy(K.UNREACHABLE, context).split("\n")
    assert [step for step in steps if not _PLACE.match(step)] == []


def test_a_domain_without_exchanges() -> None:
    """Its MX records are what is to be looked at, whatever the reason."""
    context = replace(failed(Stage.RESOLVE, Reason.DNS_FAILURE), host="", domain="example.org")
    assert "`nslookup -type=mx 'example.org'`" in remedy(K.UNREACHABLE, context)


def test_the_way_to_connect_is_shown() -> None:
    """A refused connection can be tried by hand, also over IPv6 and with implicit TLS."""
    context = replace(failed(Stage.CONNECT, Reason.CONNECTION_REFUSED), address="2001:db8::1")
    assert "`openssl s_client -connect '[2001:db8::1]:25' -starttls smtp`" in remedy(K.UNREACHABLE, context)
    context = replace(context, mode=Mode.TLS, port=465)
    assert "`openssl s_client -connect '[2001:db8::1]:465'`" in remedy(K.UNREACHABLE, context)


@pytest.mark.parametrize("kind", ProblemKind)
@pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=HOSTILE_NAMES)
def test_hostile_names_add_no_syntax(kind: ProblemKind, name: str) -> None:
    """A hostile name changes nothing but the words between quotes: all syntax of a remedy is ours.

    Compared with the same server under a tame name, no line is added, and no character that a shell
    acts on is added or lost, in the same order.
    """
    hostile = remedy(kind, hostile_context(name))
    tame = remedy(kind, hostile_context("CN=tame"))
    assert _syntax(hostile) == _syntax(tame)
    assert all(line.isprintable() for line in hostile.split("\n"))
    assert len(hostile) < 10_000


def _syntax(text: str) -> str:
    return "".join(re.findall(r"[`'\"$\\;|&<>%!^{}#~\n\r\t‘’‚‛“”„]", text))


@pytest.mark.parametrize("kind", ProblemKind)
def test_nothing_known(kind: ProblemKind) -> None:
    """Without chain and failure nothing breaks, and what is said still says where."""
    steps = remedy(kind, replace(SERVER, chain=(), stores=())).splitlines()
    assert [step for step in steps if not _PLACE.match(step)] == []
