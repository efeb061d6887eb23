"""Figures and tables as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from LumbarSegLib.evaluation.agreement import Coefficient
from LumbarSegLib.evaluation.bootstrap import Mean

#: Stands for a figure that is not defined.
NONE = "-"


def fixed(value: float | None, decimals: int) -> str:
    """Return a number with so many decimals."""
    return NONE if value is None else f"{value:.{decimals}f}"


def bracketed(value: float | None, low: float | None, high: float | None, decimals: int) -> str:
    """Return a number and its interval, if it has one."""
    if low is None or high is None:
        return fixed(value, decimals)
    return f"{fixed(value, decimals)} [{fixed(low, decimals)}, {fixed(high, decimals)}]"


def with_interval(figure: Mean | Coefficient, decimals: int) -> str:
    """Return a figure and its interval, if it has one."""
    return bracketed(figure.value, figure.low, figure.high, decimals)


def escaped(text: str) -> str:
    """Return a text that does not end the cell of a table."""
    return text.replace("|", r"\|")


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str | int]]) -> str:
    """Return a table whose first column is flush left and whose others are flush right."""
    lines = [heads, ["---", *(["---:"] * (len(heads) - 1))], *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
