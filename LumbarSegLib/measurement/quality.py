"""What makes the figures of a slice doubtful: a reader should look at these slices first.

A flag is no verdict: it says that an outline is unlike the outlines of 134
labeled axial T2 slices (the reference set below), or that the network was less
sure than it usually is. The limits lie outside nearly all of these outlines, so
that a flag is rare where all is well; pathology can be the reason for one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull

from LumbarSegLib import geometry
from LumbarSegLib.anatomy import BY_KEY
from LumbarSegLib.measurement.area_intervals import SURE_PROBABILITY, PixelBounds
from LumbarSegLib.measurement.pixels import SlicePixels
from LumbarSegLib.measurement.records import Flag, SliceMeasurement

#: Least share of an outline with a probability of `SURE_PROBABILITY` or more. Of 27 slices that the
#: network had not seen, each limit flags at most three; together they flag six slices, whose mean Dice
#: is 0.79 (0.90 in the others), and five of the seven slices with the lowest mean Dice.
MIN_SURE_SHARE = {
    "dural_sac": 0.82,
    "ligamentum_flavum": 0.60,
    "psoas": 0.80,
    "multifidus": 0.60,
    "erector_spinae": 0.66,
    "lamina": 0.55,
    "intervertebral_disc": 0.90,
}

#: Structures that every lumbar axial slice of the reference set has. The disc is not in every
#: plane; of ligament and lamina the one or the other may be missing, never both.
_IN_EVERY_SLICE = ("dural_sac", "psoas", "multifidus", "erector_spinae")
_IN_EVERY_SLICE_ONE_OF = ("ligamentum_flavum", "lamina")

#: Least and greatest area in mm2: half of the least and one and a half times the greatest of the
#: reference set (pixels of 0.38 mm assumed), rounded; muscles in total.
AREA_RANGE_MM2 = {
    "dural_sac": (15.0, 500.0),
    "ligamentum_flavum": (8.0, 260.0),
    "psoas": (150.0, 6000.0),
    "multifidus": (200.0, 4200.0),
    "erector_spinae": (250.0, 8000.0),
    "lamina": (20.0, 950.0),
    "intervertebral_disc": (450.0, 4000.0),
}

#: Most pieces of a structure in the reference set.
MAX_PIECES = {
    "dural_sac": 1,
    "ligamentum_flavum": 2,
    "psoas": 2,
    "multifidus": 2,
    "erector_spinae": 2,
    "lamina": 3,
    "intervertebral_disc": 1,
}

#: Pieces below this area, or this share of the largest piece, do not count.
MIN_PIECE_AREA_MM2 = 10.0
MIN_PIECE_SHARE = 0.1

#: Least share of its convex hull that an outline fills: sac 0.89 and disc 0.93 in all but 2 % of the reference set.
MIN_SOLIDITY = {"dural_sac": 0.80, "intervertebral_disc": 0.85}

#: Greatest ratio of the longer to the shorter axis of the sac (by second moments): 2.7 in the reference set.
MAX_SAC_ELONGATION = 3.0

_EIGHT_NEIGHBORS = np.ones((3, 3), dtype=bool)


def find_flags(pixels: SlicePixels, shape_ji: tuple[int, int], crossing: Sequence[str] = ()) -> tuple[Flag, ...]:
    """Return what is odd about the outlines of one slice.

    Parameters
    ----------
    pixels : SlicePixels
        All outlined pixels of the slice.
    shape_ji : tuple of int
        Rows and columns of the slice.
    crossing : sequence of str
        Keys of the muscles that cross the midline.

    Returns
    -------
    tuple of Flag
        Without what takes probabilities, see `with_confidence_flags`.
    """
    outlined = {key: found for key in BY_KEY if len(found := pixels.of(key))}
    flags = []
    for key, found in outlined.items():
        flags += _flags_of_structure(key, found, shape_ji)
    missing = [key for key in _IN_EVERY_SLICE if key not in outlined]
    if not any(key in outlined for key in _IN_EVERY_SLICE_ONE_OF):
        missing.append(" and ".join(_IN_EVERY_SLICE_ONE_OF))
    flags += [Flag("missing_structure", f"no {key} is outlined") for key in missing]
    flags += [Flag("crosses_midline", f"the {key} crosses the midline, see the notes") for key in crossing]
    return tuple(flags)


def with_confidence_flags(
    slices: Sequence[SliceMeasurement], label_map: NDArray[np.integer], bounds: PixelBounds
) -> tuple[SliceMeasurement, ...]:
    """Add a flag for every structure of which the network was less sure than it usually is.

    Parameters
    ----------
    slices : sequence of SliceMeasurement
        All slices of a block.
    label_map : (K, J, I) ndarray of int
        What was measured.
    bounds : PixelBounds
        Of the network that outlined it.

    Returns
    -------
    tuple of SliceMeasurement
    """
    return tuple(
        replace(each, flags=(*each.flags, *_unsure_structures(each.slice_index, label_map, bounds))) for each in slices
    )


def _unsure_structures(k: int, label_map: NDArray[np.integer], bounds: PixelBounds) -> list[Flag]:
    flags = []
    for key, least in MIN_SURE_SHARE.items():
        index = BY_KEY[key].index
        mask = label_map[k] == index
        if not mask.any():
            continue
        share = np.count_nonzero(bounds.is_sure(index, k) & mask) / np.count_nonzero(mask)
        if share < least:
            flags.append(
                Flag(
                    "low_confidence",
                    f"{math.floor(100 * share)} % of the {key} have a probability of {SURE_PROBABILITY:g} or more; "
                    f"{100 * least:.0f} % or more are usual",
                )
            )
    return flags


def _flags_of_structure(key: str, pixels: SlicePixels, shape_ji: tuple[int, int]) -> list[Flag]:
    flags = []
    if ((pixels.indices_ji == 0) | (pixels.indices_ji == np.array(shape_ji) - 1)).any():
        flags.append(Flag("touches_border", f"the {key} touches the border of the image"))
    least, greatest = AREA_RANGE_MM2[key]
    if not least <= pixels.area_mm2 <= greatest:
        flags.append(
            Flag("implausible_area", f"the {key} has {pixels.area_mm2:.0f} mm2; {least:g} to {greatest:g} are expected")
        )
    pieces = _count_pieces(pixels)
    if pieces > MAX_PIECES[key]:
        flags.append(Flag("several_pieces", f"the {key} is in {pieces} pieces; {MAX_PIECES[key]} at most are expected"))
    return flags + _shape_flags(key, pixels)


def _count_pieces(pixels: SlicePixels) -> int:
    labels, _ = ndimage.label(pixels.cropped_mask(), _EIGHT_NEIGHBORS)
    areas = np.bincount(labels.ravel())[1:] * geometry.pixel_area_mm2(pixels.affine_ijk_to_ras)
    return int(np.count_nonzero((areas >= MIN_PIECE_AREA_MM2) & (areas >= MIN_PIECE_SHARE * areas.max())))


def _shape_flags(key: str, pixels: SlicePixels) -> list[Flag]:
    flags = []
    if key in MIN_SOLIDITY and (solidity := _solidity(pixels)) < MIN_SOLIDITY[key]:
        flags.append(
            Flag(
                "implausible_shape",
                f"the {key} fills {100 * solidity:.0f} % of its convex hull; "
                f"{100 * MIN_SOLIDITY[key]:.0f} % or more are expected",
            )
        )
    if key == "dural_sac" and (elongation := _elongation(pixels)) > MAX_SAC_ELONGATION:
        flags.append(
            Flag(
                "implausible_shape",
                f"the {key} is {elongation:.1f} times as long as wide; {MAX_SAC_ELONGATION:g} at most are expected",
            )
        )
    return flags


def _solidity(pixels: SlicePixels) -> float:
    """Return the share of the convex hull of all pixels, corners included, that the pixels fill."""
    corners = np.concatenate([pixels.indices_ji + offset for offset in ((0, 0), (0, 1), (1, 0), (1, 1))])
    return len(pixels) / float(ConvexHull(corners).volume)  # of points in a plane, "volume" is the area


def _elongation(pixels: SlicePixels) -> float:
    """Return the ratio of the axes of the ellipse with the same second moments, in mm."""
    spacing_ji_mm = np.array(geometry.spacing_kji_mm(pixels.affine_ijk_to_ras)[1:])
    points = pixels.indices_ji * spacing_ji_mm
    # A pixel has an extent of its own, without which a line of them would be infinitely thin.
    moments = np.atleast_2d(np.cov(points.T, bias=True)) + np.diag(spacing_ji_mm**2 / 12)
    shorter, longer = np.linalg.eigvalsh(moments)
    return float(np.sqrt(longer / shorter))
