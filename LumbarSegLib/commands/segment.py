"""`lumbarseg segment`: a study folder to label maps, tables and a picture."""

from __future__ import annotations

import argparse

from LumbarSegLib.commands.progress import say, slice_progress
from LumbarSegLib.inference.checkpoint import load_checkpoint
from LumbarSegLib.inference.devices import choose_device
from LumbarSegLib.inference.segmentation import segment_study
from LumbarSegLib.report.output_folder import output_folder
from LumbarSegLib.report.study_result import StudyResult, measure_study
from LumbarSegLib.report.timing import Stopwatch
from LumbarSegLib.study_reading import open_study


def run_segment(options: argparse.Namespace, stopwatch: Stopwatch) -> None:
    """Read, segment, measure and write one study as the options say.

    Raises
    ------
    InputError
        If the study, the weights, the device or the output folder cannot be used.
    """
    with output_folder(options.output, overwrite=options.overwrite) as folder:
        with stopwatch.part("read"):
            study = open_study(options.study, series=options.series, spacing_mm=options.spacing_mm)
        num_slices = sum(len(block.image) for block in study.blocks)
        with stopwatch.part("network"):
            checkpoint = load_checkpoint(options.weights)
            device = choose_device(options.device)
            with slice_progress(num_slices, quiet=options.quiet) as progress:
                segmentation = segment_study(
                    study,
                    checkpoint,
                    device,
                    precision=options.precision,
                    flip_average=options.flip_average,
                    progress=progress,
                )
        settings = {
            "series": options.series,
            "spacing_mm": options.spacing_mm,
            "flip_average": options.flip_average,
            "device": options.device,
            "precision": options.precision,
        }
        with stopwatch.part("write"):
            measurements = measure_study(segmentation)
        StudyResult(segmentation, measurements, settings, stopwatch.started_at).write(folder, stopwatch)
    say(f"Wrote {options.output}: {num_slices} slices in {len(study.blocks)} block(s)", quiet=options.quiet)
