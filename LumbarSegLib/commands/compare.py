"""`lumbarseg compare`: two examinations of one patient, each change beside the error of measuring it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from LumbarSegLib.commands.progress import say
from LumbarSegLib.errors import InputError
from LumbarSegLib.inference.area_errors import read_area_errors
from LumbarSegLib.measurement.area_errors import AreaError
from LumbarSegLib.measurement.comparison import Comparison, compare_examinations
from LumbarSegLib.measurement.comparison_records import Examination
from LumbarSegLib.report.comparison_input import read_examination
from LumbarSegLib.report.comparison_page import comparison_page
from LumbarSegLib.report.comparison_tables import comparison_rows, comparison_tree
from LumbarSegLib.report.output_folder import output_folder
from LumbarSegLib.report.tables import write_csv
from LumbarSegLib.report.text_files import open_text, write_json_file


def run_compare(options: argparse.Namespace) -> None:
    """Read both results, compare them and write tables and a page.

    Raises
    ------
    InputError
        If a result, the weights or the output folder cannot be used, both are
        the same examination, or their levels cannot be matched.
    """
    _check_places(options.first, options.second, options.output)
    first, second = read_examination(options.first), read_examination(options.second)
    _check_two_examinations(first, second)
    comparison = compare_examinations(first, second, _errors(first, options.weights))
    names = str(options.first), str(options.second)
    with output_folder(options.output, overwrite=options.overwrite) as folder:
        write_csv(folder / "comparison.csv", comparison_rows(comparison))
        write_json_file(folder / "comparison.json", comparison_tree(comparison, names))
        with open_text(folder / "comparison.html") as file:
            file.write(comparison_page(comparison, names))
    for line in _summary(comparison):
        say(line, quiet=options.quiet)
    say(f"Wrote {options.output}: {len(comparison.levels)} level(s) in both examinations", quiet=options.quiet)


def _check_places(first: Path, second: Path, output: Path) -> None:
    if _same_place(first, second):
        raise InputError("A and B are the same folder.", "Name the results of two examinations.")
    for path in (first, second):
        if _same_place(path, output):
            raise InputError(f"The output folder {output} is a result that is read.", "Name another with --output.")


def _same_place(first: Path, second: Path) -> bool:
    return first.exists() and second.exists() and first.samefile(second)


def _check_two_examinations(first: Examination, second: Examination) -> None:
    shared = sorted(first.series_uids & second.series_uids)
    if shared:
        raise InputError(
            f"A and B hold the same series ({shared[0]}): they are one examination.",
            "Name the results of two; 'lumbarseg measure' compares edited outlines with the network's.",
        )


def _errors(examination: Examination, weights: Path | None) -> Mapping[str, AreaError] | str:
    """Return the errors of the network that outlined an examination, or why they are not known."""
    known = read_area_errors(weights)
    if known.sha256 != examination.weights_sha256:
        if weights is not None:
            raise InputError(
                f"{weights} did not outline A ({examination.weights_name}).",
                "Name the weights that did, or leave it out.",
            )
        return "the outlines are not of the weights of this package: name theirs with --weights"
    return known.errors or "the weights carry no errors of areas (lumbarseg calibrate)"


def _summary(comparison: Comparison) -> list[str]:
    lines = [f"Warning: {each}" for each in comparison.warnings]
    for level in comparison.levels:
        judged = [each.exceeds_error for each in level.changes if each.exceeds_error is not None]
        finding = f"{sum(judged)} of {len(judged)} areas changed by more than the measurement error"
        lines.append(f"{level.match.heading}: {finding if judged else 'the measurement error is not known'}")
    return lines
