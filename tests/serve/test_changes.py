"""What the log says about targets: changes only."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from exporter.model import ProblemKind, Reason, Stage
from exporter.serve import changes
from tests import results

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.model import Result

GOOD = results.result()
EXPIRED = results.result(results.problem(ProblemKind.EXPIRED))
REFUSED = results.failed()
TIMEOUT = results.failed(Stage.CONNECT, Reason.TIMEOUT)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ([], [GOOD], 0),
        ([], [EXPIRED], 1),
        ([GOOD], [GOOD], 0),
        ([GOOD], [EXPIRED], 1),
        ([EXPIRED], [EXPIRED], 0),
        ([EXPIRED], [GOOD], 1),
        ([REFUSED], [REFUSED], 0),
        ([REFUSED], [TIMEOUT], 1),
        ([GOOD], [GOOD, results.failed(address="192.0.2.8")], 1),
    ],
    ids=[
        "first-good",
        "first-bad",
        "still-good",
        "breaks",
        "still-bad",
        "mended",
        "still-down",
        "down-in-another-way",
        "new-address",
    ],
)
def test_only_changes_are_logged(
    before: Sequence[Result], after: Sequence[Result], said: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A target is named when its state, its problems or its way of failing become others."""
    with caplog.at_level(logging.INFO):
        changes.log(before, after)
    assert len(caplog.records) == said


def test_a_failure_is_logged_with_its_cause(caplog: pytest.LogCaptureFixture) -> None:
    """One line is enough to know what to look for."""
    with caplog.at_level(logging.INFO):
        changes.log([GOOD], [results.failed(Stage.EHLO, Reason.REJECTED, "554 go away")])
    [record] = caplog.records
    fields = vars(record)
    shown = {key: str(fields[key]) for key in ("target", "address", "state", "problems", "stage", "reason")}
    assert shown == {
        "target": results.TARGET.name,
        "address": "192.0.2.7",
        "state": "critical",
        "problems": "unreachable",
        "stage": "ehlo",
        "reason": "rejected",
    }
    assert fields["detail"] == "554 go away"
