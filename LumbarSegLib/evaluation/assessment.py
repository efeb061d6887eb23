"""Everything that is measured on labeled slices, beyond the Dice coefficient."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from LumbarSegLib.anatomy import ANATOMIES
from LumbarSegLib.evaluation.agreement import AreaAgreement, AreaPair, compute_area_agreement
from LumbarSegLib.evaluation.area_pairs import compare_areas, compare_side_areas
from LumbarSegLib.evaluation.bootstrap import CONFIDENCE_LEVEL, Mean, bootstrap_mean
from LumbarSegLib.evaluation.calibration import (
    TOP_LABEL,
    Calibration,
    ReliabilityCounts,
    compute_calibration,
    count_reliability,
)
from LumbarSegLib.evaluation.overlap import SliceOverlap, compute_overlap
from LumbarSegLib.evaluation.subgroups import OutlinedSac, SmallSacs, compare_small_sacs
from LumbarSegLib.evaluation.surface import SurfaceAgreement, compute_surface_agreement, require_monai
from LumbarSegLib.evaluation.units import Units
from LumbarSegLib.geometry import radiological_affine
from LumbarSegLib.inference.predictor import Predictor
from LumbarSegLib.io.labeled_slices import LabeledSlice

_KEYS = tuple(anatomy.key for anatomy in ANATOMIES)


@dataclass(frozen=True)
class SliceAssessment:
    """What was found on one slice; dictionaries are by anatomy key.

    Parameters
    ----------
    prediction : (J, I) ndarray of uint8
        Class indices.
    overlap : SliceOverlap
        Dice coefficients.
    surface : dict of str to (SurfaceAgreement or None)
        None where prediction or reference lacks the class.
    areas : dict of str to AreaPair
        In units of area; beside the classes, the sides that a midline parts (`SIDE_KEYS`).
    reliability : dict of str to ReliabilityCounts
        With the row `TOP_LABEL` beside the classes.
    """

    prediction: NDArray[np.uint8]
    overlap: SliceOverlap
    surface: dict[str, SurfaceAgreement | None]
    areas: dict[str, AreaPair]
    reliability: dict[str, ReliabilityCounts]


@dataclass(frozen=True)
class SurfaceMeans:
    """Means of `SurfaceAgreement` over the slices that have the class in prediction and reference."""

    hausdorff_95: Mean
    mean_distance: Mean
    surface_dice: Mean


@dataclass(frozen=True)
class IntervalCoverage:
    """How often the 90 % interval of an area holds the reference's area.

    Parameters
    ----------
    num_slices : int
        Slices whose reference has the class.
    share : float or None
        Share of them, 0-1, whose interval holds the area.
    low, high : float or None
        95 % interval of `share` (Wilson 1927, doi 10.1080/01621459.1927.10502953).
    mean_width_percent : Mean
        Width of the intervals in percent of the reference's area.
    """

    num_slices: int
    share: float | None
    low: float | None
    high: float | None
    mean_width_percent: Mean


@dataclass(frozen=True)
class Assessment:
    """Figures over all slices; dictionaries are by anatomy key.

    Parameters
    ----------
    units : Units
        Of lengths and areas.
    dice : dict of str to Mean
        Over the slices whose reference has the class.
    mean_dice : Mean
        Mean of the classes' means.
    mean_dice_by_plane : dict of str to Mean
        The same by what the slices cut, where that is known.
    surface : dict of str to SurfaceMeans
    mean_surface : SurfaceMeans
        Means of the classes' means.
    areas : dict of str to AreaAgreement
    coverage : dict of str to IntervalCoverage
    calibration : dict of str to Calibration
        With the row `TOP_LABEL` beside the classes.
    small_sacs : SmallSacs or None
        The smallest fifth of the dural sacs; None with fewer than five.
    """

    units: Units
    dice: dict[str, Mean]
    mean_dice: Mean
    mean_dice_by_plane: dict[str, Mean]
    surface: dict[str, SurfaceMeans]
    mean_surface: SurfaceMeans
    areas: dict[str, AreaAgreement]
    coverage: dict[str, IntervalCoverage]
    calibration: dict[str, Calibration]
    small_sacs: SmallSacs | None


def assess_slices(predictor: Predictor, slices: Iterable[LabeledSlice], units: Units) -> list[SliceAssessment]:
    """Segment labeled slices and measure all there is to measure.

    Parameters
    ----------
    predictor : Predictor
        The network.
    slices : iterable of LabeledSlice
        In radiological reading order.
    units : Units
        `PIXELS` where the slices' pixel size is only assumed.

    Returns
    -------
    list of SliceAssessment
        One for each slice, at its native resolution.

    Raises
    ------
    InputError
        If MONAI is not installed.
    """
    require_monai()
    return [_assess_slice(predictor, each, units) for each in slices]


def _assess_slice(predictor: Predictor, labeled: LabeledSlice, units: Units) -> SliceAssessment:
    affine = radiological_affine((1.0, labeled.spacing_mm, labeled.spacing_mm))
    label_map, confidence = predictor.predict_block(labeled.image[None], affine, keep_probabilities=True)
    bounds, probabilities = confidence.bounds, confidence.probabilities
    if probabilities is None:
        raise RuntimeError("The predictor kept no probabilities.")
    prediction, reference = label_map[0], labeled.label_map
    pixel_size = units.pixel_size(labeled.spacing_mm)
    return SliceAssessment(
        prediction,
        compute_overlap(labeled.name, prediction, reference, labeled.plane),
        compute_surface_agreement(prediction, reference, pixel_size, units.surface_tolerance),
        compare_areas(prediction, bounds, reference, pixel_size**2)
        | compare_side_areas(prediction, bounds, reference, affine, pixel_size**2),
        count_reliability(probabilities[0], reference),
    )


def summarize_assessments(slices: Sequence[SliceAssessment], units: Units) -> Assessment:
    """Average over slices, with 95 % bootstrap intervals.

    Parameters
    ----------
    slices : sequence of SliceAssessment
        From `assess_slices`.
    units : Units
        The same as there.

    Returns
    -------
    Assessment
    """
    overlaps = [each.overlap for each in slices]
    planes = sorted({each.plane for each in overlaps} - {""})
    pairs = {key: [each.areas[key] for each in slices] for key in _KEYS}
    return Assessment(
        units=units,
        dice={key: bootstrap_mean([_dice(each, key) for each in overlaps]) for key in _KEYS},
        mean_dice=bootstrap_mean_dice(overlaps),
        mean_dice_by_plane={
            plane: bootstrap_mean_dice([each for each in overlaps if each.plane == plane]) for plane in planes
        },
        surface={key: _surface_means(slices, [key]) for key in _KEYS},
        mean_surface=_surface_means(slices, _KEYS),
        areas={key: compute_area_agreement(pairs[key]) for key in _KEYS},
        coverage={key: compute_coverage(pairs[key]) for key in _KEYS},
        calibration={
            row: compute_calibration([each.reliability[row] for each in slices]) for row in (*_KEYS, TOP_LABEL)
        },
        small_sacs=compare_small_sacs(
            [sac for each in slices if (sac := _sac(each.overlap, each.areas["dural_sac"])) is not None]
        ),
    )


def _sac(overlap: SliceOverlap, areas: AreaPair) -> OutlinedSac | None:
    if areas.reference is None:
        return None
    return OutlinedSac(areas.reference, areas.predicted, overlap.dice["dural_sac"] or 0.0)


def _dice(overlap: SliceOverlap, key: str) -> float | None:
    return overlap.dice[key] if overlap.in_reference[key] else None


def bootstrap_mean_dice(overlaps: Sequence[SliceOverlap]) -> Mean:
    """Average Dice over the slices whose reference has a class, then over the classes."""
    return bootstrap_mean([[_dice(each, key) for key in _KEYS] for each in overlaps])


def _surface_means(slices: Sequence[SliceAssessment], keys: Sequence[str]) -> SurfaceMeans:
    """Average over the slices, then over the classes `keys`."""
    rows = [[each.surface[key] for key in keys] for each in slices]
    return SurfaceMeans(
        *(
            bootstrap_mean([[None if cell is None else getattr(cell, field.name) for cell in row] for row in rows])
            for field in fields(SurfaceAgreement)
        )
    )


def compute_coverage(pairs: Sequence[AreaPair]) -> IntervalCoverage:
    """Count how often the interval of an area holds the reference's area.

    Parameters
    ----------
    pairs : sequence of AreaPair
        Of one class, one per slice. A slice whose reference lacks the class
        does not count; one where the class was missed does.

    Returns
    -------
    IntervalCoverage
    """
    from scipy.stats import binomtest

    referenced = [(pair, pair.reference) for pair in pairs if pair.reference is not None]
    widths = bootstrap_mean([100 * (pair.interval[1] - pair.interval[0]) / area for pair, area in referenced])
    if not referenced:
        return IntervalCoverage(0, None, None, None, widths)
    num_held = sum(pair.in_interval is True for pair, _ in referenced)
    interval = binomtest(num_held, len(referenced)).proportion_ci(CONFIDENCE_LEVEL, method="wilson")
    share = num_held / len(referenced)
    return IntervalCoverage(len(referenced), share, float(interval.low), float(interval.high), widths)
