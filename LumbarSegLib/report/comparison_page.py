"""A comparison for people: one HTML page with a table per level."""

from __future__ import annotations

from collections.abc import Iterator

from LumbarSegLib.measurement.area_errors import AreaError
from LumbarSegLib.measurement.comparison import Comparison, LevelComparison, MeasureChange
from LumbarSegLib.measurement.comparison_records import Examination, ExaminedLevel
from LumbarSegLib.report.comparison_tables import ERROR_NOTE, ORDER_NOTE, caveats, statement
from LumbarSegLib.report.html_page import html_page, html_table, paragraph, text
from LumbarSegLib.report.provenance import RESEARCH_USE_NOTICE

_NONE = "-"
_HEADINGS = ("Measure", "Unit", "#A", "#B", "#Change", "#Change, %", "#B if unchanged (95 %)", "")


def comparison_page(comparison: Comparison, names: tuple[str, str]) -> str:
    """Return the page as HTML.

    Parameters
    ----------
    comparison : Comparison
        From `compare_examinations`.
    names : tuple of str
        What the user called the folders of A and B.
    """
    return html_page(f"Comparison of {names[0]} and {names[1]}", _parts(comparison, names))


def _parts(comparison: Comparison, names: tuple[str, str]) -> Iterator[str]:
    yield paragraph(f"{RESEARCH_USE_NOTICE}. {ORDER_NOTE}")
    for letter, examination, name in zip("AB", (comparison.first, comparison.second), names, strict=True):
        yield paragraph(f"{letter}: {name}. {_describe(examination)}.")
    for warning in comparison.warnings:
        yield paragraph(warning, "warning")
    for level in comparison.levels:
        yield from _level(level)
    alone = [("A", each) for each in comparison.matching.only_first]
    alone += [("B", each) for each in comparison.matching.only_second]
    if alone:
        yield "<h2>Levels in one examination only</h2>"
        yield html_table(("", "Level"), [(letter, _place(each)) for letter, each in alone])
    yield "<h2>What the columns mean</h2>"
    yield paragraph(
        "Change: B minus A; no percentage where a share of A would mean nothing. B if unchanged: where the "
        "measurement error alone leaves B in 95 % of cases. A change within it cannot be told from no change; of a "
        "hundred unchanged areas about five lie beyond it all the same, and a change beyond it need not matter."
    )
    yield paragraph(ERROR_NOTE)
    yield from _held_out(comparison)


def _describe(examination: Examination) -> str:
    series = ", ".join(dict.fromkeys(each for _, each in examination.series if each)) or "not named"
    weights = examination.weights_name or "none"
    checksum = f" ({examination.weights_sha256[:12]})" if examination.weights_sha256 else ""
    return f"Series: {series}. Outlines: {examination.source}. Weights: {weights}{checksum}"


def _level(level: LevelComparison) -> Iterator[str]:
    match = level.match
    yield f"<h2>{text(match.heading)}</h2>"
    yield paragraph(
        f"Matched by {match.matched_by}, confidence {match.confidence}. A: {_place(match.first)}. "
        f"B: {_place(match.second)}."
    )
    shown = [each for each in level.changes if each.first.value is not None or each.second.value is not None]
    yield html_table(_HEADINGS, [_row(each) for each in shown])
    for note in dict.fromkeys((*level.notes, *(caveat for each in shown for caveat in caveats(each)))):
        yield paragraph(note, "small")


def _place(level: ExaminedLevel) -> str:
    return f"{level.name.text}, level {level.number} from the foot, block {level.block}, slice {level.slice_number}"


def _row(change: MeasureChange) -> tuple[str, ...]:
    unit = change.first.unit
    bounds = change.unchanged_range
    return (
        change.first.key.replace("_", " "),
        unit,
        *(_figure(each, unit) for each in (change.first.value, change.second.value)),
        _figure(change.change, unit, sign="+"),
        _NONE if change.change_percent is None else f"{change.change_percent:+.0f}",
        _NONE if bounds is None else " to ".join(_figure(each, unit) for each in bounds),
        change.no_change_reason or statement(change),
    )


def _figure(value: float | None, unit: str, sign: str = "") -> str:
    decimals = {"fraction": 3, "ratio": 3}.get(unit, 1)
    return _NONE if value is None else f"{value:{sign}.{decimals}f}"


def _held_out(comparison: Comparison) -> Iterator[str]:
    errors = {
        change.first.key: change.error
        for level in comparison.levels
        for change in level.changes
        if change.error is not None
    }
    if not errors:
        yield paragraph("The measurement error of no measure is known here; comparison.csv says why.")
        return
    yield html_table(
        ("Measure", "#Held-out areas", "#SEM of ln(area)", "#SDC95, %", "#Share of pairs of areas within"),
        [
            (
                key.replace("_", " "),
                str(each.num_areas),
                f"{each.log_sd:.3f}",
                _percents(each),
                f"{each.pairs_within:.3f}",
            )
            for key, each in errors.items()
        ],
    )
    yield paragraph(
        "Share of pairs: how many pairs of held-out areas have errors that differ by no more than the smallest "
        "detectable change. Normally distributed errors give 0.95; less means that a few outlines fail badly, and "
        "that a change of that measure exceeds the error more often than in 5 % of cases without cause."
    )


def _percents(error: AreaError) -> str:
    low, high = error.unchanged_range(100.0)
    return f"{low - 100:+.0f} or {high - 100:+.0f}"
