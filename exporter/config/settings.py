"""Settings of the file as overrides: checked models in, a `Module` out."""

from __future__ import annotations

from typing import Literal

from exporter.config import Module, schema
from exporter.model import Login, Transaction


def module(entry: schema.Settings, password: str) -> Module:
    """What a mapping sets, in the form that can be applied to a target; `password` is its transaction's."""
    names, expiry = getattr(entry, "names", None), entry.expiry or schema.Expiry()
    return Module(
        mode=getattr(entry, "mode", None),
        names=None if names is None else tuple(names),
        sni=getattr(entry, "sni", None),
        interval=getattr(entry, "interval", None),
        timeout=entry.timeout,
        ehlo_name=entry.ehlo_name,
        addresses=entry.addresses,
        ip_family=entry.ip_family,
        stores=None if entry.trust_stores is None else tuple(entry.trust_stores),
        revocation=None if entry.revocation is None else tuple(entry.revocation),
        warning=expiry.warning,
        critical=expiry.critical,
        severities=entry.severities or {},
        transaction=_transaction(entry.transaction, password),
    )


def _transaction(entry: schema.Transaction | None, password: str) -> Transaction | Literal[False] | None:
    if entry is None:
        return None
    if entry is schema.OFF:
        return False
    auth = entry.auth
    login = Login(username=auth.username, password=password, mechanism=auth.mechanism) if auth else None
    return Transaction(mail_from=entry.mail_from, rcpt_to=entry.rcpt_to, send=bool(entry.send), login=login)
