"""Overlap of predictions with reference outlines, per class and per slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from LumbarSegLib.anatomy import ANATOMIES, IGNORE_INDEX


@dataclass(frozen=True)
class SliceOverlap:
    """Dice similarity coefficient of each class in one slice.

    Parameters
    ----------
    name : str
        Id of the slice.
    dice : dict of str to (float or None)
        By anatomy key; None where both prediction and reference lack the class.
    in_reference, in_prediction : dict of str to bool
        Whether the reference has the class, whether the prediction has it.
    shared_pixels, summed_pixels : dict of str to int
        Pixels that prediction and reference share, and the sum of both.
    plane : str
        What the slice cuts; empty if not known.
    """

    name: str
    dice: dict[str, float | None]
    in_reference: dict[str, bool]
    in_prediction: dict[str, bool]
    shared_pixels: dict[str, int]
    summed_pixels: dict[str, int]
    plane: str = ""


def compute_overlap(
    name: str, prediction: NDArray[np.uint8], reference: NDArray[np.uint8], plane: str = ""
) -> SliceOverlap:
    """Compute the Dice similarity coefficient (Dice 1945) of every class.

    Parameters
    ----------
    name : str
        Id of the slice.
    prediction, reference : (J, I) ndarray of uint8
        Class indices; pixels whose reference is `IGNORE_INDEX` do not count.
    plane : str
        What the slice cuts, for figures by plane.

    Returns
    -------
    SliceOverlap
        A class that only one of the two has scores 0; one that both lack, None.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    if prediction.shape != reference.shape:
        raise ValueError(f"prediction must have shape {reference.shape}, got {prediction.shape}.")
    valid = reference != IGNORE_INDEX
    dice: dict[str, float | None] = {}
    in_reference: dict[str, bool] = {}
    in_prediction: dict[str, bool] = {}
    shared: dict[str, int] = {}
    summed: dict[str, int] = {}
    for anatomy in ANATOMIES:
        predicted = (prediction == anatomy.index) & valid
        expected = reference == anatomy.index
        shared[anatomy.key] = int((predicted & expected).sum())
        summed[anatomy.key] = int(predicted.sum()) + int(expected.sum())
        dice[anatomy.key] = _dice(shared[anatomy.key], summed[anatomy.key])
        in_reference[anatomy.key] = bool(expected.any())
        in_prediction[anatomy.key] = bool(predicted.any())
    return SliceOverlap(name, dice, in_reference, in_prediction, shared, summed, plane)


def _dice(shared: int, summed: int) -> float | None:
    return 2.0 * shared / summed if summed else None


def mean_dice(overlaps: Sequence[SliceOverlap]) -> dict[str, float | None]:
    """Average each class over the slices whose reference has it.

    Parameters
    ----------
    overlaps : sequence of SliceOverlap
        Slices of one set.

    Returns
    -------
    dict of str to (float or None)
        By anatomy key; None for a class that no reference has.
    """
    means: dict[str, float | None] = {}
    for anatomy in ANATOMIES:
        values = [each.dice[anatomy.key] for each in overlaps if each.in_reference[anatomy.key]]
        present = [value for value in values if value is not None]
        means[anatomy.key] = float(np.mean(present)) if present else None
    return means


def pooled_dice(overlaps: Sequence[SliceOverlap]) -> dict[str, float | None]:
    """Compute each class's Dice over the pixels of all slices together.

    Large structures count more, a slice that lacks the class counts by what
    was wrongly found there, and one odd slice counts little.

    Parameters
    ----------
    overlaps : sequence of SliceOverlap
        Slices of one set.

    Returns
    -------
    dict of str to (float or None)
        By anatomy key; None for a class that nobody has drawn.
    """
    return {
        anatomy.key: _dice(
            sum(each.shared_pixels[anatomy.key] for each in overlaps),
            sum(each.summed_pixels[anatomy.key] for each in overlaps),
        )
        for anatomy in ANATOMIES
    }


def mean_over_classes(means: dict[str, float | None]) -> float | None:
    """Average figures by class over the classes that occur; None if none does."""
    present = [value for value in means.values() if value is not None]
    return float(np.mean(present)) if present else None
