"""The outlined pixels of one slice, as all measures take them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from LumbarSegLib import geometry
from LumbarSegLib.anatomy import BY_KEY
from LumbarSegLib.geometry import FloatArray
from LumbarSegLib.measurement.records import Midline

#: The patient's sides, in the order of the table's columns.
SIDES = ("left", "right")


@dataclass(frozen=True)
class SlicePixels:
    """Some pixels of a slice with all that is known of each.

    Parameters
    ----------
    labels : (N,) ndarray of int
        Values of `LumbarSegLib.anatomy`.
    indices_ji : (N, 2) ndarray of int
        Row and column of each pixel.
    positions_ras_mm : (N, 3) ndarray
        RAS position of each pixel's center.
    signal : (N,) ndarray or None
        Signal of the image; None without an image.
    affine_ijk_to_ras : (4, 4) ndarray
        Geometry of the slice's block.
    """

    labels: NDArray[np.integer]
    indices_ji: NDArray[np.integer]
    positions_ras_mm: FloatArray
    signal: FloatArray | None
    affine_ijk_to_ras: FloatArray

    def __len__(self) -> int:
        """Return the number of pixels."""
        return len(self.labels)

    @property
    def area_mm2(self) -> float:
        """Number of pixels times the area of a pixel."""
        return len(self) * geometry.pixel_area_mm2(self.affine_ijk_to_ras)

    def where(self, chosen: NDArray[np.bool_]) -> SlicePixels:
        """Return the pixels that `chosen`, (N,), is True for."""
        return SlicePixels(
            self.labels[chosen],
            self.indices_ji[chosen],
            self.positions_ras_mm[chosen],
            None if self.signal is None else self.signal[chosen],
            self.affine_ijk_to_ras,
        )

    def of(self, key: str) -> SlicePixels:
        """Return the pixels of the anatomy called `key`."""
        return self.where(self.labels == BY_KEY[key].index)

    def by_side(self, midline: Midline) -> dict[str, SlicePixels]:
        """Return the pixels to the patient's left and right of the midline; on the line is left."""
        is_right = midline.distance_to_right_mm(self.positions_ras_mm) > 0
        return {"left": self.where(~is_right), "right": self.where(is_right)}

    def cropped_mask(self) -> NDArray[np.bool_]:
        """Return a mask (J', I') that just holds the pixels, at least one of them, within a rim of one pixel."""
        cropped = self.indices_ji - self.indices_ji.min(axis=0) + 1
        mask = np.zeros(cropped.max(axis=0) + 2, dtype=bool)
        mask[tuple(cropped.T)] = True
        return mask


def outlined_pixels(
    label_map: NDArray[np.integer], affine_ijk_to_ras: FloatArray, k: int, image: NDArray[np.floating] | None
) -> SlicePixels:
    """Return all pixels of slice `k` that are not background.

    Parameters
    ----------
    label_map : (K, J, I) ndarray of int
        Values of `LumbarSegLib.anatomy`.
    affine_ijk_to_ras : (4, 4) ndarray
        See `LumbarSegLib.geometry`.
    k : int
        Slice, from 0.
    image : (K, J, I) ndarray or None
        Signal of the block.

    Returns
    -------
    SlicePixels
    """
    indices_ji = np.argwhere(label_map[k])
    rows, columns = indices_ji.T
    indices_ijk = np.stack([columns, rows, np.full_like(rows, k)], axis=1)
    return SlicePixels(
        labels=label_map[k][rows, columns],
        indices_ji=indices_ji,
        positions_ras_mm=geometry.positions_ras_mm(affine_ijk_to_ras, indices_ijk),
        signal=None if image is None else np.asarray(image[k][rows, columns], dtype=np.float64),
        affine_ijk_to_ras=affine_ijk_to_ras,
    )
