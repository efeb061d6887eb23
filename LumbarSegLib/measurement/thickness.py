"""How thick a band is at its thickest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage


def compute_thickness_mm(mask: NDArray[np.bool_], spacing_ji_mm: tuple[float, float]) -> float:
    """Return the diameter of the largest circle that fits into an outline.

    That is twice the largest distance, from the center of a pixel inside to the
    center of the nearest one outside (Euclidean distance transform), with every
    pixel cut into 2 x 2: a band of n whole pixels is then 2n wide, an even
    number, and its thickness comes out as n pixels exactly, where undivided
    pixels would give n or n + 1. Oblique bands come out within a pixel.

    Parameters
    ----------
    mask : (J, I) ndarray of bool
        The outline, with a rim of at least one pixel outside it.
    spacing_ji_mm : tuple of float
        Pixel size along rows (j) and columns (i), at right angles.

    Returns
    -------
    float
        Millimeters; 0 if nothing is outlined.
    """
    fine = np.repeat(np.repeat(mask, 2, axis=0), 2, axis=1)
    distances = ndimage.distance_transform_edt(fine, sampling=[spacing / 2 for spacing in spacing_ji_mm])
    return 2 * float(distances.max())
