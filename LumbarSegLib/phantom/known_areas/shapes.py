"""Cross-sections of structures whose areas are known without counting pixels.

Notation: x runs to the patient's right and y to the front, in mm from the middle
of the dural sac; pixel units are (column, row) with pixel centers at whole numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from LumbarSegLib.phantom import raster

FloatArray = NDArray[np.float64]

#: Corners of the polygon that stands for an ellipse where the edge of an image
#: cuts it; drawn to the ellipse's area, it is off by less than 1e-6 in any part.
_CORNERS = 2048

#: Variance of the number of grid points in an oval laid on the grid at random,
#: per unit of its outline in grid steps: 0.676497^2 r for a circle of radius r
#: (Kendall 1948, doi 10.1093/qmath/os-19.1.1).
COUNTING_VARIANCE = 0.676497**2 / (2 * np.pi)

#: Standard deviations that a count may be off. Of some thousand areas the
#: worst is expected at about 3.5.
NUM_DEVIATIONS = 4.0


@dataclass(frozen=True)
class Ellipse:
    """An upright ellipse.

    Parameters
    ----------
    structure : str
        Key of `LumbarSegLib.anatomy`.
    side : str
        "left" or "right" of the patient; empty for a structure of the midline.
    center, half_axes : tuple of float
        (x, y) in mm.
    fat_share : float
        Share of the area that fat takes up, in the middle; below 1.
    """

    structure: str
    side: str
    center: tuple[float, float]
    half_axes: tuple[float, float]
    fat_share: float = 0.0

    def fat(self) -> Ellipse:
        """Return the ellipse of fat in the middle."""
        half_x, half_y = (half * self.fat_share**0.5 for half in self.half_axes)
        return replace(self, half_axes=(half_x, half_y), fat_share=0.0)

    def contains(self, x: FloatArray, y: FloatArray) -> NDArray[np.bool_]:
        """Whether positions in mm lie inside."""
        (center_x, center_y), (half_x, half_y) = self.center, self.half_axes
        inside: NDArray[np.bool_] = ((x - center_x) / half_x) ** 2 + ((y - center_y) / half_y) ** 2 <= 1
        return inside

    def outline(self) -> FloatArray:
        """Return the polygon (N, 2), counter-clockwise, with the area of the ellipse."""
        angle = 2 * np.pi * np.arange(_CORNERS) / _CORNERS
        swell = np.sqrt(2 * np.pi / _CORNERS / np.sin(2 * np.pi / _CORNERS))
        unit = swell * np.column_stack([np.cos(angle), np.sin(angle)])
        result: FloatArray = np.asarray(self.center) + unit * np.asarray(self.half_axes)
        return result

    def count_tolerance(self, outline_px: float) -> float:
        """Return how many pixels a count may be off along `outline_px` of outline in pixel units."""
        return float(min(NUM_DEVIATIONS * np.sqrt(COUNTING_VARIANCE * outline_px), 0.5 * outline_px))

    def tolerance_reason(self, outline_px: float) -> str:
        """Say where `count_tolerance` comes from."""
        return f"{NUM_DEVIATIONS:g} SD of counting pixel centers, {outline_px:.0f} px of outline"


@dataclass(frozen=True)
class Rectangle:
    """An upright rectangle; with edges far outside the image, a half-plane.

    Parameters
    ----------
    structure, side : str
        As in `Ellipse`.
    low, high : tuple of float
        Corners (x, y) in mm.
    """

    structure: str
    side: str
    low: tuple[float, float]
    high: tuple[float, float]

    def contains(self, x: FloatArray, y: FloatArray) -> NDArray[np.bool_]:
        """Whether positions in mm lie inside."""
        inside: NDArray[np.bool_] = (x >= self.low[0]) & (x <= self.high[0]) & (y >= self.low[1]) & (y <= self.high[1])
        return inside

    def outline(self) -> FloatArray:
        """Return the corners (4, 2), counter-clockwise."""
        (left, back), (right, front) = self.low, self.high
        return np.array([[left, back], [right, back], [right, front], [left, front]])

    def count_tolerance(self, outline_px: float) -> float:
        """Return how many pixels a count may be off: along a straight edge all errors can have one sign."""
        return 0.5 * outline_px

    def tolerance_reason(self, outline_px: float) -> str:
        """Say where `count_tolerance` comes from."""
        return f"half a pixel along {outline_px:.0f} px of straight edge"


Shape = Ellipse | Rectangle

#: A lumbar slice. Right and left of each pair differ by far more than any tolerance.
LUMBAR: tuple[Shape, ...] = (
    Ellipse("dural_sac", "", (0, 0), (9, 6)),
    Ellipse("intervertebral_disc", "", (0, 30), (25, 17)),
    Ellipse("ligamentum_flavum", "left", (-5, -9.5), (4, 2)),
    Ellipse("ligamentum_flavum", "right", (5.5, -10), (5, 3)),
    Ellipse("lamina", "left", (-9, -18), (8, 3.5)),
    Ellipse("lamina", "right", (9, -18), (7, 4.5)),
    Ellipse("psoas", "left", (-48, 26), (14, 17), fat_share=0.04),
    Ellipse("psoas", "right", (48, 26), (17, 20), fat_share=0.08),
    Ellipse("multifidus", "left", (-13, -39), (9, 14), fat_share=0.3),
    Ellipse("multifidus", "right", (14, -39), (11, 15), fat_share=0.2),
    Ellipse("erector_spinae", "left", (-46, -40), (20, 14), fat_share=0.12),
    Ellipse("erector_spinae", "right", (45, -40), (17, 12), fat_share=0.25),
)

#: Circles of 2 to 20 mm.
DISCS: tuple[Shape, ...] = (
    Ellipse("dural_sac", "", (0, 0), (7, 7)),
    Ellipse("intervertebral_disc", "", (0, 30), (20, 20)),
    Ellipse("lamina", "", (0, -20), (5, 5)),
    Ellipse("ligamentum_flavum", "", (0, -11), (2, 2)),
    Ellipse("psoas", "left", (-45, 25), (12, 12)),
    Ellipse("psoas", "right", (45, 25), (16, 16)),
    Ellipse("multifidus", "left", (-16, -45), (14, 14)),
    Ellipse("multifidus", "right", (12, -45), (9, 9)),
)

#: Beyond every field of view.
_FAR = 1000.0

#: Muscle up to the edges of the image on both sides of a gap.
HALF_PLANES: tuple[Shape, ...] = (
    Ellipse("dural_sac", "", (0, 0), (9, 6)),
    Ellipse("intervertebral_disc", "", (0, 30), (25, 17)),
    Rectangle("lamina", "", (-12, -24), (12, -14)),
    Rectangle("multifidus", "left", (-_FAR, -_FAR), (-9, -28)),
    Rectangle("multifidus", "right", (3, -_FAR), (_FAR, -28)),
)


def visible_outline(outline_px: FloatArray, shape_ji: tuple[int, int]) -> tuple[float, float]:
    """Return area and length of an outline within an image.

    Parameters
    ----------
    outline_px : (N, 2) ndarray
        Polygon in pixel units.
    shape_ji : tuple of int
        Rows and columns of the image.

    Returns
    -------
    tuple of float
        Area in pixels, and length in pixel units without what runs along the
        edge of the image, where whole pixels end and counting makes no error.
    """
    visible = raster.clip_to_grid(outline_px, shape_ji)
    if len(visible) == 0:
        return 0.0, 0.0
    following = np.roll(visible, -1, axis=0)
    on_edge = np.zeros(len(visible), dtype=bool)
    for axis, count in ((0, shape_ji[1]), (1, shape_ji[0])):
        for bound in (-0.5, count - 0.5):
            on_edge |= np.isclose(visible[:, axis], bound) & np.isclose(following[:, axis], bound)
    length = np.linalg.norm(following - visible, axis=1)[~on_edge].sum()
    return abs(raster.signed_area(visible)), float(length)
