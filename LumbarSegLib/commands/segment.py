"""`lumbarseg segment`: a study folder to label maps, tables and a picture."""

from __future__ import annotations

import argparse

from LumbarSegLib.commands.lowest_level import find_lowest_level, named_lowest_level
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
    named_lowest_level(options.lowest_level)  # a name that does not exist is refused before the work
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
            "fat_method": options.fat_method,
            "bands": options.bands,
            "lowest_level": options.lowest_level,
        }
        with stopwatch.part("write"):
            measurements = measure_study(segmentation, options.fat_method, options.bands)
        with stopwatch.part("levels"):
            lowest_level = find_lowest_level(options.lowest_level, study, measurements)
        result = StudyResult(segmentation, measurements, settings, stopwatch.started_at, lowest_level)
        result.write(folder, stopwatch)
    say(f"Wrote {options.output}: {num_slices} slices in {len(study.blocks)} block(s)", quiet=options.quiet)
