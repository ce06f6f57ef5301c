"""What to do now about each problem.

In: a `ProblemContext`. Out: steps, one on each line; a line starts with the place where the step is done
(`steps.PLACES`). The quickest cure comes first. Names from certificates are made harmless (`wording`), since
these lines are there to be pasted into a shell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from exporter.judge import steps, verify_codes
from exporter.judge.context import ProblemContext, dns_names
from exporter.judge.failures import stripped_keyword
from exporter.judge.reachability import reach
from exporter.judge.wording import slug, web_url
from exporter.model import ProblemKind

_Steps = Iterator[str]


def remedy(kind: ProblemKind, context: ProblemContext) -> str:
    """What to do, one step a line."""
    return "\n".join(_REMEDIES[kind](context))


# --- trust ----------------------------------------------------------------------------------------


def _untrusted_root(context: ProblemContext) -> _Steps:
    name = context.missing_issuer or (context.fault.issuer if context.fault else "")
    yield steps.obtain(name, context.aia_url if context.issuer_unknown else "")
    if context.issuer_unknown:
        yield (
            f"Mail server: find out whether {steps.word(name)} is a root:"
            f" `openssl x509 -in {slug(name)}.cer -noout -subject -issuer`"
        )
        yield (
            "Mail server: if subject and issuer differ it is an intermediate, which the server must send:"
            " see the next three steps"
        )
        yield from steps.send_intermediate(name)
        yield "All clients: if they are the same it is a root, which the clients must trust: see the next steps"
    yield from steps.trust(name)
    yield (
        "Exchange: or use a certificate that these clients trust already: `Enable-ExchangeCertificate"
        f" -Thumbprint {steps.NEW} -Services SMTP`"
    )
    yield steps.no_bypass()


def _missing_intermediate(context: ProblemContext) -> _Steps:
    name = context.missing_issuer or (context.fault.issuer if context.fault else "")
    yield steps.obtain(name, context.aia_url)
    yield from steps.send_intermediate(name)


def _self_signed(context: ProblemContext) -> _Steps:
    yield from steps.replace(context, "a certificate from an authority")
    if context.leaf is None:
        return
    yield (
        "Windows clients: stopgap: compare the thumbprint"
        f" {context.leaf.sha1}, then `certutil -addstore -f Root {slug(context.leaf.subject)}.cer`"
    )
    yield steps.no_bypass()


# --- dates ----------------------------------------------------------------------------------------


def _expired(context: ProblemContext) -> _Steps:
    if context.at_leaf:
        yield "Postfix: if the files were renewed already, `postfix reload` is enough"
    yield from _expires_soon(context)


def _expires_soon(context: ProblemContext) -> _Steps:
    yield from _renewal(context) if context.at_leaf else _expired_authority(context)


def _renewal(context: ProblemContext) -> _Steps:
    yield steps.exchange_show(context.leaf)
    yield steps.exchange_renew(context.leaf, context.expected)
    yield from steps.exchange_enable()
    yield steps.postfix_replace("the renewed certificate")
    yield steps.exim_replace("the renewed certificate")


def _expired_authority(context: ProblemContext) -> _Steps:
    """An intermediate or root on the path: the server's own certificate may stay if the key stayed."""
    authority = context.fault
    if authority is None:
        return
    yield steps.obtain(authority.subject, "")
    if authority.self_issued:
        yield from steps.trust(authority.subject)
        return
    yield from steps.send_intermediate(authority.subject)
    yield (
        f"Exchange: remove the old one from the store: `certutil -delstore CA {authority.sha1}`;"
        " on Postfix and Exim remove it from the chain file"
    )


def _not_yet_valid(context: ProblemContext) -> _Steps:
    yield "Monitor: compare clocks first: `timedatectl`, on Windows `w32tm /query /status`"
    yield steps.exchange_show(context.leaf)
    yield (
        "Exchange: use the previous certificate until then:"
        f" `Enable-ExchangeCertificate -Thumbprint {steps.NEW} -Services SMTP` with its thumbprint"
    )
    yield steps.postfix_replace("the previous certificate back")
    yield steps.exim_replace("the previous certificate back")


# --- the certificate itself -----------------------------------------------------------------------


def _hostname_mismatch(context: ProblemContext) -> _Steps:
    wanted = context.lacking[0]
    yield (
        "Exchange: a certificate with the name may be there already:"
        f" `Get-ExchangeCertificate | Where-Object {{ $_.CertificateDomains -contains {steps.word(wanted)} }}`"
    )
    yield from steps.replace(context, f"a certificate for {steps.words(context.expected)}")
    carried = dns_names(context.leaf) if context.leaf else ()
    if carried:
        yield f"All clients: or connect to a name that the certificate carries: {steps.words(carried)}"


def _revoked(context: ProblemContext) -> _Steps:
    yield "Certificate authority: ask why it was revoked; if the key was stolen, make a new key"
    if context.at_leaf:
        yield from steps.replace(context, "a new certificate with a new key")
    else:
        yield from steps.replace(context, "a certificate from another intermediate")


def _revocation_unknown(context: ProblemContext) -> _Steps:
    certificate = context.fault
    if certificate and certificate.must_staple:
        yield (
            "Mail server: turn OCSP stapling on (Exim: `tls_ocsp_file`; Postfix has no such option), or have the"
            " certificate issued without the extension that demands it"
        )
    urls = (*certificate.ocsp_urls, *certificate.crl_urls) if certificate else ()
    for url in filter(None, map(web_url, urls[:2])):
        yield f"Firewall: clients and this monitor must reach `curl -sSI '{url}'`"
    if not urls:
        yield (
            "Monitor: if the authority publishes no revocation at all, write `revocation: []` for this target"
            " (or leave `--revocation` out)"
        )
        return
    yield "Certificate authority: publish a fresh CRL (on AD CS: `certutil -crl`) and check the OCSP responder"
    yield "Windows clients: see what they see: `certutil -verify -urlfetch leaf.cer`"


def _wrong_usage(context: ProblemContext) -> _Steps:
    yield (
        "Certificate authority: issue it for server authentication (extended key usage 1.3.6.1.5.5.7.3.1;"
        " on AD CS the template Web Server)"
    )
    yield from steps.replace(context, "a certificate for server authentication")


def _chain_invalid(context: ProblemContext) -> _Steps:
    subject = f" {steps.word(context.fault.subject)}" if context.fault else ""
    yield (
        f"Certificate authority: have the certificate{subject} issued again without the fault:"
        f" {'it cannot be read' if context.unreadable else verify_codes.reason(context.code)}"
    )
    yield "Mail server: check the files: `openssl verify -show_chain -CAfile root.pem -untrusted chain.pem leaf.pem`"
    yield "Windows clients: see what they see: `certutil -verify -urlfetch leaf.cer`"
    yield from steps.replace(context, "the corrected chain")


def _weak_key(context: ProblemContext) -> _Steps:
    if not context.at_leaf and context.fault is not None:
        yield f"Certificate authority: renew {steps.word(context.fault.subject)} with a new key, RSA 3072 or EC P-256"
    yield steps.exchange_request(context.expected, key_bits=2048)
    yield from steps.exchange_enable()
    yield (
        "Postfix: new key and request:"
        f" `openssl req -new -newkey rsa:3072 -nodes -keyout key.pem -out request.csr -subj {steps.word(f'/CN={context.host}')}`"
    )
    yield steps.exim_replace("a certificate with a new key, RSA 3072 or EC P-256")


def _weak_signature(context: ProblemContext) -> _Steps:
    yield (
        "Certificate authority: sign with SHA-256 (on AD CS:"
        " `certutil -setreg ca\\csp\\CNGHashAlgorithm SHA256`, then `Restart-Service certsvc`) and issue again"
    )
    yield from steps.replace(context, "the certificate that was issued again")


# --- the dialogue ---------------------------------------------------------------------------------


def _legacy_tls(_context: ProblemContext) -> _Steps:
    yield (
        "Exchange: switch TLS 1.2 on: registry HKLM\\SYSTEM\\CurrentControlSet\\Control\\SecurityProviders\\SCHANNEL"
        "\\Protocols\\TLS 1.2\\Server, Enabled=1, DisabledByDefault=0, then reboot"
    )
    yield (
        "Postfix: `postconf -e 'smtpd_tls_protocols = >=TLSv1.2'` (before 3.6: `!SSLv2, !SSLv3, !TLSv1, !TLSv1.1`),"
        " then `postfix reload`"
    )
    yield "Exim: check `exim -bP openssl_options tls_require_ciphers` and that its TLS library knows TLS 1.2"


def _starttls_missing(context: ProblemContext) -> _Steps:
    firewall = (
        "Firewall: SMTP inspection that rewrites EHLO replies must go"
        " (Cisco ASA: `no inspect esmtp` in the policy map, PIX: `no fixup protocol smtp 25`)"
    )
    if stripped_keyword(context):
        yield firewall
    yield (
        "Exchange: it offers no STARTTLS without a matching certificate, and logs event 12014:"
        " `Get-WinEvent -FilterHashtable @{LogName='Application';Id=12014} -MaxEvents 3 | Format-List Message`"
    )
    yield from steps.exchange_enable()
    yield "Exchange: the connector needs Tls in `Get-ReceiveConnector | Format-List Identity,AuthMechanism`"
    yield (
        "Postfix: `postconf -e 'smtpd_tls_security_level = may'`, a certificate in `smtpd_tls_chain_files`,"
        " then `postfix reload`; look for overrides in master.cf (`postconf -P`)"
    )
    yield "Exim: `tls_advertise_hosts = *`, `tls_certificate` and `tls_privatekey`, then restart Exim"
    if not stripped_keyword(context):
        yield f"{firewall}, if the server itself offers STARTTLS when asked on 127.0.0.1"


def _plaintext_injection(context: ProblemContext) -> _Steps:
    where = f"host {steps.word(context.address or context.host)} and port {context.port}"
    yield "All clients: treat it as an attack until it is explained: send no passwords over this server"
    yield f"Firewall: see who sends it: `tcpdump -w starttls.pcap {where}` here and on the server, and compare"
    yield "Mail server: if the server itself sends it, update it, and any proxy or virus scanner in front of it"


_REMEDIES: Mapping[ProblemKind, Callable[[ProblemContext], _Steps]] = {
    ProblemKind.UNTRUSTED_ROOT: _untrusted_root,
    ProblemKind.MISSING_INTERMEDIATE: _missing_intermediate,
    ProblemKind.SELF_SIGNED: _self_signed,
    ProblemKind.EXPIRED: _expired,
    ProblemKind.NOT_YET_VALID: _not_yet_valid,
    ProblemKind.EXPIRES_SOON: _expires_soon,
    ProblemKind.HOSTNAME_MISMATCH: _hostname_mismatch,
    ProblemKind.REVOKED: _revoked,
    ProblemKind.REVOCATION_UNKNOWN: _revocation_unknown,
    ProblemKind.WRONG_USAGE: _wrong_usage,
    ProblemKind.CHAIN_INVALID: _chain_invalid,
    ProblemKind.WEAK_KEY: _weak_key,
    ProblemKind.WEAK_SIGNATURE: _weak_signature,
    ProblemKind.LEGACY_TLS: _legacy_tls,
    ProblemKind.STARTTLS_MISSING: _starttls_missing,
    ProblemKind.PLAINTEXT_INJECTION: _plaintext_injection,
    ProblemKind.UNREACHABLE: reach,
}
