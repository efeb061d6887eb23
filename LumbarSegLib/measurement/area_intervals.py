"""How far an area may be off, from the class probabilities alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def compute_area_interval(probability: NDArray[np.floating], coverage: float = 0.9) -> tuple[int, int]:
    """Return the central interval of the number of pixels of one class.

    The probabilities of single pixels do not say how pixels vary together.
    Taken as independent, their errors cancel and the interval is next to
    nothing; but outlines shift as a whole. So all pixels are taken to follow
    one common draw U, uniform on [0, 1]: a pixel belongs to the class where
    its probability is at least U. This comonotonic sum keeps the probability
    of every pixel, hence the expected area, and is the widest spread in convex
    order that they allow (Dhaene et al. 2002, doi 10.1016/S0167-6687(02)00134-8).
    Its quantile q is the number of pixels with a probability of at least
    1 - q, so that the 90 % interval reaches from the area outlined at 0.95 to
    the one outlined at 0.05.

    Parameters
    ----------
    probability : (J, I) ndarray
        Probability of the class in every pixel, 0-1.
    coverage : float
        Share of draws that the interval holds, in (0, 1).

    Returns
    -------
    tuple of int
        Fewest and most pixels; (0, 0) where the class is out of the question.

    Raises
    ------
    ValueError
        If `coverage` is not in (0, 1).
    """
    if not 0 < coverage < 1:
        raise ValueError(f"coverage must be in (0, 1), got {coverage}.")
    tail = (1 - coverage) / 2
    return int(np.count_nonzero(probability >= 1 - tail)), int(np.count_nonzero(probability >= tail))
