"""`lumbarseg demo`: the main path on a synthetic study whose areas are known."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from LumbarSegLib.anatomy import ANATOMIES
from LumbarSegLib.commands.progress import say, slice_progress
from LumbarSegLib.errors import InputError
from LumbarSegLib.inference.checkpoint import load_checkpoint
from LumbarSegLib.inference.devices import choose_device
from LumbarSegLib.inference.segmentation import segment_study
from LumbarSegLib.measurement import SliceMeasurement
from LumbarSegLib.phantom.study import PhantomStudy, write_phantom_study
from LumbarSegLib.report.output_folder import output_folder
from LumbarSegLib.report.study_result import StudyResult, measure_study
from LumbarSegLib.report.timing import Stopwatch
from LumbarSegLib.study_reading import open_study

#: Folders inside the demo's output.
STUDY_FOLDER = "study"
RESULT_FOLDER = "result"
COMPARISON_FILE = "comparison.csv"


@dataclass(frozen=True)
class Comparison:
    """One measured area beside the true one, mm2.

    Parameters
    ----------
    block, slice_number : int
        From 1.
    structure : str
        Key of the area, such as "psoas_left".
    true_mm2 : float
        Area of the outline that the phantom was drawn with.
    measured_mm2 : float or None
        None where the network found nothing.
    """

    block: int
    slice_number: int
    structure: str
    true_mm2: float
    measured_mm2: float | None


def run_demo(options: argparse.Namespace, stopwatch: Stopwatch) -> None:
    """Write a phantom study, run the main path on it and print measured beside true areas.

    Raises
    ------
    InputError
        If the output folder, the weights or the device cannot be used.
    """
    if options.seed < 0:
        raise InputError(f"--seed must be >= 0, got {options.seed}.", "Give a whole number from 0.")
    with output_folder(options.output, overwrite=options.overwrite) as folder:
        phantom = write_phantom_study(folder / STUDY_FOLDER, seed=options.seed)
        with stopwatch.part("read"):
            study = open_study(folder / STUDY_FOLDER)
        with stopwatch.part("network"):
            checkpoint = load_checkpoint(options.weights)
            device = choose_device(options.device)
            num_slices = sum(len(block.image) for block in study.blocks)
            with slice_progress(num_slices, quiet=options.quiet) as progress:
                segmentation = segment_study(study, checkpoint, device, progress=progress)
        with stopwatch.part("write"):
            measurements = measure_study(segmentation)
        # The record must name the folder's place after it got its final name.
        segmentation = replace(segmentation, study=replace(study, source=Path(STUDY_FOLDER)))
        (folder / RESULT_FOLDER).mkdir()
        result = StudyResult(segmentation, measurements, {"seed": options.seed}, stopwatch.started_at)
        result.write(folder / RESULT_FOLDER, stopwatch)
        comparisons = compare(phantom, measurements)
        _write_comparison(folder / COMPARISON_FILE, comparisons)
    _print_comparison(comparisons)
    say(f"Wrote {options.output}: a synthetic DICOM study, its result and {COMPARISON_FILE}", quiet=options.quiet)


def compare(phantom: PhantomStudy, measurements: Sequence[Sequence[SliceMeasurement]]) -> list[Comparison]:
    """Set every measured area beside the true one.

    Parameters
    ----------
    phantom : PhantomStudy
        The truth.
    measurements : sequence of sequences of SliceMeasurement
        By block and slice, in the reader's order.

    Returns
    -------
    list of Comparison

    Raises
    ------
    RuntimeError
        If the reader found other blocks or slices than were written.
    """
    written = [len(block.slices) for block in phantom.blocks]
    found = [len(block) for block in measurements]
    if written != found:
        raise RuntimeError(f"The study has blocks of {written} slices, but {found} were read.")
    comparisons = []
    for b, (true_block, block) in enumerate(zip(phantom.blocks, measurements, strict=True), start=1):
        for s, (truth, measured) in enumerate(zip(true_block.slices, block, strict=True), start=1):
            for key, area in truth.areas_mm2.items():
                comparisons.append(Comparison(b, s, key, area, measured[f"{key}_area"].value))
    return comparisons


def _write_comparison(path: Path, comparisons: Sequence[Comparison]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["block", "slice", "structure", "true_mm2", "measured_mm2"])
        for each in comparisons:
            measured = "" if each.measured_mm2 is None else f"{each.measured_mm2:.2f}"
            writer.writerow([each.block, each.slice_number, each.structure, f"{each.true_mm2:.2f}", measured])


def _print_comparison(comparisons: Sequence[Comparison]) -> None:
    say(f"{'block':>5} {'slice':>5}  {'structure':<22}{'true mm2':>10}{'measured':>10}{'error':>8}")
    for each in comparisons:
        if each.measured_mm2 is None:
            figures = f"{each.true_mm2:10.1f}{'absent':>10}{'':>8}"
        else:
            error = 100.0 * (each.measured_mm2 - each.true_mm2) / each.true_mm2
            figures = f"{each.true_mm2:10.1f}{each.measured_mm2:10.1f}{error:+7.1f}%"
        say(f"{each.block:5d} {each.slice_number:5d}  {each.structure:<22}{figures}")
    say("")
    num_slices = len({(each.block, each.slice_number) for each in comparisons})
    say(f"{'structure':<22}{'mean |error|':>14}{'worst':>9}   over {num_slices} slices")
    for key in _structures():
        errors = [
            100.0 * abs((each.measured_mm2 or 0.0) - each.true_mm2) / each.true_mm2
            for each in comparisons
            if each.structure == key
        ]
        if errors:
            say(f"{key:<22}{sum(errors) / len(errors):13.1f}%{max(errors):8.1f}%")


def _structures() -> list[str]:
    keys = []
    for anatomy in ANATOMIES:
        keys += [f"{anatomy.key}_left", f"{anatomy.key}_right"] if anatomy.is_paired else [anatomy.key]
    return keys
