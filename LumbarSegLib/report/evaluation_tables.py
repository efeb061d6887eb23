"""Figures of an evaluation as text tables and as a tree (JSON)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from LumbarSegLib.anatomy import ANATOMIES
from LumbarSegLib.evaluation.agreement import Coefficient
from LumbarSegLib.evaluation.area_pairs import SIDE_KEYS
from LumbarSegLib.evaluation.assessment import Assessment, SliceAssessment
from LumbarSegLib.evaluation.bootstrap import CONFIDENCE_LEVEL, NUM_RESAMPLES, Mean
from LumbarSegLib.evaluation.calibration import MIN_PROBABILITY, NUM_BINS
from LumbarSegLib.evaluation.evaluator import summarize
from LumbarSegLib.evaluation.failures import Failure
from LumbarSegLib.evaluation.subgroups import LOST_DICE, SMALL_SHARE
from LumbarSegLib.evaluation.surface import HAUSDORFF_PERCENTILE
from LumbarSegLib.evaluation.units import Units
from LumbarSegLib.measurement.area_intervals import AREA_COVERAGE
from LumbarSegLib.report.tables import Cell, write_csv

_KEYS = tuple(anatomy.key for anatomy in ANATOMIES)
_DECIMALS = 4


def write_tables(directory: Path, slices: Sequence[SliceAssessment], assessment: Assessment) -> None:
    """Write the figures per slice (Dice, surfaces, areas), and per class the agreement of areas and the calibration.

    An empty cell is a figure that is not defined, such as a distance to an
    outline that does not exist.

    Parameters
    ----------
    directory : Path
        Exists.
    slices : sequence of SliceAssessment
        At least one.
    assessment : Assessment
        Of these slices.
    """
    write_csv(directory / "dice_per_slice.csv", [_dice_row(each) for each in slices])
    write_csv(directory / "surface_per_slice.csv", [_surface_row(each, assessment.units) for each in slices])
    write_csv(
        directory / "areas_per_slice.csv",
        [_area_row(each, key, assessment.units) for each in slices for key in _KEYS],
    )
    sides = [_area_row(each, key, assessment.units) for each in slices for key in SIDE_KEYS if key in each.areas]
    if sides:
        write_csv(directory / "side_areas_per_slice.csv", sides)
    write_csv(directory / "area_agreement.csv", [_agreement_row(assessment, key) for key in _KEYS])
    write_csv(directory / "calibration.csv", _calibration_rows(assessment))


def evaluation_tree(
    slices: Sequence[SliceAssessment],
    assessment: Assessment,
    failures: Sequence[Failure],
    context: Mapping[str, Any],
) -> dict[str, Any]:
    """Return everything but the figures of single slices, JSON-ready.

    Parameters
    ----------
    slices : sequence of SliceAssessment
        What was evaluated.
    assessment : Assessment
        Of these slices.
    failures : sequence of Failure
        Those to list.
    context : mapping
        Weights, fold, data and settings.

    Returns
    -------
    dict
        `context` and `summarize` at the top, then the further parts of `Assessment`.
    """
    further = asdict(assessment)
    further["dice_interval"] = further.pop("dice")
    further["mean_dice_interval"] = further.pop("mean_dice")
    further["mean_dice_interval_by_plane"] = further.pop("mean_dice_by_plane")
    return {
        **context,
        **summarize([each.overlap for each in slices]),
        **further,
        "definitions": {
            "interval_level": CONFIDENCE_LEVEL,
            "bootstrap_resamples": NUM_RESAMPLES,
            "hausdorff_percentile": HAUSDORFF_PERCENTILE,
            "calibration_bins": NUM_BINS,
            "calibration_min_probability": MIN_PROBABILITY,
            "area_interval_coverage": AREA_COVERAGE,
            "small_sac_share": SMALL_SHARE,
            "lost_sac_dice": LOST_DICE,
        },
        "failures": [
            {
                "slice": each.overlap.name,
                "class": each.key,
                "kind": each.kind,
                "dice": each.dice,
                "usual_dice": each.usual_dice,
            }
            for each in failures
        ],
    }


def _dice_row(each: SliceAssessment) -> dict[str, Cell]:
    return {"slice": each.overlap.name, **{key: _fixed(each.overlap.dice[key]) for key in _KEYS}}


def _surface_row(each: SliceAssessment, units: Units) -> dict[str, Cell]:
    suffixes = {"hausdorff_95": f"_{units.length}", "mean_distance": f"_{units.length}", "surface_dice": ""}
    row: dict[str, Cell] = {"slice": each.overlap.name}
    for key in _KEYS:
        for name, suffix in suffixes.items():
            row[f"{key}_{name}{suffix}"] = _fixed(getattr(each.surface[key], name, None))
    return row


def _area_row(each: SliceAssessment, key: str, units: Units) -> dict[str, Cell]:
    pair = each.areas[key]
    return {
        "slice": each.overlap.name,
        "class": key,
        f"reference_{units.area}": _rounded(pair.reference),
        f"predicted_{units.area}": _rounded(pair.predicted),
        f"interval_low_{units.area}": _rounded(pair.interval[0]),
        f"interval_high_{units.area}": _rounded(pair.interval[1]),
        "in_interval": None if pair.in_interval is None else int(pair.in_interval),
    }


def _agreement_row(assessment: Assessment, key: str) -> dict[str, Cell]:
    areas, coverage, unit = assessment.areas[key], assessment.coverage[key], assessment.units.area
    row: dict[str, Cell] = {
        "class": key,
        "pairs": areas.num_pairs,
        "missed": areas.num_missed,
        "invented": areas.num_invented,
        f"mean_reference_{unit}": _rounded(areas.mean_reference),
    }
    row |= _with_interval("bias", areas.bias, f"_{unit}")
    for name, limit in zip(("lower", "upper"), areas.limits or (None, None), strict=True):
        row[f"{name}_limit_{unit}"] = _rounded(limit)
    for name, bounds in (("lower", areas.limits_low), ("upper", areas.limits_high)):
        low, high = bounds or (None, None)
        row |= {f"{name}_limit_from_{unit}": _rounded(low), f"{name}_limit_to_{unit}": _rounded(high)}
    row |= _with_interval("icc_2_1", areas.icc)
    row |= _with_interval("correlation", areas.correlation)
    row |= _with_interval("mean_absolute_error", areas.mean_absolute_error, f"_{unit}")
    row |= _with_interval("mean_absolute_error", areas.mean_absolute_error_percent, "_percent")
    row |= {
        "interval_coverage": _rounded(coverage.share),
        "interval_coverage_low": _rounded(coverage.low),
        "interval_coverage_high": _rounded(coverage.high),
        "interval_slices": coverage.num_slices,
    }
    return row | _with_interval("interval_width", coverage.mean_width_percent, "_percent")


def _with_interval(name: str, figure: Mean | Coefficient, unit: str = "") -> dict[str, Cell]:
    return {
        f"{name}{unit}": _rounded(figure.value),
        f"{name}_low{unit}": _rounded(figure.low),
        f"{name}_high{unit}": _rounded(figure.high),
    }


def _calibration_rows(assessment: Assessment) -> list[dict[str, Cell]]:
    return [
        {
            "class": row,
            "bin_from": _rounded(place / NUM_BINS),
            "bin_to": _rounded((place + 1) / NUM_BINS),
            "pixels": pixels,
            "mean_probability": _rounded(probability),
            "observed_share": _rounded(share),
            "expected_calibration_error": _rounded(figures.expected_calibration_error),
            "overlooked_share": _rounded(figures.overlooked_share),
        }
        for row, figures in assessment.calibration.items()
        for place, (pixels, probability, share) in enumerate(
            zip(figures.num_pixels, figures.mean_probability, figures.observed_share, strict=True)
        )
    ]


def _fixed(value: float | None) -> str:
    return "" if value is None else f"{value:.{_DECIMALS}f}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DECIMALS)
