"""How far predicted outlines lie from reference outlines, by MONAI."""

from __future__ import annotations

import importlib.util
import warnings
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from LumbarSegLib.anatomy import ANATOMIES, IGNORE_INDEX
from LumbarSegLib.errors import missing_package

#: Of the distances in each direction: the largest ones are often single pixels.
HAUSDORFF_PERCENTILE = 95.0


@dataclass(frozen=True)
class SurfaceAgreement:
    """Agreement of two outlines of one class in one slice.

    Parameters
    ----------
    hausdorff_95 : float
        The larger of the two directed 95th percentiles of the distances, in units of length.
    mean_distance : float
        Mean of the distances in both directions (average symmetric surface distance), in units of length.
    surface_dice : float
        Share of both outlines, 0-1, that lies within the tolerance of the other.
    """

    hausdorff_95: float
    mean_distance: float
    surface_dice: float


def require_monai() -> None:
    """Check that MONAI is installed, before any work is done.

    Raises
    ------
    InputError
        If it is not, with the extra that brings it.
    """
    if importlib.util.find_spec("monai") is None:
        raise missing_package("MONAI", "Comparing outlines", extra="train")


def compute_surface_agreement(
    prediction: NDArray[np.uint8], reference: NDArray[np.uint8], pixel_size: float, tolerance: float
) -> dict[str, SurfaceAgreement | None]:
    """Compare the outlines of every class in one slice.

    An outline is the pixels of a mask that have one of their four neighbors
    outside it; distances are Euclidean, from pixel center to pixel center.
    The definitions are those of MONAI: Hausdorff distance at the 95th
    percentile (Huttenlocher 1993, doi 10.1109/34.232073), average symmetric
    surface distance (Heimann 2009, doi 10.1109/TMI.2009.2013851), normalized
    surface Dice (Nikolov 2021, doi 10.2196/26151) over outline pixels.

    Parameters
    ----------
    prediction, reference : (J, I) ndarray of uint8
        Class indices; pixels whose reference is `IGNORE_INDEX` belong to nothing.
    pixel_size : float
        Side of a pixel, in units of length.
    tolerance : float
        Distance up to which outlines agree, in units of length.

    Returns
    -------
    dict of str to (SurfaceAgreement or None)
        By anatomy key. None where the class is absent from one or both: there
        is no distance to an outline that does not exist.

    Raises
    ------
    InputError
        If MONAI is not installed.
    ValueError
        If the shapes differ.
    """
    if prediction.shape != reference.shape:
        raise ValueError(f"prediction must have shape {reference.shape}, got {prediction.shape}.")
    require_monai()
    valid = reference != IGNORE_INDEX
    pairs = {each.key: ((prediction == each.index) & valid, reference == each.index) for each in ANATOMIES}
    both = [key for key, (predicted, expected) in pairs.items() if predicted.any() and expected.any()]
    result: dict[str, SurfaceAgreement | None] = dict.fromkeys(pairs)
    if both:
        predicted, expected = (torch.from_numpy(np.stack([pairs[key][part] for key in both]))[None] for part in (0, 1))
        result.update(zip(both, _measure(predicted, expected, pixel_size, tolerance), strict=True))
    return result


def _measure(
    predicted: torch.Tensor, expected: torch.Tensor, pixel_size: float, tolerance: float
) -> list[SurfaceAgreement]:
    """Measure masks of the shape (1, C, J, I), none of them empty."""
    from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance, compute_surface_dice

    masks = {"y_pred": predicted, "y": expected, "include_background": True, "spacing": pixel_size}
    tolerances = [tolerance] * predicted.shape[1]
    with warnings.catch_warnings():
        # MONAI 1.6 passes this deprecated argument to itself.
        warnings.filterwarnings("ignore", message=".*always_return_as_numpy", category=FutureWarning)
        hausdorff = compute_hausdorff_distance(**masks, percentile=HAUSDORFF_PERCENTILE)
        mean_distance = compute_average_surface_distance(**masks, symmetric=True)
        surface_dice = compute_surface_dice(**masks, class_thresholds=tolerances)
    figures = torch.stack([hausdorff, mean_distance, surface_dice], dim=-1)[0]  # (C, 3)
    return [SurfaceAgreement(*row) for row in figures.tolist()]
