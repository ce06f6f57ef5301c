"""Results as the output of a monitoring plugin: one line and performance data; `details` has what may stand below it.

Comes in: results and what the check's own options found. Goes out: text that no server can add a
line, a `|` or a control character to, and that fits into the 1,024 bytes that NRPE carries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from exporter.model import Reason, State
from exporter.publish.perfdata import first_to_expire, performance
from exporter.publish.status import LIMIT, SERVICE, WHERE_OCTETS, safe
from exporter.publish.text import common_name, cut, mode_name, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from exporter.model import Problem, Result

_NAME_OCTETS = 128
_PLACES = 3
_PLACE_OCTETS = 100


class Finding(NamedTuple):
    """One thing that is wrong: a problem of the server, or a limit of the check's own options."""

    name: str
    severity: State
    summary: str


Checked = tuple["Result", "Sequence[Finding]"]
"""A result, and what is wrong with it."""


def findings(result: Result, timed_out: State = State.CRITICAL) -> tuple[Finding, ...]:
    """The problems of a result.

    Args:
        result: what was found.
        timed_out: the severity of a probe that ran out of time.
    """
    return tuple(
        Finding(problem.kind.value, _severity(result, problem, timed_out), problem.summary)
        for problem in result.verdict.problems
    )


def worst_first(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings by severity, those of one severity in the order given."""
    return tuple(sorted(found, key=lambda finding: -finding.severity.rank))


def overall(checked: Sequence[Checked]) -> State:
    """The state of the service: that of the worst finding anywhere."""
    states = [_state(result, found) for result, found in checked]
    return max(states, key=lambda state: state.rank)


def _state(result: Result, found: Sequence[Finding]) -> State:
    return max((f.severity for f in found), key=lambda state: state.rank, default=result.verdict.state)


def first_line(
    checked: Sequence[Checked], response: tuple[str, str] = ("", ""), name: str | None = None
) -> str:
    """State, server, every finding by name, and performance data, at most `LIMIT` bytes.

    Args:
        checked: one result, or one for each address or server, with what is wrong with it.
        response: the ranges of the response time, warning and critical, as given.
        name: what to call all of them; None for the name of the first one.
    """
    results = [result for result, _ in checked]
    found = together(checked)
    where = f"{cut(safe(name or results[0].target.name), WHERE_OCTETS)} "
    where += mode_name(results[0].target.mode)
    if len(checked) > 1:
        each_has_one = len({result.target.host for result in results}) == len(results)
        where += f", {len(checked)} {'servers' if each_has_one else 'addresses'}"
    start = f"{SERVICE} {overall(checked).name} - {where}: "
    end = f" | {performance(results, response)}"
    room = LIMIT - len((start + end).encode())
    return start + (_listed(found, room) if found else _healthy(first_to_expire(results))) + end


def together(checked: Sequence[Checked]) -> tuple[Finding, ...]:
    """What is wrong anywhere, worst first; where it is so for some alone, they are named."""
    places: dict[Finding, list[str]] = {}
    for result, found in checked:
        for finding in found:
            places.setdefault(finding, []).append(place(result))
    return worst_first(
        finding
        if len(at) == len(checked)
        else Finding(f"{finding.name} ({_some(at)})", finding.severity, finding.summary)
        for finding, at in places.items()
    )


def place(result: Result) -> str:
    """Which of several servers or addresses a result is about."""
    address, host = result.observation.address, result.target.host
    return address if address and host in {"", address} else f"{host} {address}".rstrip()


def _some(places: Sequence[str]) -> str:
    named = ", ".join(safe(one, _PLACE_OCTETS) for one in places[:_PLACES])
    return named if len(places) <= _PLACES else f"{named} and {len(places) - _PLACES} more"


def _severity(result: Result, problem: Problem, timed_out: State) -> State:
    failure = result.observation.failure
    if failure is None or result.success:
        return problem.severity
    special = {Reason.TIMEOUT: timed_out, Reason.INTERNAL_ERROR: State.UNKNOWN}
    return special.get(failure.reason, problem.severity)


def _healthy(result: Result | None) -> str:
    if result is None:
        return "nothing wrong"
    leaf = result.verdict.chain[0]
    subject = cut(safe(leaf.common_name or _first_name(leaf.sans) or leaf.subject), _NAME_OCTETS)
    issuer = cut(safe(common_name(leaf.issuer)), _NAME_OCTETS)
    left = "" if result.days_left is None else f" ({_days(result.days_left)})"
    return f"'{subject}' from '{issuer}' valid until {leaf.not_after:%Y-%m-%d}{left}"


def _first_name(sans: Sequence[str]) -> str:
    return sans[0].partition(":")[2] if sans else ""


def _days(left: float) -> str:
    return plural(int(left), "day") if left >= 0 else f"expired {plural(int(-left), 'day')} ago"


def _listed(found: Sequence[Finding], room: int) -> str:
    """Every finding's name, and as much of the summaries as fits, shortening the longest first."""
    summaries = [safe(finding.summary, LIMIT) for finding in found]
    names = sum(len(f"{finding.name}: ; ".encode()) for finding in found)
    share = _share([len(summary.encode()) for summary in summaries], room - names)
    parts = zip(found, summaries, strict=True)
    return "; ".join(f"{finding.name}: {cut(summary, share)}" for finding, summary in parts)


def _share(sizes: Sequence[int], room: int) -> int:
    """The largest size to which all can be cut so that together they fit into the room."""
    remaining = sorted(sizes)
    while remaining:
        share = room // len(remaining)
        if remaining[0] > share:
            return max(share, 0)
        room -= remaining.pop(0)
    return max(sizes, default=0)
