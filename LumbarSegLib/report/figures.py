"""Figures of tables and trees: their units, and how they are rounded.

Areas to 0.01 mm2 (a small fraction of a pixel), lengths to 0.0001 mm, angles to
0.01 degrees, percentages to 0.01, fractions and ratios to 0.0001, all else to
six decimals.
"""

from __future__ import annotations

from collections.abc import Iterable

from LumbarSegLib.measurement import Measure

#: What the units in the columns' names mean.
UNITS = {
    "mm2": "square millimeter",
    "mm": "millimeter",
    "deg": "degree",
    "percent": "per hundred",
    "fraction": "part of the whole, 0-1",
    "ratio": "without unit",
}

_DECIMALS = {"mm2": 2, "mm": 4, "deg": 2, "percent": 2, "fraction": 4, "ratio": 4}
_OTHER_DECIMALS = 6


def rounded_value(measure: Measure) -> float | None:
    """Return the value of a measure as every table shows it."""
    return rounded_figure(measure.value, measure.unit)


def rounded_figure(value: float | None, unit: str) -> float | None:
    """Return a figure with as many decimals as all tables give its unit."""
    return None if value is None else round(value, _DECIMALS.get(unit, _OTHER_DECIMALS))


def rounded(values: Iterable[float], unit: str = "") -> list[float]:
    """Return figures of one unit, or of none, as `rounded_figure` does."""
    return [round(value, _DECIMALS.get(unit, _OTHER_DECIMALS)) for value in values]
