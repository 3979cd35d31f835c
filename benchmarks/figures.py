"""A figure, what it stands beside, what it must reach, and the table that all of them make."""

from collections.abc import Iterator, Sequence
from typing import Final, Literal

import msgspec


class Beside(msgspec.Struct, frozen=True):
    """A peer or a floor, measured in the same run. None where it could not be, say because it is not installed."""

    name: str
    value: float | None


class Goal(msgspec.Struct, frozen=True):
    """What a figure must reach: of itself, or of its ratio to the first that stands beside it."""

    bound: Literal["at most", "at least"]
    limit: float
    of: Literal["value", "ratio"] = "value"

    def __str__(self) -> str:
        sign = "<=" if self.bound == "at most" else ">="
        return f"{sign} {shown(self.limit)}{' x' if self.of == 'ratio' else ''}"


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One row. A ratio is always this value divided by the one beside it."""

    name: str
    value: float
    unit: str
    beside: tuple[Beside, ...] = ()
    goal: Goal | None = None

    @property
    def ratio(self) -> float | None:
        return ratio(self.value, self.beside[0]) if self.beside else None

    @property
    def met(self) -> bool | None:
        """None where nothing was promised."""
        if self.goal is None:
            return None
        judged = self.value if self.goal.of == "value" else self.ratio
        if judged is None:
            return False
        return judged <= self.goal.limit if self.goal.bound == "at most" else judged >= self.goal.limit


def ratio(value: float, beside: Beside) -> float | None:
    return value / beside.value if beside.value else None


def table(figures: Sequence[Figure]) -> Iterator[str]:
    """The lines of the table. What stands beside a figure has lines of its own below the first."""
    lines = [_HEAD, *(cells for figure in figures for cells in _cells(figure))]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for number, cells in enumerate(lines):
        padded = [
            cell.ljust(width) if left else cell.rjust(width)
            for cell, width, left in zip(cells, widths, _LEFT, strict=True)
        ]
        yield "  ".join(padded).rstrip()
        if number == 0:
            yield "  ".join("-" * width for width in widths)


def summary(figures: Sequence[Figure]) -> str:
    met = [figure.met for figure in figures]
    return f"{met.count(True)} goals met, {met.count(False)} missed; {met.count(None)} figures without a goal"


def shown(value: float) -> str:
    """Three digits that say something, and no exponent."""
    if value == 0:
        return "0"
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 else f"{value:.{2 if size >= 1 else 3}f}".rstrip("0").rstrip(".")


_HEAD: Final = ("figure", "value", "unit", "beside it", "value", "ratio", "goal", "")
_LEFT: Final = (True, False, True, True, False, False, True, True)
_VERDICTS: Final = {True: "met", False: "MISSED", None: ""}


def _cells(figure: Figure) -> Iterator[tuple[str, ...]]:
    first, *others = figure.beside or (None,)
    goal = str(figure.goal) if figure.goal else ""
    yield (figure.name, shown(figure.value), figure.unit, *_beside(figure, first), goal, _VERDICTS[figure.met])
    for other in others:
        yield ("", "", "", *_beside(figure, other), "", "")


def _beside(figure: Figure, beside: Beside | None) -> tuple[str, str, str]:
    if beside is None:
        return "", "", ""
    if beside.value is None:
        return beside.name, "not installed", ""
    quotient = ratio(figure.value, beside)
    return beside.name, shown(beside.value), "" if quotient is None else f"{shown(quotient)} x"
