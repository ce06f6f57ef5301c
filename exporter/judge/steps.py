"""Steps that several remedies share, each one line that starts with the place where it is done.

In: names, digests and URLs of certificates, host names. Out: lines with commands in backticks. Everything
that somebody else chose goes through `harmless`, `slug` or `web_url` first, and a certificate is named in a
command by its digest or by a file name, never by its subject.
"""

from __future__ import annotations

from collections.abc import Iterable

from exporter.judge.context import ProblemContext
from exporter.judge.wording import LIST_LIMIT, harmless, slug, web_url
from exporter.model import CertificateFacts

PLACES = (
    "Exchange",
    "Postfix",
    "Exim",
    "Mail server",
    "Windows clients",
    "Java clients",
    "OpenSSL/Linux clients",
    "All clients",
    "Certificate authority",
    "Firewall",
    "DNS",
    "Monitor",
)
"""What a step may start with, followed by a colon."""

NEW = "NEW_THUMBPRINT"
"""Stands for a thumbprint that only the administrator knows; pasted as it is, it matches nothing."""

_IMPORT = "`Import-ExchangeCertificate -FileData ([IO.File]::ReadAllBytes('C:\\new.cer'))`"


def word(text: str) -> str:
    """Foreign text as one single-quoted word that sh, cmd and PowerShell leave alone."""
    return f"'{harmless(text)}'"


def words(texts: Iterable[str]) -> str:
    """Several of them, separated by commas."""
    return ",".join(word(text) for text in tuple(texts)[:LIST_LIMIT])


# --- a new certificate for the server -------------------------------------------------------------


def exchange_show(certificate: CertificateFacts | None) -> str:
    """Which certificate this is, in Exchange's own list."""
    if certificate is None:
        return "Exchange: see what SMTP uses: `Get-ExchangeCertificate | Format-Table Thumbprint,Services,NotAfter,Subject`"
    return (
        f"Exchange: the certificate is {word(certificate.subject)}:"
        f" `Get-ExchangeCertificate -Thumbprint {certificate.sha1} | Format-List Subject,NotAfter,Services,Status`"
    )


def exchange_enable() -> tuple[str, ...]:
    """Put another certificate to use, also where a connector is pinned to a name."""
    return (
        "Exchange: pick the right certificate in"
        " `Get-ExchangeCertificate | Format-Table Thumbprint,Services,NotAfter,Subject`,"
        f" then `Enable-ExchangeCertificate -Thumbprint {NEW} -Services SMTP`",
        "Exchange: if the connector still uses the old one (typical for port 587), look at"
        " `Get-ReceiveConnector | Format-List Identity,Bindings,Fqdn,TlsCertificateName`, then"
        f" `$c = Get-ExchangeCertificate -Thumbprint {NEW};"
        " Set-ReceiveConnector 'SERVER\\CONNECTOR' -TlsCertificateName \"<I>$($c.Issuer)<S>$($c.Subject)\"`",
    )


def exchange_request(names: Iterable[str], *, key_bits: int | None = None) -> str:
    """Ask a certificate authority for a certificate with these names."""
    asked = tuple(names)
    size = f" -KeySize {key_bits}" if key_bits else ""
    return (
        "Exchange: no right certificate yet: give the output of"
        f" `New-ExchangeCertificate -GenerateRequest -SubjectName {word(f'CN={asked[0]}')} -DomainName {words(asked)}{size}`"
        f" to your certificate authority, then {_IMPORT}"
    )


def exchange_renew(certificate: CertificateFacts | None, names: Iterable[str]) -> str:
    """Ask for the same certificate again."""
    if certificate is None:
        return exchange_request(names)
    return (
        "Exchange: no renewed certificate yet: give the output of"
        f" `Get-ExchangeCertificate -Thumbprint {certificate.sha1} | New-ExchangeCertificate -GenerateRequest`"
        f" to your certificate authority, then {_IMPORT}"
    )


def postfix_replace(what: str) -> str:
    """Another certificate for smtpd. `what` says which."""
    return (
        "Postfix: `postconf smtpd_tls_chain_files smtpd_tls_cert_file` names the files; put"
        f" {what} there (key, leaf, then intermediates), then `postfix reload`"
    )


def exim_replace(what: str) -> str:
    """Another certificate for Exim. `what` says which."""
    return (
        "Exim: `exim -bP tls_certificate tls_privatekey` names the files; put"
        f" {what} there (leaf, then intermediates), then restart Exim"
    )


def replace(context: ProblemContext, what: str) -> tuple[str, ...]:
    """Exchange what the server uses for something better, on all three servers."""
    return (
        exchange_show(context.leaf),
        *exchange_enable(),
        exchange_request(context.expected),
        postfix_replace(what),
        exim_replace(what),
    )


# --- an intermediate that the server shall send ---------------------------------------------------


def obtain(name: str, url: str) -> str:
    """Where to get a certificate authority's certificate, as .cer (DER) and .pem."""
    file, source = slug(name), web_url(url)
    convert = f"`openssl x509 -in {file}.cer -out {file}.pem`"
    if source:
        return (
            f"Certificate authority: fetch {word(name)}: `curl -o {file}.cer '{source}'`, as PEM: {convert}"
        )
    return (
        f"Certificate authority: get the certificate of {word(name)} from whoever runs it, not over this connection"
        f" (on AD CS: `certutil -ca.cert {file}.cer`), as PEM: {convert}"
    )


def send_intermediate(name: str) -> tuple[str, ...]:
    """Let the server send an intermediate that lies beside it as a file."""
    file = slug(name)
    return (
        f"Exchange: `certutil -addstore -f CA {file}.cer`, then"
        " `Restart-Service MSExchangeFrontEndTransport,MSExchangeTransport`: Windows sends the intermediates"
        " that it finds in its own store",
        f"Postfix: `cat leaf.pem {file}.pem > chain.pem`, in main.cf"
        " `smtpd_tls_chain_files = /etc/postfix/key.pem, /etc/postfix/chain.pem`, then `postfix reload`",
        f"Exim: `cat leaf.pem {file}.pem > chain.pem`, `tls_certificate = /etc/exim4/chain.pem`, then restart Exim",
    )


# --- trust on the clients -------------------------------------------------------------------------


def trust(name: str) -> tuple[str, ...]:
    """Let each kind of client trust an authority whose certificate lies beside it as a file."""
    file = slug(name)
    return (
        f"Windows clients: `certutil -addstore -f Root {file}.cer`, or certlm.msc > Trusted Root Certification"
        " Authorities > Import",
        "Windows clients: for a whole domain by Group Policy: Computer Configuration > Policies > Windows Settings >"
        " Security Settings > Public Key Policies > Trusted Root Certification Authorities",
        f"Java clients: `keytool -importcert -trustcacerts -alias {file} -file {file}.cer -cacerts`"
        " with the keytool of the JVM in use, then restart the application",
        f"OpenSSL/Linux clients: Debian, Ubuntu:"
        f" `cp {file}.pem /usr/local/share/ca-certificates/{file}.crt && update-ca-certificates`",
        f"OpenSSL/Linux clients: RHEL, Fedora:"
        f" `cp {file}.pem /etc/pki/ca-trust/source/anchors/ && update-ca-trust`",
    )


def no_bypass() -> str:
    """The workaround that the first search result recommends."""
    return (
        "All clients: do not switch the check off, as ServicePointManager.ServerCertificateValidationCallback = true"
        " does in .NET: it accepts every certificate from everybody"
    )
