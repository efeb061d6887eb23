"""The folder that an evaluation leaves: tables, plots, pictures of the worst slices, one page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from LumbarSegLib.evaluation.assessment import SliceAssessment, summarize_assessments
from LumbarSegLib.evaluation.failures import rank_failures
from LumbarSegLib.evaluation.units import Units
from LumbarSegLib.io.labeled_slices import LabeledSlice
from LumbarSegLib.report.evaluation_plots import write_agreement_plot, write_reliability_plot
from LumbarSegLib.report.evaluation_tables import evaluation_tree, write_tables
from LumbarSegLib.report.evaluation_text import evaluation_page
from LumbarSegLib.report.failure_pictures import write_failure_picture
from LumbarSegLib.report.text_files import open_text, write_json_file

#: Slices that are listed and pictured.
NUM_FAILURES = 12


def write_evaluation(
    directory: Path,
    slices: Sequence[LabeledSlice],
    assessed: Sequence[SliceAssessment],
    units: Units,
    context: Mapping[str, Any],
    notes: Sequence[str] = (),
    sections: Sequence[str] = (),
) -> None:
    """Write everything about an evaluation, as described in docs/evaluation.md.

    Parameters
    ----------
    directory : Path
        Exists; the caller decides about overwriting.
    slices : sequence of LabeledSlice
        At least one.
    assessed : sequence of SliceAssessment
        Of these slices, from `assess_slices`.
    units : Units
        The same as there.
    context : mapping
        Weights, fold, data and settings, stored beside the figures.
    notes : sequence of str
        What a reader of the page has to know first.
    sections : sequence of str
        Markdown that follows the overlap on the page.

    Raises
    ------
    InputError
        If matplotlib is not installed.
    ValueError
        If there are no slices, or the two sequences differ in length.
    """
    if not slices or len(slices) != len(assessed):
        raise ValueError(
            f"slices and assessed must have the same length, at least 1, got {len(slices)} and {len(assessed)}."
        )
    assessment = summarize_assessments(assessed, units)
    failures = rank_failures([each.overlap for each in assessed])[:NUM_FAILURES]
    pictured = {
        f"failures/{rank:02d}_{failure.overlap.name}.png": failure for rank, failure in enumerate(failures, start=1)
    }
    (directory / "failures").mkdir()
    for path, failure in pictured.items():
        write_failure_picture(directory / path, failure, slices[failure.index], assessed[failure.index].prediction)
    write_tables(directory, assessed, assessment)
    write_agreement_plot(directory / "agreement.png", assessed, assessment)
    write_reliability_plot(directory / "reliability.png", assessment)
    summary = evaluation_tree(assessed, assessment, failures, context)
    write_json_file(directory / "evaluation.json", summary)
    with open_text(directory / "evaluation.md") as file:
        file.write(evaluation_page(assessment, pictured, summary, notes, sections))
