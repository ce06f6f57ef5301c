"""Revocation, judged: which certificates to ask about, what the evidence says, and what follows at a moment.

Pure, like all of `exporter.judge`: evidence comes in as bytes that somebody else fetched, and nothing in
them is believed before the authority's signature has been checked. What reads it, `crl` and `ocsp`, is imported by
those who have some.
"""

from __future__ import annotations

from exporter.judge.revocation.questions import questions_about
from exporter.judge.revocation.verdicts import MAX_AGE, SKEW, is_revoked, judge_revocation, lacks_staple

__all__ = [
    "MAX_AGE",
    "SKEW",
    "is_revoked",
    "judge_revocation",
    "lacks_staple",
    "questions_about",
]
