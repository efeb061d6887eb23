"""Whether the class probabilities mean what they say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from LumbarSegLib.anatomy import ANATOMIES, IGNORE_INDEX, VERTEBRAL_BODY_INDEX

#: Bins of equal width from 0 to 1, as many as Guo et al. take.
NUM_BINS = 15

#: Pixels to which the network gives a class less than this do not count there:
#: nine tenths of a slice are surely something else and would hide all that matters.
MIN_PROBABILITY = 0.01

#: Name of the row that looks at the likeliest class of each pixel.
TOP_LABEL = "top_label"


@dataclass(frozen=True)
class ReliabilityCounts:
    """What the bins of one row, a class or `TOP_LABEL`, hold.

    Parameters
    ----------
    pixels : (NUM_BINS,) ndarray
        Number of pixels by their probability.
    probability_sum : (NUM_BINS,) ndarray
        Sum of these probabilities.
    hits : (NUM_BINS,) ndarray
        Number of these pixels that are what was predicted.
    num_reference, num_overlooked : int
        Pixels of the reference, and those of them below `MIN_PROBABILITY`.
    """

    pixels: NDArray[np.integer]
    probability_sum: NDArray[np.floating]
    hits: NDArray[np.integer]
    num_reference: int
    num_overlooked: int


@dataclass(frozen=True)
class Calibration:
    """Calibration of one row, a class or `TOP_LABEL`, over the pixels of all slices.

    Parameters
    ----------
    expected_calibration_error : float or None
        Mean of |observed - predicted| over the bins, weighted by their pixels; None without pixels.
    num_pixels : tuple of int
        By bin.
    mean_probability, observed_share : tuple of (float or None)
        By bin: what the network says, and the share of pixels for which it is so; None if empty.
    overlooked_share : float or None
        Share of the reference's pixels that got less than `MIN_PROBABILITY`.
    """

    expected_calibration_error: float | None
    num_pixels: tuple[int, ...]
    mean_probability: tuple[float | None, ...]
    observed_share: tuple[float | None, ...]
    overlooked_share: float | None


def count_reliability(
    probabilities: NDArray[np.floating], reference: NDArray[np.uint8]
) -> dict[str, ReliabilityCounts]:
    """Sort the pixels of one slice into bins by their probability.

    Parameters
    ----------
    probabilities : (C, J, I) ndarray
        Of the background and the seven classes, 0-1.
    reference : (J, I) ndarray of uint8
        Class indices. A vertebral body is background here; pixels with
        `IGNORE_INDEX` do not count.

    Returns
    -------
    dict of str to ReliabilityCounts
        By anatomy key: the class's probability against whether the pixel is
        of the class. `TOP_LABEL`: the largest probability, the background's
        included, against whether that class is right, where the seven classes
        together have at least `MIN_PROBABILITY`.

    Raises
    ------
    ValueError
        If the shapes do not agree.
    """
    if probabilities.shape[1:] != reference.shape:
        raise ValueError(f"probabilities must have shape (C, *{reference.shape}), got {probabilities.shape}.")
    valid = reference != IGNORE_INDEX
    classes = probabilities[:, valid].astype(np.float32)  # (C, N)
    truth = reference[valid]
    truth = np.where(truth == VERTEBRAL_BODY_INDEX, 0, truth)
    counts = {
        each.key: _count(classes[each.index], truth == each.index, classes[each.index], truth == each.index)
        for each in ANATOMIES
    }
    likeliest = classes.argmax(axis=0)
    counts[TOP_LABEL] = _count(classes.max(axis=0), likeliest == truth, classes[1:].sum(axis=0), truth != 0)
    return counts


def _count(
    probability: NDArray[np.float32],
    is_hit: NDArray[np.bool_],
    presence: NDArray[np.float32],
    in_reference: NDArray[np.bool_],
) -> ReliabilityCounts:
    """Bin the pixels (N,) whose `presence` reaches `MIN_PROBABILITY`."""
    counts = presence >= MIN_PROBABILITY
    probability, hits = probability[counts], is_hit[counts]
    bins = np.minimum((probability * NUM_BINS).astype(np.intp), NUM_BINS - 1)
    return ReliabilityCounts(
        np.bincount(bins, minlength=NUM_BINS),
        np.bincount(bins, weights=probability, minlength=NUM_BINS).astype(np.float64),
        np.bincount(bins[hits], minlength=NUM_BINS),
        int(np.count_nonzero(in_reference)),
        int(np.count_nonzero(in_reference & ~counts)),
    )


def compute_calibration(slices: Sequence[ReliabilityCounts]) -> Calibration:
    """Pool the bins of one row over slices: the reliability curve and its error.

    Guo et al. 2017 (arXiv 1706.04599) define the error for the likeliest class;
    for a single class it is the classwise error of Kull et al. 2019 (arXiv 1910.12656).

    Parameters
    ----------
    slices : sequence of ReliabilityCounts
        Of the same row, one per slice.

    Returns
    -------
    Calibration
    """
    pixels, sums, hits = (
        np.sum([getattr(each, part) for each in slices], axis=0) if slices else np.zeros(NUM_BINS)
        for part in ("pixels", "probability_sum", "hits")
    )
    total = float(pixels.sum())
    num_reference = sum(each.num_reference for each in slices)
    num_overlooked = sum(each.num_overlooked for each in slices)
    return Calibration(
        expected_calibration_error=float(np.abs(hits - sums).sum() / total) if total else None,
        num_pixels=tuple(int(count) for count in pixels),
        mean_probability=_shares(sums, pixels),
        observed_share=_shares(hits, pixels),
        overlooked_share=num_overlooked / num_reference if num_reference else None,
    )


def _shares(part: NDArray[np.float64], whole: NDArray[np.float64]) -> tuple[float | None, ...]:
    return tuple(float(a / b) if b else None for a, b in zip(part, whole, strict=True))
