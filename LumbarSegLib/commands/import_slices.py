"""`lumbarseg import-slices`: an image and its outlines become labeled slices."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from LumbarSegLib.commands.progress import say
from LumbarSegLib.commands.segment_meanings import parse_segments
from LumbarSegLib.errors import InputError
from LumbarSegLib.io.labeled_slice_files import add_slices
from LumbarSegLib.io.labeled_slices import LabeledSlice
from LumbarSegLib.io.segmentations import read_segmentation
from LumbarSegLib.io.volume_files import VOLUME_SUFFIXES
from LumbarSegLib.study_reading import open_study
from LumbarSegLib.study_reading.outlined_slices import cut_slices, interpret, label_block


def run_import_slices(options: argparse.Namespace) -> None:
    """Add the outlined slices of one image to a folder.

    Raises
    ------
    InputError
        If image and outlines cannot be read or do not belong together, a
        segment is unknown, or the folder holds slices of that name.
    """
    name = options.name if options.name is not None else _stem(options.image)
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise InputError(f"{name!r} is no name for slices.", "Give --name of letters, digits, '.', '_' and '-'.")
    for path in (options.image, options.outlines):
        if not path.exists():
            raise InputError(f"{path} does not exist.", "Check the spelling.")
    segmentation = read_segmentation(options.outlines)
    values = interpret(segmentation.segments, parse_segments(options.segment))
    study = open_study(options.image, series=options.series)
    slices: list[LabeledSlice] = []
    num_slices, aligned = 0, False
    for block in study.blocks:
        label_map = label_block(block, segmentation, values)
        if label_map is not None:
            aligned = True
            slices += cut_slices(block, label_map, name, num_slices)
        num_slices += len(block.image)
    if not aligned:
        raise InputError(
            f"{options.outlines} is not on the grid of {options.image}.",
            "Export the outlines with the image as reference geometry.",
        )
    if not slices:
        raise InputError(f"{options.outlines} outlines nothing in {options.image}.", "Pass outlines of this image.")
    add_slices(options.data, slices)
    without = num_slices - len(slices)
    left_out = f"; {without} have no outlines and are left out" if without else ""
    say(f"Wrote {len(slices)} slices to {options.data}{left_out}", quiet=options.quiet)


def _stem(path: Path) -> str:
    name = path.resolve().name
    suffixes = [suffix for suffix in VOLUME_SUFFIXES if name.lower().endswith(suffix)]
    return name[: -len(max(suffixes, key=len))] if suffixes else name
