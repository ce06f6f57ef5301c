"""The line of a local check: Checkmk's form, with the plugin's state and words."""

from __future__ import annotations

import pytest

from exporter.model import State
from exporter.publish.checkmk import local_line


@pytest.mark.parametrize(
    ("state", "lines", "service", "expected"),
    [
        pytest.param(
            State.OK,
            [
                "SMTP_TLS OK - mx1:25 STARTTLS: fine | 'days_to_expiry'=41.2;21:;7: 'time'=0.31s 'days_chain_elem1'=41.2"
            ],
            "SMTP certificate mx1",
            '0 "SMTP certificate mx1" days_to_expiry=41.2|time=0.31|days_chain_elem1=41.2 mx1:25 STARTTLS: fine',
            id="metrics without ranges",
        ),
        pytest.param(
            State.CRITICAL,
            ["SMTP_TLS CRITICAL - mx1:25: expired | 'days_to_expiry'=-2.5 'time'=0.31s", "Chain:", "  leaf"],
            "a",
            '2 "a" days_to_expiry=-2.5|time=0.31 mx1:25: expired\\nChain:\\n  leaf',
            id="more lines stay one",
        ),
        pytest.param(State.UNKNOWN, ["SMTP_TLS UNKNOWN - no"], "a", '3 "a" - no', id="no figures"),
        pytest.param(State.OK, ["x"], 'q"uo\\te', '0 "q_uo_te" - x', id="a name that would end early"),
    ],
)
def test_line(state: State, lines: list[str], service: str, expected: str) -> None:
    """State, quoted name, metrics, text."""
    assert local_line(state, lines, service) == expected
