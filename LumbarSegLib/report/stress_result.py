"""Stress curves as files: a table for programs, a page and a picture for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from LumbarSegLib.anatomy import ANATOMIES, BY_KEY
from LumbarSegLib.evaluation.bootstrap import NUM_RESAMPLES
from LumbarSegLib.evaluation.stress import TOLERATED_FALL, StressCurve, StressLevel
from LumbarSegLib.evaluation.subgroups import LOST_DICE
from LumbarSegLib.evaluation.units import Units
from LumbarSegLib.report.markdown import NONE, escaped, fixed, markdown_table, with_interval
from LumbarSegLib.report.provenance import RESEARCH_USE_NOTICE
from LumbarSegLib.report.stress_plot import write_stress_plot
from LumbarSegLib.report.tables import Cell, write_csv
from LumbarSegLib.report.text_files import open_text

#: Row of the table for the mean of the classes.
MEAN_KEY = "mean"

_DECIMALS = 4


def write_stress(
    directory: Path,
    curves: Sequence[StressCurve],
    units: Units,
    context: Mapping[str, Any],
    notes: Sequence[str] = (),
) -> None:
    """Write `stress.csv`, `stress.png` and `stress.md`, as described in docs/evaluation.md.

    Parameters
    ----------
    directory : Path
        Exists; the caller decides about overwriting.
    curves : sequence of StressCurve
        At least one.
    units : Units
        Of the sacs' areas.
    context : mapping
        Weights, fold, data and settings.
    notes : sequence of str
        What a reader of the page has to know first.

    Raises
    ------
    InputError
        If matplotlib is not installed.
    """
    rows = [row for curve in curves for level in curve.levels for row in _rows(curve, level, units)]
    write_csv(directory / "stress.csv", rows)
    write_stress_plot(directory / "stress.png", curves)
    with open_text(directory / "stress.md") as file:
        file.write(_page(curves, units, context, notes))


def _rows(curve: StressCurve, level: StressLevel, units: Units) -> list[dict[str, Cell]]:
    area = level.median_sac_area
    figures = {MEAN_KEY: level.mean_dice, **level.dice}
    return [
        {
            "kind": curve.disturbance.key,
            "level": level.level,
            "class": key,
            "dice": _rounded(mean.value),
            "dice_low": _rounded(mean.low),
            "dice_high": _rounded(mean.high),
            "slices": mean.num_slices,
            "sacs": level.num_sacs,
            "sacs_lost": level.num_lost_sacs,
            f"median_sac_area_{units.area}": None if area is None else round(area, 1),
        }
        for key, mean in figures.items()
    ]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DECIMALS)


def _page(curves: Sequence[StressCurve], units: Units, context: Mapping[str, Any], notes: Sequence[str]) -> str:
    start = curves[0].levels[0]
    parts = [
        f"# Stress curves of {context['weights']}",
        f"{start.mean_dice.num_slices} slices of `{escaped(context['data'])}`, fold {context['fold']}, pixel size "
        f"{context['nominal_spacing_mm']:g} mm where index.csv has none ({context['spacing_source']}). "
        f"Weights `{context['weights_sha256']}`. {RESEARCH_USE_NOTICE}.",
        *(f"**Note:** {note}" for note in notes),
        f"Undisturbed: mean DSC of the classes {with_interval(start.mean_dice, 4)}, dural sac "
        f"{with_interval(start.dice['dural_sac'], 4)}. Brackets: 95 % intervals, by the bootstrap over slices "
        f"({NUM_RESAMPLES} resamples, BCa).",
        "## Where it breaks",
        _breaking_table(curves),
        f"Breaks at: the first level whose mean DSC lies more than {TOLERATED_FALL:g} below the undisturbed one's, "
        "and the same for the dural sac alone; in brackets the last level that was tried. "
        "Falls most: from no disturbance to the last level.",
        "![Stress curves](stress.png)",
        "## All levels",
        _level_table(curves, units),
        f"Lost: nothing outlined where there is a sac, or a DSC below {LOST_DICE:g}. Areas: the disturbed reference's.",
    ]
    return "\n\n".join(parts) + "\n"


def _breaking_table(curves: Sequence[StressCurve]) -> str:
    rows: list[list[str | int]] = []
    for curve in curves:
        last = curve.levels[-1]
        worst = curve.worst_class
        fall = NONE
        if worst is not None:
            fall = f"{BY_KEY[worst].name}, to {fixed(last.dice[worst].value, 3)}"
        most_lost = max(each.num_lost_sacs for each in curve.levels)
        breaking = [
            f"{'does not' if level is None else f'{level:g}'} ({last.level:g})"
            for level in (curve.breaking_level, curve.sac_breaking_level)
        ]
        rows.append([curve.disturbance.title, *breaking, fixed(last.mean_dice.value, 3), fall, most_lost])
    heads = ["Disturbance", "Breaks at", "Sac breaks at", "Mean DSC at the last level", "Falls most", "Sacs lost"]
    return markdown_table(heads, rows)


def _level_table(curves: Sequence[StressCurve], units: Units) -> str:
    unit = units.area.replace("mm2", "mm²").replace("px", "pixels")
    rows: list[list[str | int]] = [
        [
            curve.disturbance.title,
            f"{each.level:g}",
            with_interval(each.mean_dice, 3),
            *(fixed(each.dice[anatomy.key].value, 3) for anatomy in ANATOMIES),
            f"{each.num_lost_sacs} of {each.num_sacs}",
            fixed(each.median_sac_area, 0),
        ]
        for curve in curves
        for each in curve.levels
    ]
    heads = ["Disturbance", "Level", "Mean DSC", *(anatomy.name for anatomy in ANATOMIES)]
    return markdown_table([*heads, "Sacs lost", f"Median sac [{unit}]"], rows)
