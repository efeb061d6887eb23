"""An evaluation for people: one Markdown page with tables and pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from LumbarSegLib.anatomy import ANATOMIES, BY_KEY
from LumbarSegLib.evaluation.agreement import Coefficient
from LumbarSegLib.evaluation.assessment import AREA_COVERAGE, Assessment, SurfaceMeans
from LumbarSegLib.evaluation.bootstrap import NUM_RESAMPLES, Mean
from LumbarSegLib.evaluation.calibration import MIN_PROBABILITY, NUM_BINS, TOP_LABEL
from LumbarSegLib.evaluation.failures import Failure
from LumbarSegLib.report.provenance import RESEARCH_USE_NOTICE

_NONE = "-"
_UNIT_NAMES = {"mm": "mm", "px": "pixels", "mm2": "mm²"}


def evaluation_page(
    assessment: Assessment, pictured: Mapping[str, Failure], summary: Mapping[str, Any], notes: Sequence[str]
) -> str:
    """Return the page as Markdown.

    Parameters
    ----------
    assessment : Assessment
        Figures over all slices.
    pictured : mapping of str to Failure
        The failures to list, by the path of their picture, worst first.
    summary : mapping
        What `evaluation_tree` returns.
    notes : sequence of str
        What a reader has to know first.
    """
    parts = [
        f"# Evaluation of {summary['weights']}",
        f"{summary['num_slices']} slices of `{summary['data']}`, fold {summary['fold']}. "
        f"Weights `{summary['weights_sha256']}`. {RESEARCH_USE_NOTICE}.",
        *(f"**Note:** {note}" for note in notes),
        "Figures in brackets are 95 % intervals: of means over slices by the bootstrap "
        f"({NUM_RESAMPLES} resamples of slices, BCa), of coefficients and shares by formula.",
        "## Overlap",
        _overlap_table(assessment, summary),
        "DSC: mean over the slices whose reference has the class, 0 where it was missed. "
        "Pooled: over the pixels of all slices together.",
        *_planes(assessment),
        "## Distance of the outlines",
        _surface_table(assessment),
        "Over the slices that have the class in reference and prediction; a missed or invented class has no distance "
        "and is counted beside it. HD95: larger of the two 95th percentiles of the distances. Surface Dice: share of "
        f"both outlines within {_tolerance(assessment)} of the other.",
        "## Areas",
        _area_table(assessment),
        "Predicted minus reference. Limits of agreement: bias ± 1.96 standard deviations (Bland and Altman 1986). "
        "ICC(2,1): Shrout and Fleiss 1979. MAE: mean absolute error.",
        "![Bland-Altman plots](agreement.png)",
        "## Calibration and intervals",
        _calibration_table(assessment),
        f"ECE: expected calibration error in {NUM_BINS} bins, over the pixels to which the network gives the class at "
        f"least {MIN_PROBABILITY:g}. Overlooked: share of the reference's pixels that got less. Held: share of slices "
        f"whose {100 * AREA_COVERAGE:.0f} % interval of the area holds the reference's area.",
        "![Reliability diagrams](reliability.png)",
        "## Worst slices",
        "Ordered by how far the worst class of a slice falls below the mean of that class; missed and invented ones "
        "count as 0.",
        *(_failure(path, failure) for path, failure in pictured.items()),
    ]
    return "\n\n".join(parts) + "\n"


def _overlap_table(assessment: Assessment, summary: Mapping[str, Any]) -> str:
    rows: list[list[str | int]] = []
    for anatomy in ANATOMIES:
        worst = summary["worst"].get(anatomy.key)
        worst_slice = _NONE if worst is None else f"{_escaped(worst['slice'])} ({worst['dice']:.3f})"
        mean = assessment.dice[anatomy.key]
        pooled = _number(summary["pooled_dice"][anatomy.key], 4)
        rows.append([anatomy.name, _interval(mean, 4), mean.num_slices, pooled, worst_slice])
    mean_pooled = _number(summary["mean_pooled_dice"], 4)
    rows.append(["Mean of the classes", _interval(assessment.mean_dice, 4), summary["num_slices"], mean_pooled, ""])
    return _table(["Class", "DSC", "Slices", "Pooled", "Worst slice"], rows)


def _planes(assessment: Assessment) -> list[str]:
    rows: list[list[str | int]] = [
        [_escaped(plane), mean.num_slices, _interval(mean, 4)] for plane, mean in assessment.mean_dice_by_plane.items()
    ]
    return [_table(["Plane", "Slices", "Mean DSC of the classes"], rows)] if rows else []


def _surface_table(assessment: Assessment) -> str:
    unit = _UNIT_NAMES[assessment.units.length]
    rows: list[list[str | int]] = []
    for anatomy in ANATOMIES:
        areas = assessment.areas[anatomy.key]
        counts = [areas.num_pairs, areas.num_missed, areas.num_invented]
        rows.append([anatomy.name, *_surface_cells(assessment.surface[anatomy.key]), *counts])
    rows.append(["Mean of the classes", *_surface_cells(assessment.mean_surface), "", "", ""])
    heads = ["Class", f"HD95 [{unit}]", f"Mean distance [{unit}]", f"Surface Dice at {_tolerance(assessment)}"]
    return _table([*heads, "Slices", "Missed", "Invented"], rows)


def _surface_cells(means: SurfaceMeans) -> list[str]:
    return [_interval(means.hausdorff_95, 2), _interval(means.mean_distance, 2), _interval(means.surface_dice, 3)]


def _tolerance(assessment: Assessment) -> str:
    return f"{assessment.units.surface_tolerance:g} {_UNIT_NAMES[assessment.units.length]}"


def _area_table(assessment: Assessment) -> str:
    unit = _UNIT_NAMES.get(assessment.units.area, assessment.units.area)
    rows: list[list[str | int]] = []
    for anatomy in ANATOMIES:
        areas = assessment.areas[anatomy.key]
        low, high = areas.limits or (None, None)
        limits = _NONE if low is None else f"{_number(low, 1)} to {_number(high, 1)}"
        rows.append(
            [
                anatomy.name,
                areas.num_pairs,
                _number(areas.mean_reference, 1),
                _interval(areas.bias, 1),
                limits,
                _interval(areas.icc, 3),
                _interval(areas.correlation, 3),
                _interval(areas.mean_absolute_error, 1),
                _interval(areas.mean_absolute_error_percent, 1),
            ]
        )
    heads = ["Class", "Slices", f"Mean reference [{unit}]", f"Bias [{unit}]", f"Limits of agreement [{unit}]"]
    return _table([*heads, "ICC(2,1)", "r", f"MAE [{unit}]", "MAE [%]"], rows)


def _calibration_table(assessment: Assessment) -> str:
    rows: list[list[str | int]] = []
    for key, calibration in assessment.calibration.items():
        name = "Likeliest class" if key == TOP_LABEL else BY_KEY[key].name
        coverage = assessment.coverage.get(key)
        held = ["", ""] if coverage is None else [
            _bracketed(coverage.share, coverage.low, coverage.high, 2),
            _interval(coverage.mean_width_percent, 1),
        ]  # fmt: skip
        error, overlooked = calibration.expected_calibration_error, calibration.overlooked_share
        rows.append([name, _number(error, 4), _number(overlooked, 4), *held])
    return _table(["Class", "ECE", "Overlooked", "Held", "Mean width of the interval [%]"], rows)


def describe(failure: Failure) -> str:
    """Say in a few words what went wrong with the worst class of a slice."""
    name, pixels = BY_KEY[failure.key].name, failure.overlap.summed_pixels[failure.key]
    if failure.kind != "differs":  # only one side has pixels
        return f"{name} {failure.kind} ({pixels} pixels)"
    return f"{name} {failure.kind}: Dice {failure.dice:.3f}, where the class has {failure.usual_dice:.3f} on average"


def _failure(path: str, failure: Failure) -> str:
    name = f"Slice {_escaped(failure.overlap.name)}"
    return f"{name}: {describe(failure)}.\n\n![{name}]({quote(path)})"


def _interval(figure: Mean | Coefficient, decimals: int) -> str:
    return _bracketed(figure.value, figure.low, figure.high, decimals)


def _bracketed(value: float | None, low: float | None, high: float | None, decimals: int) -> str:
    if low is None or high is None:
        return _number(value, decimals)
    return f"{_number(value, decimals)} [{_number(low, decimals)}, {_number(high, decimals)}]"


def _number(value: float | None, decimals: int) -> str:
    return _NONE if value is None else f"{value:.{decimals}f}"


def _escaped(text: str) -> str:
    return text.replace("|", r"\|")


def _table(heads: Sequence[str], rows: Sequence[Sequence[str | int]]) -> str:
    lines = [heads, ["---", *(["---:"] * (len(heads) - 1))], *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
