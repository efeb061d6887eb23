"""How far an area may be off: bounds from the class probabilities, widened to what held-out slices showed.

The probabilities of single pixels do not say how pixels vary together. Taken
as independent, their errors cancel and the interval is next to nothing; but
outlines shift as a whole. So all pixels are taken to follow one common draw U,
uniform on [0, 1]: a pixel belongs to the class where its probability is at
least U. This comonotonic sum keeps the probability of every pixel, hence the
expected area, and is the widest spread in convex order that they allow (Dhaene
et al. 2002, doi 10.1016/S0167-6687(02)00134-8). Its quantile q is the number
of pixels with a probability of at least 1 - q, so that the bounds are the area
outlined at 0.95 and the one outlined at 0.05.

These bounds know nothing of slices that the network misreads with confidence.
`AreaCalibration` widens them by what slices that the network had not seen
showed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from LumbarSegLib.anatomy import ANATOMIES, NUM_CLASSES

#: Share of areas that an interval is to hold.
AREA_COVERAGE = 0.9

#: A pixel at least as probable as the first surely belongs to the class, one at least as probable as
#: the second possibly does: the quantiles that leave half of the rest on either side.
SURE_PROBABILITY = 0.5 + AREA_COVERAGE / 2
POSSIBLE_PROBABILITY = 0.5 - AREA_COVERAGE / 2


@dataclass(frozen=True)
class PixelBounds:
    """Which pixels each class has at least and at most; two bytes a pixel.

    Parameters
    ----------
    sure : (K, J, I) ndarray of uint8
        The class with a probability of at least `SURE_PROBABILITY`, 0 without.
    possible : (K, J, I) ndarray of uint8
        Bit `index` - 1 is set for every class with at least `POSSIBLE_PROBABILITY`.
    """

    sure: NDArray[np.uint8]
    possible: NDArray[np.uint8]

    def is_sure(self, index: int, k: int) -> NDArray[np.bool_]:
        """Return where class `index` surely is in slice `k`, (J, I)."""
        result: NDArray[np.bool_] = self.sure[k] == index
        return result

    def is_possible(self, index: int, k: int) -> NDArray[np.bool_]:
        """Return where class `index` possibly is in slice `k`, (J, I)."""
        result: NDArray[np.bool_] = (self.possible[k] & _bit(index)) != 0
        return result


def bound_pixels(probabilities: NDArray[np.floating]) -> PixelBounds:
    """Find the pixels that each class has at least and at most.

    Parameters
    ----------
    probabilities : (K, C, J, I) ndarray
        Of the background and the seven classes, 0-1.

    Returns
    -------
    PixelBounds

    Raises
    ------
    ValueError
        If there are not as many classes.
    """
    if probabilities.ndim != 4 or probabilities.shape[1] != NUM_CLASSES:
        raise ValueError(f"probabilities must have the shape (K, {NUM_CLASSES}, J, I), got {probabilities.shape}.")
    num_slices, _, rows, columns = probabilities.shape
    sure = np.zeros((num_slices, rows, columns), dtype=np.uint8)
    possible = np.zeros_like(sure)
    for anatomy in ANATOMIES:
        probability = probabilities[:, anatomy.index]
        sure[probability >= SURE_PROBABILITY] = anatomy.index
        possible[probability >= POSSIBLE_PROBABILITY] |= _bit(anatomy.index)
    return PixelBounds(sure, possible)


def without_removed_pieces(bounds: PixelBounds, before: NDArray[np.uint8], after: NDArray[np.uint8]) -> PixelBounds:
    """Take what was removed from the outlines out of the bounds as well.

    With a removed piece goes everything possible that is connected with it
    and with none of the pixels that stay.

    Parameters
    ----------
    bounds : PixelBounds
        Of the network.
    before, after : (K, J, I) ndarray of uint8
        The outlines with and without these pieces.

    Returns
    -------
    PixelBounds
        The same object where nothing was removed.
    """
    from scipy import ndimage

    removed = before != after
    if not removed.any():
        return bounds
    sure, possible = np.where(removed, np.uint8(0), bounds.sure), bounds.possible.copy()
    for k in np.flatnonzero(removed.any(axis=(1, 2))).tolist():
        for index in np.unique(before[k][removed[k]]).tolist():
            pieces, _ = ndimage.label(bounds.is_possible(index, k), np.ones((3, 3)))
            kept = np.unique(pieces[after[k] == index])
            lost = np.setdiff1d(pieces[removed[k] & (before[k] == index)], kept)
            possible[k][np.isin(pieces, lost[lost > 0]) | (removed[k] & (before[k] == index))] &= ~_bit(index)
    return PixelBounds(sure, possible)


@dataclass(frozen=True)
class AreaTerms:
    """How much farther the bounds of an area have to reach.

    Parameters
    ----------
    log_low, log_high : float
        The lower bound is divided by the exponential of the first, the upper
        one multiplied by that of the second; negative where the bounds are too wide.
    num_areas : int
        Held-out areas that say so.
    """

    log_low: float
    log_high: float
    num_areas: int


@dataclass(frozen=True)
class AreaCalibration:
    """What turns bounds into intervals, for one network.

    Parameters
    ----------
    coverage : float
        Share of areas that the intervals hold, 0-1.
    terms : mapping of str to AreaTerms
        By the key of an anatomy, for its whole area, and by `side_key`, for that of a side.
    """

    coverage: float
    terms: Mapping[str, AreaTerms]

    def interval(self, key: str, area: float, low: float, high: float) -> tuple[float, float] | None:
        """Return the interval of an area.

        Parameters
        ----------
        key : str
            Of `terms`.
        area : float
            As outlined.
        low, high : float
            Its bounds, in the same unit.

        Returns
        -------
        tuple of float, or None
            In that unit; holds `area`. None where `terms` lacks the key.
        """
        terms = self.terms.get(key)
        if terms is None:
            return None
        return min(area, low * math.exp(-terms.log_low)), max(area, high * math.exp(terms.log_high))


def side_key(key: str) -> str:
    """Return what `AreaCalibration` calls the area of one side of an anatomy; left and right share it."""
    return f"{key}_side"


def _bit(index: int) -> np.uint8:
    return np.uint8(1 << (index - 1))
