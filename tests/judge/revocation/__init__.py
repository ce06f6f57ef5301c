"""Revocation, judged: readings of every kind of evidence, and the verdicts that follow."""
