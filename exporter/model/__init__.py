"""The vocabulary that every other module speaks.

Frozen values, and the closed lists of `exporter.words`, standard library only. They come in kinds, one per module: what is wanted
(`Target`, `Policy`, `TrustStore`), what was seen (`Observation` and its parts), the certificates in it as
they were read (`CertificateFacts`), their revocation, and what was concluded (the verdicts, `Problem`,
`Result`).

Text that came from the network is kept here as it was received; every rendering escapes it for its
own medium.
"""

from __future__ import annotations

from exporter.model.certificates import CertificateFacts
from exporter.model.concluded import (
    Grounds,
    NameVerdict,
    Problem,
    Result,
    StoreVerdict,
    Verdict,
)
from exporter.model.revocation import (
    Reading,
    RevocationAnswer,
    RevocationQuestion,
    RevocationVerdict,
    Statement,
)
from exporter.model.seen import (
    Exchange,
    Failure,
    IssuerAnswer,
    Observation,
    Phases,
    Reply,
    SmtpFacts,
    TlsFacts,
)
from exporter.model.transaction import Login, Transaction, TransactionFacts, check_mailbox
from exporter.model.wanted import DEFAULT_SEVERITIES, Policy, Target, Threshold, TrustStore
from exporter.words import (
    IMPLICIT_TLS_PORT,
    Addresses,
    AuthMechanism,
    IpFamily,
    KeyType,
    Mode,
    ProblemKind,
    Reason,
    RevocationMethod,
    RevocationStatus,
    Stage,
    State,
)

__all__ = [
    "DEFAULT_SEVERITIES",
    "IMPLICIT_TLS_PORT",
    "Addresses",
    "AuthMechanism",
    "CertificateFacts",
    "Exchange",
    "Failure",
    "Grounds",
    "IpFamily",
    "IssuerAnswer",
    "KeyType",
    "Login",
    "Mode",
    "NameVerdict",
    "Observation",
    "Phases",
    "Policy",
    "Problem",
    "ProblemKind",
    "Reading",
    "Reason",
    "Reply",
    "Result",
    "RevocationAnswer",
    "RevocationMethod",
    "RevocationQuestion",
    "RevocationStatus",
    "RevocationVerdict",
    "SmtpFacts",
    "Stage",
    "State",
    "Statement",
    "StoreVerdict",
    "Target",
    "Threshold",
    "TlsFacts",
    "Transaction",
    "TransactionFacts",
    "TrustStore",
    "Verdict",
    "check_mailbox",
]
