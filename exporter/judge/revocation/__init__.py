"""Revocation, judged: which certificates to ask about, what the evidence says, and what follows at a moment.

Pure, like all of `exporter.judge`: evidence comes in as bytes that somebody else fetched, and nothing in
them is believed before the authority's signature has been checked.
"""

from __future__ import annotations

from exporter.judge.revocation.crl import read_crl
from exporter.judge.revocation.ocsp import ocsp_request, read_ocsp
from exporter.judge.revocation.questions import questions_about
from exporter.judge.revocation.verdicts import MAX_AGE, SKEW, is_revoked, judge_revocation, lacks_staple

__all__ = [
    "MAX_AGE",
    "SKEW",
    "is_revoked",
    "judge_revocation",
    "lacks_staple",
    "ocsp_request",
    "questions_about",
    "read_crl",
    "read_ocsp",
]
