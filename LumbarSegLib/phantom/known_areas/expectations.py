"""What measuring a slice through known shapes has to give; one function for each kind of measure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from LumbarSegLib.anatomy import ANATOMIES
from LumbarSegLib.phantom.known_areas.shapes import Ellipse, Shape, visible_outline

FloatArray = NDArray[np.float64]
SIDES = ("left", "right")
MUSCLES = tuple(anatomy.key for anatomy in ANATOMIES if anatomy.is_paired)

#: Slices that span less along their normal say too little about the sac's axis, and measuring gives no tilt.
_MIN_TILT_SPAN_MM = 8.5


@dataclass(frozen=True)
class Expectation:
    """What one measure has to be.

    Parameters
    ----------
    value : float or None
        None where nothing is there to be measured.
    tolerance : float
        Largest deviation that passes, in the measure's unit.
    reason : str
        Where the tolerance comes from.
    """

    value: float | None
    tolerance: float
    reason: str


NOTHING = Expectation(None, 0.0, "nothing is drawn")


@dataclass(frozen=True)
class Plane:
    """One slice against the cross-section of the shapes.

    Parameters
    ----------
    pixels_to_xy : (2, 3) ndarray
        (column, row, 1) to (x, y) of the cross-section in mm.
    shape_ji : tuple of int
        Rows and columns.
    spacing_ij_mm : (2,) ndarray
        Width of a column and of a row.
    cosine : float
        Of the angle between the slice's normal and the axis of the shapes.
    slice_heights_mm : (K,) ndarray
        Of all slices of the block, along their normal.
    """

    pixels_to_xy: FloatArray
    shape_ji: tuple[int, int]
    spacing_ij_mm: FloatArray
    cosine: float
    slice_heights_mm: FloatArray

    @property
    def pixel_area_mm2(self) -> float:
        """In the slice: a cut at an angle to the axis is larger than the cross-section by 1 / cos."""
        return abs(float(np.linalg.det(self.pixels_to_xy[:, :2]))) / self.cosine

    def to_pixels(self, points_xy: FloatArray) -> FloatArray:
        """Map (N, 2) positions of the cross-section to (column, row)."""
        result: FloatArray = (points_xy - self.pixels_to_xy[:, 2]) @ np.linalg.inv(self.pixels_to_xy[:, :2]).T
        return result


def expected_areas(shapes: Sequence[Shape], plane: Plane) -> dict[str, Expectation]:
    """Areas as in ``dural_sac_area``; per side where the shapes have sides; of muscles in total."""
    expected = {}
    for anatomy in ANATOMIES:
        own = [shape for shape in shapes if shape.structure == anatomy.key]
        total = f"{anatomy.key}_total_area" if anatomy.is_paired else f"{anatomy.key}_area"
        expected[total] = _expected_area(own, plane)
        if anatomy.is_paired or (anatomy.key == "ligamentum_flavum" and all(shape.side for shape in own)):
            for side in SIDES:
                of_side = [shape for shape in own if shape.side == side]
                expected[f"{anatomy.key}_{side}_area"] = _expected_area(of_side, plane)
    return expected


def expected_ratios(areas: dict[str, Expectation]) -> dict[str, Expectation]:
    """Asymmetry and relative area of the muscles."""
    expected = {}
    disc = areas["intervertebral_disc_area"]
    for muscle in MUSCLES:
        sides = [areas[f"{muscle}_{side}_area"] for side in SIDES]
        smaller, larger = sorted(sides, key=lambda each: each.value or 0.0)
        expected[f"{muscle}_asymmetry"] = _derived(
            lambda low, high: 100 * (1 - low / high), smaller, larger, "that of both areas"
        )
        total = areas[f"{muscle}_total_area"]
        expected[f"{muscle}_relative_area"] = _derived(
            lambda part, whole: part / whole, total, disc, "that of both areas"
        )
    return expected


def expected_diameters(shapes: Sequence[Shape], plane: Plane) -> dict[str, Expectation]:
    """Diameters of the sac, where the slice is a cross-section, and thickness of the ligament on either side."""
    expected = {}
    for shape in shapes:
        if not isinstance(shape, Ellipse):
            continue
        if shape.structure == "dural_sac" and np.isclose(plane.cosine, 1.0):
            pixel_x, pixel_y = np.abs(plane.pixels_to_xy[:, :2]).sum(axis=1).tolist()
            reason = "one pixel: half of one at either end"
            expected["dural_sac_transverse_diameter"] = Expectation(2 * shape.half_axes[0], pixel_x, reason)
            expected["dural_sac_ap_diameter"] = Expectation(2 * shape.half_axes[1], pixel_y, reason)
        if shape.structure == "ligamentum_flavum" and shape.side:
            # The largest circle in an ellipse is as thick as its shorter axis, here that of the cut.
            thickness_mm = 2 * _cut_half_axes_mm(shape, plane).min()
            expected[f"ligamentum_flavum_{shape.side}_thickness"] = Expectation(
                float(thickness_mm), float(plane.spacing_ij_mm.max()), "one pixel: half of one at either edge"
            )
    return expected


def expected_sac_axis(shapes: Sequence[Shape], plane: Plane, areas: dict[str, Expectation]) -> dict[str, Expectation]:
    """Tilt of the slice against the sac, and the sac's area without it, where the block shows the sac's axis."""
    heights = plane.slice_heights_mm - plane.slice_heights_mm.mean()
    area = areas["dural_sac_area"]
    sac = next(shape for shape in shapes if shape.structure == "dural_sac")
    if not isinstance(sac, Ellipse) or area.value is None or np.ptp(heights) < _MIN_TILT_SPAN_MM:
        return {}
    # Errors along the outline that move the area by SD move its centroid by SD / area times the outline's distance.
    centroid_mm = area.tolerance / area.value * float(np.sqrt(np.mean(_cut_half_axes_mm(sac, plane) ** 2)))
    error_rad = centroid_mm / float(np.sqrt(np.sum(heights**2)))
    tilt_rad = float(np.arccos(min(plane.cosine, 1.0)))
    cosine_error = np.cos(max(tilt_rad - error_rad, 0.0)) - np.cos(tilt_rad + error_rad)
    return {
        "dural_sac_tilt": Expectation(
            float(np.degrees(tilt_rad)),
            float(np.degrees(error_rad)),
            f"centroids of the sac that counting moves by {centroid_mm:.2f} mm",
        ),
        "dural_sac_corrected_area": Expectation(
            area.value * plane.cosine,
            float(area.tolerance * plane.cosine + area.value * cosine_error),
            "that of the area and of the tilt",
        ),
    }


def expected_fat(shapes: Sequence[Shape], plane: Plane, areas: dict[str, Expectation]) -> dict[str, Expectation]:
    """Fat fraction and lean area of muscles with a known share of fat in their middle."""
    expected = {}
    for shape in shapes:
        if not isinstance(shape, Ellipse) or not shape.fat_share:
            continue
        name = f"{shape.structure}_{shape.side}"
        fat, whole = _expected_area([shape.fat()], plane), areas[f"{name}_area"]
        reason = "that of the areas of muscle and fat"
        expected[f"{name}_fat_fraction"] = _derived(lambda part, total: part / total, fat, whole, reason)
        expected[f"{name}_lean_area"] = _derived(lambda part, total: total - part, fat, whole, reason)
    return expected


def expected_fat_index(fat: dict[str, Expectation], muscle_signal: float, fat_signal: float) -> dict[str, Expectation]:
    """Mean signal of multifidus and erector spinae over that of the psoas, from the fractions of fat."""

    def ratio(own: float, psoas: float) -> float:
        contrast = fat_signal - muscle_signal
        return (muscle_signal + contrast * own) / (muscle_signal + contrast * psoas)

    return {
        f"{muscle}_{side}_fat_index": _derived(
            ratio,
            fat[f"{muscle}_{side}_fat_fraction"],
            fat[f"psoas_{side}_fat_fraction"],
            "that of the fat fractions",
        )
        for muscle in ("multifidus", "erector_spinae")
        for side in SIDES
        if f"{muscle}_{side}_fat_fraction" in fat
    }


def _expected_area(shapes: Sequence[Shape], plane: Plane) -> Expectation:
    pixels, length = 0.0, 0.0
    for shape in shapes:
        visible_pixels, visible_length = visible_outline(plane.to_pixels(shape.outline()), plane.shape_ji)
        pixels += visible_pixels
        length += visible_length
    if pixels == 0:
        return NOTHING
    # Shapes of one structure are of one kind, whose rule holds for their joint outline.
    tolerance, reason = shapes[0].count_tolerance(length), shapes[0].tolerance_reason(length)
    return Expectation(pixels * plane.pixel_area_mm2, tolerance * plane.pixel_area_mm2, reason)


def _cut_half_axes_mm(shape: Ellipse, plane: Plane) -> FloatArray:
    """Return the half axes (2,) of the ellipse that the slice shows."""
    slice_to_xy = plane.pixels_to_xy[:, :2] / plane.spacing_ij_mm
    half_axes = np.linalg.svd(np.linalg.inv(slice_to_xy) @ np.diag(shape.half_axes), compute_uv=False)
    return np.asarray(half_axes, dtype=np.float64)


def _derived(
    formula: Callable[[float, float], float], first: Expectation, second: Expectation, reason: str
) -> Expectation:
    """Combine two expectations; the tolerance is the farthest that the formula gets within theirs."""
    if first.value is None or second.value is None:
        return NOTHING
    value = formula(first.value, second.value)
    corners = [
        formula(first.value + first_sign * first.tolerance, second.value + second_sign * second.tolerance)
        for first_sign in (-1, 1)
        for second_sign in (-1, 1)
    ]
    return Expectation(value, max(abs(corner - value) for corner in corners), reason)
