"""Areas of a prediction beside those of its reference, whole and per side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from LumbarSegLib import geometry
from LumbarSegLib.anatomy import ANATOMIES, IGNORE_INDEX, NUM_CLASSES
from LumbarSegLib.evaluation.agreement import AreaPair
from LumbarSegLib.geometry import FloatArray
from LumbarSegLib.measurement import PixelBounds, find_midline
from LumbarSegLib.measurement.intervals import SIDED, right_of_midline

#: Keys of the areas of a side, such as "psoas_left".
SIDE_KEYS = tuple(f"{anatomy.key}_{side}" for anatomy in SIDED for side in ("left", "right"))


def compare_areas(
    prediction: NDArray[np.uint8], bounds: PixelBounds, reference: NDArray[np.uint8], pixel_area: float
) -> dict[str, AreaPair]:
    """Return the areas of every class in one slice.

    Parameters
    ----------
    prediction, reference : (J, I) ndarray of uint8
        Class indices; pixels whose reference is `IGNORE_INDEX` belong to nothing.
    bounds : PixelBounds
        Of the prediction, a single slice.
    pixel_area : float
        In units of area.

    Returns
    -------
    dict of str to AreaPair
        By anatomy key.
    """
    valid = reference != IGNORE_INDEX
    return {
        anatomy.key: _pair(anatomy.index, (prediction, valid), (reference, valid), bounds, pixel_area)
        for anatomy in ANATOMIES
    }


def compare_side_areas(
    prediction: NDArray[np.uint8],
    bounds: PixelBounds,
    reference: NDArray[np.uint8],
    affine_ijk_to_ras: FloatArray,
    pixel_area: float,
) -> dict[str, AreaPair]:
    """Return the areas of every side in one slice, each outline parted by its own midline.

    Parameters
    ----------
    prediction, bounds, reference, pixel_area
        As for `compare_areas`.
    affine_ijk_to_ras : (4, 4) ndarray
        Geometry of the slice.

    Returns
    -------
    dict of str to AreaPair
        By `SIDE_KEYS`; empty where prediction or reference has no midline.
    """
    valid = reference != IGNORE_INDEX
    is_right = [_right_side(each, affine_ijk_to_ras) for each in (prediction, reference)]
    if is_right[0] is None or is_right[1] is None:
        return {}
    pairs = {}
    for anatomy in SIDED:
        for side, sign in (("left", False), ("right", True)):
            predicted, referenced = ((right == sign) & valid for right in is_right)
            pairs[f"{anatomy.key}_{side}"] = _pair(
                anatomy.index, (prediction, predicted), (reference, referenced), bounds, pixel_area
            )
    return pairs


def _pair(
    index: int,
    prediction: tuple[NDArray[np.uint8], NDArray[np.bool_]],
    reference: tuple[NDArray[np.uint8], NDArray[np.bool_]],
    bounds: PixelBounds,
    pixel_area: float,
) -> AreaPair:
    """Measure one class in two label maps, each with the pixels that count."""

    def area(mask: NDArray[np.bool_]) -> float:
        return float(np.count_nonzero(mask)) * pixel_area

    predicted, referenced = (area((labels == index) & counts) for labels, counts in (prediction, reference))
    low, high = (area(mask & prediction[1]) for mask in (bounds.is_sure(index, 0), bounds.is_possible(index, 0)))
    return AreaPair(predicted or None, referenced or None, (low, high))


def _right_side(labels: NDArray[np.uint8], affine: FloatArray) -> NDArray[np.bool_] | None:
    outlined = np.where(labels < NUM_CLASSES, labels, 0)
    rows, columns = np.nonzero(outlined)
    indices_ijk = np.stack([columns, rows, np.zeros_like(rows)], axis=1)
    positions = geometry.positions_ras_mm(affine, indices_ijk)
    midline = find_midline(outlined[rows, columns], positions, affine)
    return None if midline is None else right_of_midline(midline, affine, labels.shape, 0)
