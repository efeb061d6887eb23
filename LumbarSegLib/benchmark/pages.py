"""A benchmark's table as Markdown and CSV."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from LumbarSegLib.anatomy import ANATOMIES
from LumbarSegLib.benchmark.plan import Plan, Row
from LumbarSegLib.benchmark.runs import BenchmarkData, RunResult
from LumbarSegLib.benchmark.statistics import MEAN_KEY, Figure, RowFigures, summarize_row
from LumbarSegLib.evaluation.bootstrap import NUM_RESAMPLES, Mean
from LumbarSegLib.report.markdown import NONE, fixed, markdown_table
from LumbarSegLib.report.output_files import output_files
from LumbarSegLib.report.provenance import RESEARCH_USE_NOTICE
from LumbarSegLib.report.tables import Cell, write_csv
from LumbarSegLib.report.text_files import open_text

_NOT_PUBLIC = "not public here"

_COLUMNS = {anatomy.key: anatomy.name for anatomy in ANATOMIES} | {MEAN_KEY: "Mean of the classes"}


def write_table(folder: Path, plan: Plan, results: Mapping[str, RunResult], data: BenchmarkData, device: str) -> None:
    """Write `table-N.md` and `table-N.csv` from the runs that have finished.

    Parameters
    ----------
    folder : Path
        Exists.
    plan : Plan
        Which table.
    results : mapping of str to RunResult
        By the key of the run; one that is absent is named as missing.
    data : BenchmarkData
        What was trained on and evaluated.
    device : str
        Where, for the times.
    """
    table = plan.table
    finished = {
        row: {run.seed: results[run.key] for run in plan.runs_of(row) if run.key in results} for row in table.rows
    }
    reference = table.rows[table.reference]
    rows = [summarize_row(row, finished[row], None if row is reference else finished[reference]) for row in table.rows]
    missing = [run.key for run in plan.runs if run.key not in results]
    markdown, csv = (folder / f"table-{table.number}{suffix}" for suffix in (".md", ".csv"))
    with output_files([markdown, csv], inputs=[], overwrite=True) as partial:
        with open_text(partial[markdown]) as file:
            file.write(_page(plan, rows, missing, data, device))
        write_csv(partial[csv], [_csv_row(plan, each, key) for each in rows for key in _COLUMNS])


def _csv_row(plan: Plan, row: RowFigures, key: str) -> dict[str, Cell]:
    figure = row.figures.get(key)
    over_slices = figure.over_slices if figure else None
    return {
        "row": row.row.title,
        "model": row.row.model_name,
        "alpha": _alpha(plan, row.row),
        "class": key,
        "seeds_finished": row.num_seeds,
        "seeds_missing": plan.num_seeds - row.num_seeds,
        **_cells("dice", over_slices),
        "dice_sd_over_seeds": _rounded(figure.deviation if figure else None),
        **_cells("difference", figure.difference if figure else None),
        "num_slices": over_slices.num_slices if over_slices else None,
        "dice_in_paper": row.row.published if key == MEAN_KEY and row.row.published else _NOT_PUBLIC,
        "parameters": row.parameters,
        "seconds_per_epoch": _rounded(row.seconds_per_epoch),
        "seconds_per_slice": _rounded(row.seconds_per_slice),
    }


def _cells(name: str, mean: Mean | None) -> dict[str, Cell]:
    value, low, high = (mean.value, mean.low, mean.high) if mean else (None, None, None)
    return {name: _rounded(value), f"{name}_low": _rounded(low), f"{name}_high": _rounded(high)}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)


def _alpha(plan: Plan, row: Row) -> float:
    return plan.recipe.alpha if row.alpha is None else row.alpha


def _page(plan: Plan, rows: Sequence[RowFigures], missing: Sequence[str], data: BenchmarkData, device: str) -> str:
    table, recipe = plan.table, plan.recipe
    reference = table.rows[table.reference].title
    parts = [
        f"# Table {table.number}: {table.title}",
        f"Recipe `{recipe.name}` ({recipe.epochs} epochs, working grid {recipe.preprocessing.pixel_size_mm:g} mm, "
        f"crops of {recipe.augmentation.crop_pixels} pixels), seeds per row: {plan.num_seeds}. Data `{data.name}`, "
        f"fold {data.fold}: {len(data.train)} slices to train on, {len(data.validation)} held back and evaluated. "
        f"Device {device}. {RESEARCH_USE_NOTICE}.",
        *([f"**Missing runs:** {', '.join(missing)}."] if missing else []),
        _overview(rows),
        "Dice: mean over the slices whose reference has the class (0 where it was missed), then over the classes and "
        "seeds; ± standard deviation of the seeds' means; in brackets the 95 % interval over slices, averaged over "
        f"seeds (bootstrap, BCa, {NUM_RESAMPLES} resamples). Difference: row minus {reference}, paired by slice and "
        "seed. Time per epoch with validation. Paper: Zhang et al. 2023, doi 10.1145/3587716.3587777, other data; "
        "only its abstract is public here.",
        "## Dice by class",
        _by_class(rows, _dice),
        f"## Difference to {reference} by class",
        _by_class(rows, _difference),
    ]
    if recipe.patience:
        parts.append("Early stopping chose the epoch on the slices that are evaluated here: the figures flatter.")
    return "\n\n".join(parts) + "\n"


def _overview(rows: Sequence[RowFigures]) -> str:
    heads = ["Row", "Seeds", "Mean Dice", "Difference", "Paper", "Parameters [M]", "s per epoch", "ms per slice"]
    lines = []
    for each in rows:
        figure = each.figures.get(MEAN_KEY)
        paper = _NOT_PUBLIC if each.row.published is None else f"{each.row.published:.4f}"
        millions = None if each.parameters is None else each.parameters / 1e6
        milliseconds = None if each.seconds_per_slice is None else 1000 * each.seconds_per_slice
        numbers = [fixed(millions, 1), fixed(each.seconds_per_epoch, 1), fixed(milliseconds, 1)]
        lines.append([each.row.title, str(each.num_seeds), _dice(figure), _difference(figure), paper, *numbers])
    return markdown_table(heads, lines)


def _by_class(rows: Sequence[RowFigures], cell: Callable[[Figure | None], str]) -> str:
    lines = [[name, *(cell(each.figures.get(key)) for each in rows)] for key, name in _COLUMNS.items()]
    return markdown_table(["Class", *(each.row.title for each in rows)], lines)


def _dice(figure: Figure | None) -> str:
    if figure is None:
        return NONE
    deviation = "" if figure.deviation is None else f" ± {figure.deviation:.4f}"
    return fixed(figure.over_slices.value, 4) + deviation + _interval(figure.over_slices)


def _difference(figure: Figure | None) -> str:
    if figure is None or figure.difference is None:
        return NONE
    value = figure.difference.value
    return NONE if value is None else f"{value:+.4f}" + _interval(figure.difference, "+")


def _interval(mean: Mean, sign: str = "") -> str:
    if mean.low is None or mean.high is None:
        return ""
    return f" [{mean.low:{sign}.4f}, {mean.high:{sign}.4f}]"
