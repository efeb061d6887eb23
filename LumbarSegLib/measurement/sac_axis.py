"""How far a slice is tilted against the axis of the dural sac.

A slice that cuts a tube of area A at an angle t to its cross-section shows
A / cos(t). The axis is the straight line of least squares through the centroids
of the sac in the slices around. Four slices 4.3 mm apart give it to about 3
degrees only, which turns an area by well under 1 %; what would be less certain
than `MAX_STANDARD_ERROR_DEG` is not given.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from LumbarSegLib import geometry
from LumbarSegLib.geometry import FloatArray
from LumbarSegLib.measurement.pixels import SlicePixels
from LumbarSegLib.measurement.records import Measure

#: The sac bends with the lordosis: centroids farther than this along the slice normal say nothing about a slice.
AXIS_REACH_MM = 20.0

#: Outlines smaller than this are too likely stray pixels to have a centroid that counts.
MIN_SAC_AREA_MM2 = 10.0

#: A centroid is taken to be off by at least this much, however well few of them lie on a line.
CENTROID_ERROR_MM = 0.5

#: A direction less certain than this is not given.
MAX_STANDARD_ERROR_DEG = 5.0

#: Beyond this the "axis" is no axis: the steepest blocks, at L5/S1, lie within 40 degrees of the sac's cross-section.
MAX_TILT_DEG = 45.0

#: NORDSTEN asks for slices within 5 degrees of the endplate (doi 10.1186/s41747-022-00284-y).
WARNING_TILT_DEG = 5.0


def sac_centroids(slices: Sequence[SlicePixels]) -> FloatArray:
    """Return the centroids of the sac in the slices that show it, (N, 3) in mm, RAS."""
    sacs = [pixels.of("dural_sac") for pixels in slices]
    found = [sac.positions_ras_mm.mean(axis=0) for sac in sacs if sac.area_mm2 >= MIN_SAC_AREA_MM2]
    return np.array(found).reshape(-1, 3)


def measure_tilt(centroids_ras_mm: FloatArray, position_ras_mm: FloatArray, affine_ijk_to_ras: FloatArray) -> Measure:
    """Return the angle between the slice normal and the axis of the dural sac.

    Parameters
    ----------
    centroids_ras_mm : (N, 3) ndarray
        Of the sac in the slices of the block, from `sac_centroids`.
    position_ras_mm : (3,) ndarray
        Any point of the slice.
    affine_ijk_to_ras : (4, 4) ndarray
        Geometry of the block.

    Returns
    -------
    Measure
        ``dural_sac_tilt`` in degrees, with a caveat above `WARNING_TILT_DEG`;
        without a value where the centroids do not give a direction.
    """
    normal = geometry.slice_normal_ras(affine_ijk_to_ras)
    heights = (centroids_ras_mm - position_ras_mm) @ normal
    is_near = np.abs(heights) <= AXIS_REACH_MM
    heights, centroids = heights[is_near], centroids_ras_mm[is_near]
    if len(heights) < 2:
        return no_tilt(f"fewer than two slices within {AXIS_REACH_MM:g} mm show the sac")
    heights = heights - heights.mean()
    spread = float(np.sum(heights**2))
    offsets = centroids - centroids.mean(axis=0)
    offsets = offsets - np.outer(offsets @ normal, normal)  # (N, 3), in the slice plane
    slope = heights @ offsets / spread  # (3,): mm in the plane for each mm along the normal
    error_mm = CENTROID_ERROR_MM
    if len(heights) > 2:
        residuals = offsets - np.outer(heights, slope)
        error_mm = max(error_mm, float(np.sqrt(np.sum(residuals**2) / (2 * (len(heights) - 2)))))
    tilt_deg = float(np.degrees(np.arctan(np.linalg.norm(slope))))
    standard_error_deg = float(np.degrees(error_mm / np.sqrt(spread) * np.cos(np.radians(tilt_deg)) ** 2))
    if standard_error_deg > MAX_STANDARD_ERROR_DEG:
        return no_tilt(
            f"the sac's axis is known to {standard_error_deg:.0f} degrees only, from {len(heights)} slices "
            f"({MAX_STANDARD_ERROR_DEG:g} at most)"
        )
    if tilt_deg > MAX_TILT_DEG:
        return no_tilt(f"the line through the sac's centroids lies {tilt_deg:.0f} degrees off, which is no axis")
    excess_percent = 100 * (1 / np.cos(np.radians(tilt_deg)) - 1)
    caveat = (
        f"dural sac cut {tilt_deg:.1f} degrees (standard error {standard_error_deg:.1f}) off its cross-section, which "
        f"enlarges its area by {excess_percent:.1f} %; NORDSTEN asks for at most {WARNING_TILT_DEG:g} degrees "
        "to the endplate (doi 10.1186/s41747-022-00284-y)"
    )
    return Measure("dural_sac_tilt", tilt_deg, "deg", caveat=caveat if tilt_deg > WARNING_TILT_DEG else "")


def correct_area(area: Measure, tilt: Measure) -> Measure:
    """Return the sac's area times the cosine of the tilt, which is its cross-section's."""
    key = "dural_sac_corrected_area"
    if area.value is None:
        return Measure(key, None, area.unit, area.reason)
    if tilt.value is None:
        return Measure(key, None, area.unit, tilt.reason)
    return Measure(key, area.value * float(np.cos(np.radians(tilt.value))), area.unit)


def no_tilt(reason: str) -> Measure:
    """Return ``dural_sac_tilt`` without a value."""
    return Measure("dural_sac_tilt", None, "deg", reason)
