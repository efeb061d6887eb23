"""How far an outline reaches along a direction."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from LumbarSegLib.geometry import FloatArray
from LumbarSegLib.measurement.parts import Part
from LumbarSegLib.measurement.pixels import SlicePixels
from LumbarSegLib.measurement.records import Measure, Midline

_EIGHT_NEIGHBORS = np.ones((3, 3), dtype=bool)

_SEVERAL_PIECES = "the dural sac is outlined in {} pieces; its diameters are those of the largest"
_NO_DIRECTION = "diameters of the sac along the patient's axes: nothing shows how the vertebra is turned"


def compute_extent_mm(pixels: SlicePixels, direction_ras: FloatArray) -> float:
    """Return the distance of the two lines across `direction_ras` that just hold all pixels.

    The caliper (Feret) diameter from edge to edge: the centers of the pixels and,
    at either end, half of what a pixel measures along the direction.

    Parameters
    ----------
    pixels : SlicePixels
        At least one.
    direction_ras : (3,) ndarray
        Unit vector in the slice plane.

    Returns
    -------
    float
        Millimeters.
    """
    along = pixels.positions_ras_mm @ direction_ras
    pixel_edges = pixels.affine_ijk_to_ras[:3, :2]  # (3, 2)
    return float(np.ptp(along) + np.abs(direction_ras @ pixel_edges).sum())


def largest_piece(pixels: SlicePixels) -> tuple[SlicePixels, int]:
    """Return the largest connected piece and the number of pieces; corners connect."""
    pieces, count = ndimage.label(pixels.cropped_mask(), _EIGHT_NEIGHBORS)
    piece_of_pixel = pieces[tuple((pixels.indices_ji - pixels.indices_ji.min(axis=0) + 1).T)]
    return pixels.where(piece_of_pixel == np.bincount(piece_of_pixel).argmax()), count


def sac_diameters(sac: Part, midline: Midline | None, no_sides: str) -> list[Measure]:
    """Return the sac's extent along the midline (antero-posterior) and across it (transverse).

    Parameters
    ----------
    sac : Part
        Pixels of the dural sac.
    midline : Midline or None
        Of the slice.
    no_sides : str
        Why there is no midline.

    Returns
    -------
    list of Measure
        ``dural_sac_ap_diameter`` and ``dural_sac_transverse_diameter`` in mm.
    """
    keys = ("dural_sac_ap_diameter", "dural_sac_transverse_diameter")
    if isinstance(sac, str) or midline is None:
        reason = sac if isinstance(sac, str) else no_sides
        return [Measure(key, None, "mm", reason) for key in keys]
    piece, count = largest_piece(sac)
    caveats = [_SEVERAL_PIECES.format(count)] if count > 1 else []
    if not midline.direction_sources:
        caveats.append(_NO_DIRECTION)
    return [
        Measure(key, compute_extent_mm(piece, np.array(direction)), "mm", caveat="; ".join(caveats))
        for key, direction in zip(keys, (midline.anterior_ras, midline.right_ras), strict=True)
    ]
