"""What was measured beside what it may be: one line of the table each."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Budget:
    """The most that a figure may be, and what is aimed at."""

    limit: float
    aim: float | None = None


@dataclass(frozen=True)
class Figure:
    """A median over repetitions, with the least and the largest of them.

    Attributes:
        about: what was looked at, for example the kind of certificate.
        what: what was measured.
        unit: `CPU ms/probe`, `of floor`, `MB` …
    """

    about: str
    what: str
    unit: str
    value: float
    least: float
    worst: float
    budget: Budget | None = None

    @property
    def holds(self) -> bool | None:
        """Whether the figure is within its budget; None where it has none."""
        return None if self.budget is None else self.value <= self.budget.limit


def median(about: str, what: str, unit: str, values: Iterable[float], budget: Budget | None = None) -> Figure:
    """The figure of several measurements."""
    several = list(values)
    return Figure(about, what, unit, statistics.median(several), min(several), max(several), budget)


def single(about: str, what: str, unit: str, value: float, budget: Budget | None = None) -> Figure:
    """The figure of one measurement."""
    return Figure(about, what, unit, value, value, value, budget)


_COLUMNS = "".join(f"{name:>9}" for name in ("median", "least", "worst", "limit", "aim"))
HEADING = f"{'':<80}{_COLUMNS}  holds\n{'-' * 132}"


def line(figure: Figure) -> str:
    """One line of the table."""
    text = f"{figure.about:<18} {figure.what:<36} {figure.unit:<24}"
    text += "".join(f"{number(each):>9}" for each in (figure.value, figure.least, figure.worst))
    if figure.budget is not None:
        aim = "" if figure.budget.aim is None else number(figure.budget.aim)
        text += f"{number(figure.budget.limit):>9}{aim:>9}  {'yes' if figure.holds else 'NO'}"
    return text


def number(value: float) -> str:
    """Three digits that count, and no exponent."""
    digits = 3 if abs(value) < 0.1 else 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:.{digits}f}"


def verdict(figures: Sequence[Figure]) -> str:
    """How many budgets there are and hold."""
    judged = [each for each in figures if each.budget is not None]
    broken = [f"{each.about} {each.what} {each.unit}".strip() for each in judged if not each.holds]
    held = f"{len(judged) - len(broken)} of {len(judged)} limits hold"
    return "; ".join([held, *(f"not: {each}" for each in broken)])
