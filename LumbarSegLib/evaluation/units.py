"""Millimeters where the pixel size is known, pixels where it is only assumed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Units:
    """What lengths and areas are given in.

    Parameters
    ----------
    length, area : str
        Names of the units, as columns and axes show them.
    surface_tolerance : float
        Outlines that lie no farther apart than this agree, in units of length.
    """

    length: str
    area: str
    surface_tolerance: float

    def pixel_size(self, spacing_mm: float) -> float:
        """Return the side of a pixel of `spacing_mm` in units of length."""
        return spacing_mm if self is MILLIMETERS else 1.0


MILLIMETERS = Units("mm", "mm2", 1.0)

#: An assumed pixel size turns into no millimeters. Two pixels are less than
#: 1 mm in any scan with pixels below 0.5 mm.
PIXELS = Units("px", "px", 2.0)
