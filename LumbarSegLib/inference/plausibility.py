"""Take back outlines that lie too far from the spine to be any of the structures.

The network decides pixel by pixel and has seen slices of about 195 mm; in a
wider scan it may take a gluteal muscle or a kidney for one of its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from LumbarSegLib.anatomy import ANATOMIES, BY_KEY
from LumbarSegLib.geometry import spacing_kji_mm

#: Structures that show where the spine is. The disc is none of them: the
#: network may take part of a kidney or a vessel for a large one.
_IS_SPINE = np.zeros(256, dtype=bool)
_IS_SPINE[[BY_KEY[key].index for key in ("dural_sac", "ligamentum_flavum", "lamina")]] = True

#: If more than this share of the outlined pixels would go, the spine itself is in doubt and all stays.
MAX_REMOVED_SHARE = 0.25

#: Part of every muscle that is measured lies nearer to the spine than this:
#: the psoas of the pelvis, farthest away, begins 20-40 mm from the disc.
MAX_DISTANCE_MM = 50.0

_EIGHT_NEIGHBORS = np.ones((3, 3), dtype=bool)


def remove_far_components(
    label_map: NDArray[np.uint8], affine_ijk_to_ras: NDArray[np.float64]
) -> tuple[NDArray[np.uint8], int]:
    """Set connected components far from the spine to background.

    A component of a class goes if all of it lies more than `MAX_DISTANCE_MM`
    outside the rectangle around the spine: the largest connected piece of
    dural sac, ligamentum flavum and lamina in that slice. A slice without any
    of these, or that would lose more than `MAX_REMOVED_SHARE`, stays as it is.

    Parameters
    ----------
    label_map : (K, J, I) ndarray of uint8
        Values of `LumbarSegLib.anatomy`; not changed.
    affine_ijk_to_ras : (4, 4) ndarray
        Geometry of the block.

    Returns
    -------
    label_map : (K, J, I) ndarray of uint8
        A copy where something was removed.
    num_removed : int
        Number of components.
    """
    _, row_mm, column_mm = spacing_kji_mm(affine_ijk_to_ras)
    margins = (round(MAX_DISTANCE_MM / row_mm), round(MAX_DISTANCE_MM / column_mm))
    result = label_map.copy()
    num_removed = 0
    for labels in result:
        near = _near_spine(labels, margins)
        if near is None or np.count_nonzero(labels[near]) == np.count_nonzero(labels):
            continue
        far_pixels = np.zeros(labels.shape, dtype=bool)
        num_far = 0
        for anatomy in ANATOMIES:
            components, count = ndimage.label(labels == anatomy.index, _EIGHT_NEIGHBORS)
            far = np.setdiff1d(np.arange(1, count + 1), np.unique(components[near]))
            far_pixels |= np.isin(components, far)
            num_far += len(far)
        if np.count_nonzero(far_pixels) <= MAX_REMOVED_SHARE * np.count_nonzero(labels):
            labels[far_pixels] = 0
            num_removed += num_far
    return (result, num_removed) if num_removed else (label_map, 0)


def _near_spine(labels: NDArray[np.uint8], margins: tuple[int, int]) -> tuple[slice, slice] | None:
    """Return the rectangle around the spine of one slice, widened by `margins` pixels."""
    components, count = ndimage.label(_IS_SPINE[labels], _EIGHT_NEIGHBORS)
    if count == 0:
        return None
    largest = int(np.bincount(components.ravel())[1:].argmax())
    rows, columns = ndimage.find_objects(components)[largest]
    return tuple(
        slice(max(0, extent.start - margin), extent.stop + margin)
        for extent, margin in ((rows, margins[0]), (columns, margins[1]))
    )  # type: ignore[return-value]
