"""Muscle outlines that reach across the midline: reported, never cut in silence."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from LumbarSegLib.measurement.pixels import SlicePixels
from LumbarSegLib.measurement.records import Midline

#: The midline itself is not known better: 2 degrees turn it by 1.4 mm at the back of the multifidus.
MIDLINE_TOLERANCE_MM = 2.0

#: What lies beyond the tolerance is reported from this area on.
MIN_BEYOND_AREA_MM2 = 20.0


def describe_crossings(key: str, muscle: SlicePixels, midline: Midline) -> list[str]:
    """Say which connected pieces of a muscle lie on both sides of the midline.

    A piece counts as crossing if at least `MIN_BEYOND_AREA_MM2` of it lie more
    than `MIDLINE_TOLERANCE_MM` beyond the line, on the side with less of it, and
    if it is joined across the line by more than twice that tolerance. The
    pixels of a piece join by their edges, so that the outlines of two sides
    which touch at a corner stay two pieces.

    Parameters
    ----------
    key : str
        The muscle's.
    muscle : SlicePixels
        All its pixels in the slice.
    midline : Midline
        Of the slice.

    Returns
    -------
    list of str
        One sentence per crossing piece; empty if none crosses.
    """
    if not len(muscle):
        return []
    pieces, count = ndimage.label(muscle.cropped_mask())
    piece_of_pixel = pieces[tuple((muscle.indices_ji - muscle.indices_ji.min(axis=0) + 1).T)]
    notes = []
    for number in range(1, count + 1):
        piece = muscle.where(piece_of_pixel == number)
        distances = midline.distance_to_right_mm(piece.positions_ras_mm)
        lesser, sign = min((np.count_nonzero(distances <= 0), -1), (np.count_nonzero(distances > 0), 1))
        beyond = piece.where(sign * distances > MIDLINE_TOLERANCE_MM)
        if beyond.area_mm2 < MIN_BEYOND_AREA_MM2 or _joint_mm(piece, distances, midline) <= 2 * MIDLINE_TOLERANCE_MM:
            continue
        side = "right" if sign > 0 else "left"
        share = lesser / len(piece)
        notes.append(
            f"{key} crosses the midline: of one outline of {piece.area_mm2:.0f} mm2, {share * piece.area_mm2:.0f} mm2 "
            f"({100 * share:.0f} %) lie on the patient's {side} and count there"
        )
    return notes


def _joint_mm(piece: SlicePixels, distances_mm: np.ndarray, midline: Midline) -> float:
    """Return the length along the midline over which a piece lies on it."""
    pixel_edges = piece.affine_ijk_to_ras[:3, :2]
    across = np.abs(np.array(midline.right_ras) @ pixel_edges).sum()
    on_line = piece.where(np.abs(distances_mm) <= across / 2)
    # The area of a strip one pixel wide over its width: gaps do not count.
    return on_line.area_mm2 / float(across)
