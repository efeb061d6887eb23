"""A comparison as a table (a row per level and measure) and as a tree (JSON)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from LumbarSegLib.measurement.comparison import Comparison, LevelComparison, MeasureChange
from LumbarSegLib.measurement.comparison_records import Examination, ExaminedLevel
from LumbarSegLib.report.figures import UNITS, rounded_figure
from LumbarSegLib.report.provenance import RESEARCH_USE_NOTICE
from LumbarSegLib.report.tables import Cell

#: Raised when a reader of the JSON file would have to change.
SCHEMA_VERSION = 1

#: What the columns' error is and is not.
ERROR_NOTE = (
    "Measurement error: the standard error of measurement (SEM) is the standard deviation of ln(network / reference) "
    "over slices that the network had not seen; the smallest change that it does not explain (SDC95) is "
    "1.96 * sqrt(2) * SEM on that scale, for two independent measurements (Bland and Altman 1999, "
    "doi 10.1177/096228029900800204; Weir 2005, doi 10.1519/15184.1). It holds the error of the outlines, the "
    "reference's included, and not another position, tilt or thickness of the slice, nor another posture or "
    "biological variation. The error of the dural sac's area also stands beside its corrected and its smallest area: "
    "the tilt and the choice of the slice are taken as certain."
)

#: What nothing in the files tells.
ORDER_NOTE = (
    "A counts as the earlier and B as the later examination of one patient: the files hold neither dates nor names, "
    "and nothing checks this."
)


def comparison_rows(comparison: Comparison) -> list[dict[str, Cell]]:
    """Return one row per level and measure, then one per level without a partner.

    Parameters
    ----------
    comparison : Comparison
        From `compare_examinations`.

    Returns
    -------
    list of dict
        Column name to cell. Values and changes are in the unit of the column ``unit``. None where there is no value,
        with the reason in the column ``absent``.
    """
    rows = [_row(level, change) for level in comparison.levels for change in level.changes]
    alone = [("A", each) for each in comparison.matching.only_first]
    alone += [("B", each) for each in comparison.matching.only_second]
    columns = dict.fromkeys(rows[0])
    return rows + [
        columns
        | {"level": each.name.text, f"level_{letter.lower()}": each.number, "absent": f"level: only in {letter}"}
        for letter, each in alone
    ]


def _row(level: LevelComparison, change: MeasureChange) -> dict[str, Cell]:
    match, unit = level.match, change.first.unit
    return {
        "level": match.name,
        "level_a": match.first.number,
        "level_b": match.second.number,
        "matched_by": match.matched_by,
        "match_confidence": match.confidence,
        "measure": change.first.key,
        "side": change.side or None,
        "unit": unit,
        "value_a": rounded_figure(change.first.value, unit),
        "value_b": rounded_figure(change.second.value, unit),
        **change_cells(change),
        "absent": "; ".join(_absent(change)),
        "notes": "; ".join((*level.notes, *caveats(change))),
    }


def change_cells(change: MeasureChange) -> dict[str, Cell]:
    """Return the change and what is known of its error, rounded as in the tables of a study."""
    unit, error = change.first.unit, change.error
    low, high = change.unchanged_range or (None, None)
    return {
        "change": rounded_figure(change.change, unit),
        "change_percent": rounded_figure(change.change_percent, "percent"),
        "sem_log": None if error is None else round(error.log_sd, 4),
        "unchanged_low": rounded_figure(low, unit),
        "unchanged_high": rounded_figure(high, unit),
        "exceeds_error": {None: None, True: "yes", False: "no"}[change.exceeds_error],
        "statement": statement(change),
    }


def statement(change: MeasureChange) -> str:
    """Say in a sentence whether the change exceeds the error of measuring it."""
    if change.change is None:
        return "no change is given"
    if change.exceeds_error is None:
        return "the measurement error is not known"
    if change.exceeds_error:
        return "the change exceeds the measurement error (95 %)"
    return "the change is within the measurement error (95 %)"


def caveats(change: MeasureChange) -> tuple[str, ...]:
    """Return what a reader of either value has to know, each once."""
    return tuple(dict.fromkeys(each.caveat for each in (change.first, change.second) if each.caveat))


def _absent(change: MeasureChange) -> list[str]:
    reasons = []
    if change.change is None:
        reasons.append(f"change: {change.no_change_reason}")
    elif change.change_percent is None:
        reasons.append("change_percent: a share of the first value would mean nothing")
    if change.error is None:
        reasons.append(f"measurement error: {change.no_error_reason}")
    return reasons


def comparison_tree(comparison: Comparison, names: tuple[str, str]) -> dict[str, Any]:
    """Return the comparison for a JSON file.

    Parameters
    ----------
    comparison : Comparison
        From `compare_examinations`.
    names : tuple of str
        What the user called the folders of A and B.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "notice": RESEARCH_USE_NOTICE,
        "units": UNITS,
        "order": ORDER_NOTE,
        "measurement_error": ERROR_NOTE,
        "examinations": {
            letter: _examination_tree(each, name)
            for letter, each, name in zip("AB", (comparison.first, comparison.second), names, strict=True)
        },
        "warnings": list(comparison.warnings),
        "levels": [_level_tree(level) for level in comparison.levels],
        "without_partner": {
            "A": [_place(each) for each in comparison.matching.only_first],
            "B": [_place(each) for each in comparison.matching.only_second],
        },
    }


def _examination_tree(examination: Examination, name: str) -> dict[str, Any]:
    return {
        "folder": name,
        "series": [{"series_uid": uid, "series_description": text} for uid, text in examination.series],
        "source": examination.source,
        "weights_name": examination.weights_name or None,
        "weights_sha256": examination.weights_sha256 or None,
        "software_version": examination.software_version,
    }


def _level_tree(level: LevelComparison) -> dict[str, Any]:
    match = level.match
    return {
        "level": match.name,
        "matched_by": match.matched_by,
        "match_confidence": match.confidence,
        "A": _place(match.first),
        "B": _place(match.second),
        "notes": list(level.notes),
        "measures": {change.first.key: _change_tree(change) for change in level.changes},
    }


def _place(level: ExaminedLevel) -> dict[str, Any]:
    return {"level": level.number, "block": level.block, "slice": level.slice_number, "name": asdict(level.name)}


def _change_tree(change: MeasureChange) -> dict[str, Any]:
    unit = change.first.unit
    return {
        "side": change.side or None,
        "unit": unit,
        "A": rounded_figure(change.first.value, unit),
        "B": rounded_figure(change.second.value, unit),
        **change_cells(change),
        "error": None if change.error is None else asdict(change.error),
        "absent": _absent(change),
        "caveats": list(caveats(change)),
    }
