"""How each kind of client wraps the fault that it reports.

In: .NET's flag names, Java's texts, OpenSSL's numbers. Out: what a person finds in a log file.
"""

from __future__ import annotations

from exporter.judge import verify_codes

Five = tuple[str, str, str, str, str]
""".NET, Java, OpenSSL, Go, Outlook: the order of `clients.CLIENTS`."""

NOT_RECORDED = "words not recorded"
"""Said where a client surely has some words, but nobody here has seen them."""


def dotnet_chain(*flags: str) -> str:
    """.NET when the chain has these X509ChainStatusFlags."""
    names = ", ".join(flags)
    return (
        f"The remote certificate is invalid because of errors in the certificate chain: {names}"
        f" (SslPolicyErrors RemoteCertificateChainErrors, X509ChainStatusFlags {names});"
        " .NET Framework: The remote certificate is invalid according to the validation procedure."
    )


def dotnet_policy(error: str) -> str:
    """.NET when the fault is not in the chain: a name of SslPolicyErrors."""
    return (
        f"The remote certificate is invalid according to the validation procedure: {error}"
        f" (SslPolicyErrors {error});"
        " .NET Framework: The remote certificate is invalid according to the validation procedure."
    )


def java(text: str, alert: str = "certificate_unknown") -> str:
    """Java, whose newer releases put the alert they send before the text."""
    return f"javax.net.ssl.SSLHandshakeException: {text} (Java 25 puts ({alert}) before it)"


def verify_error(code: int) -> str:
    """OpenSSL's s_client; other programs print the words without the number."""
    return f"verify error:num={code}:{verify_codes.reason(code)}"
