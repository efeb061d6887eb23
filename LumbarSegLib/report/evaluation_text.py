"""An evaluation for people: one Markdown page with tables and pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from LumbarSegLib.anatomy import ANATOMIES, BY_KEY
from LumbarSegLib.evaluation.assessment import Assessment, SurfaceMeans
from LumbarSegLib.evaluation.bootstrap import NUM_RESAMPLES
from LumbarSegLib.evaluation.calibration import MIN_PROBABILITY, NUM_BINS, TOP_LABEL
from LumbarSegLib.evaluation.failures import Failure
from LumbarSegLib.evaluation.subgroups import LOST_DICE, SMALL_SHARE, SacGroup
from LumbarSegLib.measurement.area_intervals import AREA_COVERAGE
from LumbarSegLib.report.markdown import NONE, bracketed, escaped, fixed, markdown_table, with_interval
from LumbarSegLib.report.provenance import RESEARCH_USE_NOTICE

_UNIT_NAMES = {"mm": "mm", "px": "pixels", "mm2": "mm²"}


def evaluation_page(
    assessment: Assessment,
    pictured: Mapping[str, Failure],
    summary: Mapping[str, Any],
    notes: Sequence[str],
    sections: Sequence[str],
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
    sections : sequence of str
        Markdown that follows the overlap.
    """
    parts = [
        f"# Evaluation of {summary['weights']}",
        f"{summary['num_slices']} slices of `{summary['data']}`, fold {summary['fold']}.{_checksum(summary)} "
        f"{RESEARCH_USE_NOTICE}.",
        *(f"**Note:** {note}" for note in notes),
        "Figures in brackets are 95 % intervals: of means over slices by the bootstrap "
        f"({NUM_RESAMPLES} resamples of slices, BCa), of coefficients and shares by formula.",
        "## Overlap",
        _overlap_table(assessment, summary),
        "DSC: mean over the slices whose reference has the class, 0 where it was missed. "
        "Pooled: over the pixels of all slices together.",
        *_planes(assessment),
        *sections,
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
        "## Small sacs",
        *_small_sacs(assessment),
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


def _checksum(summary: Mapping[str, Any]) -> str:
    """Name the weights, unless each fold has its own."""
    return f" Weights `{summary['weights_sha256']}`." if "weights_sha256" in summary else ""


def _overlap_table(assessment: Assessment, summary: Mapping[str, Any]) -> str:
    rows: list[list[str | int]] = []
    for anatomy in ANATOMIES:
        worst = summary["worst"].get(anatomy.key)
        worst_slice = NONE if worst is None else f"{escaped(worst['slice'])} ({worst['dice']:.3f})"
        mean = assessment.dice[anatomy.key]
        pooled = fixed(summary["pooled_dice"][anatomy.key], 4)
        rows.append([anatomy.name, with_interval(mean, 4), mean.num_slices, pooled, worst_slice])
    mean_pooled = fixed(summary["mean_pooled_dice"], 4)
    rows.append(["Mean of the classes", with_interval(assessment.mean_dice, 4), summary["num_slices"], mean_pooled, ""])
    return markdown_table(["Class", "DSC", "Slices", "Pooled", "Worst slice"], rows)


def _planes(assessment: Assessment) -> list[str]:
    rows: list[list[str | int]] = [
        [escaped(plane), mean.num_slices, with_interval(mean, 4)]
        for plane, mean in assessment.mean_dice_by_plane.items()
    ]
    return [markdown_table(["Plane", "Slices", "Mean DSC of the classes"], rows)] if rows else []


def _surface_table(assessment: Assessment) -> str:
    unit = _UNIT_NAMES[assessment.units.length]
    rows: list[list[str | int]] = []
    for anatomy in ANATOMIES:
        areas = assessment.areas[anatomy.key]
        counts = [areas.num_pairs, areas.num_missed, areas.num_invented]
        rows.append([anatomy.name, *_surface_cells(assessment.surface[anatomy.key]), *counts])
    rows.append(["Mean of the classes", *_surface_cells(assessment.mean_surface), "", "", ""])
    heads = ["Class", f"HD95 [{unit}]", f"Mean distance [{unit}]", f"Surface Dice at {_tolerance(assessment)}"]
    return markdown_table([*heads, "Slices", "Missed", "Invented"], rows)


def _surface_cells(means: SurfaceMeans) -> list[str]:
    return [
        with_interval(means.hausdorff_95, 2),
        with_interval(means.mean_distance, 2),
        with_interval(means.surface_dice, 3),
    ]


def _tolerance(assessment: Assessment) -> str:
    return f"{assessment.units.surface_tolerance:g} {_UNIT_NAMES[assessment.units.length]}"


def _area_table(assessment: Assessment) -> str:
    unit = _UNIT_NAMES.get(assessment.units.area, assessment.units.area)
    rows: list[list[str | int]] = []
    for anatomy in ANATOMIES:
        areas = assessment.areas[anatomy.key]
        low, high = areas.limits or (None, None)
        limits = NONE if low is None else f"{fixed(low, 1)} to {fixed(high, 1)}"
        rows.append(
            [
                anatomy.name,
                areas.num_pairs,
                fixed(areas.mean_reference, 1),
                with_interval(areas.bias, 1),
                limits,
                with_interval(areas.icc, 3),
                with_interval(areas.correlation, 3),
                with_interval(areas.mean_absolute_error, 1),
                with_interval(areas.mean_absolute_error_percent, 1),
            ]
        )
    heads = ["Class", "Slices", f"Mean reference [{unit}]", f"Bias [{unit}]", f"Limits of agreement [{unit}]"]
    return markdown_table([*heads, "ICC(2,1)", "r", f"MAE [{unit}]", "MAE [%]"], rows)


def _small_sacs(assessment: Assessment) -> list[str]:
    sacs = assessment.small_sacs
    if sacs is None:
        return ["Fewer than five slices have a dural sac."]
    unit = _UNIT_NAMES.get(assessment.units.area, assessment.units.area)
    heads = ["Dural sacs", "Slices", f"Areas [{unit}]", "DSC", "Lost", f"Bias [{unit}]", "MAE [%]"]
    rows = [["Smallest fifth", *_sac_cells(sacs.small)], ["The others", *_sac_cells(sacs.rest)]]
    return [
        markdown_table(heads, rows),
        f"Smallest: the {100 * SMALL_SHARE:.0f} % of the slices with a sac that have the least area in the reference. "
        f"Mean DSC minus that of the others: {with_interval(sacs.dice_difference, 4)}. Lost: nothing outlined, or "
        f"a DSC below {LOST_DICE:g}. Bias and MAE of the areas leave out slices without an outline.",
    ]


def _sac_cells(group: SacGroup) -> list[str | int]:
    return [
        group.dice.num_slices,
        f"{group.smallest_area:.0f} to {group.largest_area:.0f}",
        with_interval(group.dice, 4),
        group.num_lost,
        with_interval(group.bias, 1),
        with_interval(group.mean_absolute_error_percent, 1),
    ]


def _calibration_table(assessment: Assessment) -> str:
    rows: list[list[str | int]] = []
    for key, calibration in assessment.calibration.items():
        name = "Likeliest class" if key == TOP_LABEL else BY_KEY[key].name
        coverage = assessment.coverage.get(key)
        held = ["", ""] if coverage is None else [
            bracketed(coverage.share, coverage.low, coverage.high, 2),
            with_interval(coverage.mean_width_percent, 1),
        ]  # fmt: skip
        error, overlooked = calibration.expected_calibration_error, calibration.overlooked_share
        rows.append([name, fixed(error, 4), fixed(overlooked, 4), *held])
    return markdown_table(["Class", "ECE", "Overlooked", "Held", "Mean width of the interval [%]"], rows)


def describe(failure: Failure) -> str:
    """Say in a few words what went wrong with the worst class of a slice."""
    name, pixels = BY_KEY[failure.key].name, failure.overlap.summed_pixels[failure.key]
    if failure.kind != "differs":  # only one side has pixels
        return f"{name} {failure.kind} ({pixels} pixels)"
    return f"{name} {failure.kind}: Dice {failure.dice:.3f}, where the class has {failure.usual_dice:.3f} on average"


def _failure(path: str, failure: Failure) -> str:
    name = f"Slice {escaped(failure.overlap.name)}"
    return f"{name}: {describe(failure)}.\n\n![{name}]({quote(path)})"
