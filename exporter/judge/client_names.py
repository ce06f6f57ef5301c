"""What mail clients say when a certificate does not carry the name that they connect to.

In: a `ProblemContext`. Out: five texts, in the order of `clients.CLIENTS`.
"""

from __future__ import annotations

from exporter.judge.client_words import Five, dotnet_policy, java, verify_error
from exporter.judge.context import ProblemContext, dns_names, ip_addresses, is_address
from exporter.judge.wording import LIST_LIMIT, shown


def hostname_mismatch(context: ProblemContext) -> Five:
    """The first name that is lacking stands for all of them."""
    name = shown(context.lacking[0])
    outlook = (
        "SEC_E_WRONG_PRINCIPAL (0x80090322): The target principal name is incorrect.; or CERT_E_CN_NO_MATCH"
        " (0x800B010F)"
    )
    if context.by_common_name:
        accepts = "no error: the Common Name counts while the certificate carries no DNS name"
        return (
            f"{accepts} (.NET on Linux; Windows not recorded)",
            accepts,
            accepts,
            "x509: certificate relies on legacy Common Name field, use SANs instead",
            f"not recorded; if it refuses: {outlook}",
        )
    address = is_address(name)
    return (
        dotnet_policy("RemoteCertificateNameMismatch"),
        f"{java(_java(context, name))}; JavaMail: Can't verify identity of server: {name}",
        f"s_client: {verify_error(64 if address else 62)} (only with -verify_{'ip' if address else 'hostname'});"
        f" Python: {'IP address' if address else 'Hostname'} mismatch, certificate is not valid for '{name}'.",
        _go(context, name),
        outlook,
    )


def _java(context: ProblemContext, name: str) -> str:
    """Java words it by what kinds of name the certificate carries."""
    leaf = context.leaf
    if is_address(name):
        if leaf is not None and leaf.sans:
            return f"No subject alternative names matching IP address {name} found"
        return "No subject alternative names present"
    if leaf is not None and dns_names(leaf):
        return f"No subject alternative DNS name matching {name} found."
    return f"No name matching {name} found"


def _go(context: ProblemContext, name: str) -> str:
    leaf = context.leaf
    addresses = ip_addresses(leaf) if leaf else ()
    if is_address(name) and not addresses:
        return f"x509: cannot validate certificate for {name} because it doesn't contain any IP SANs"
    carried = addresses if is_address(name) else dns_names(leaf) if leaf else ()
    if not carried:
        return f"x509: certificate is not valid for any names, but wanted to match {name}"
    shortened = [shown(one) for one in carried[:LIST_LIMIT]] + ["…"] * (len(carried) > LIST_LIMIT)
    return f"x509: certificate is valid for {', '.join(shortened)}, not {name}"
