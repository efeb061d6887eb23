"""`lumbarseg measure`: outlines of any source, corrected or not, to the tables that `segment` writes."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from LumbarSegLib.commands.lowest_level import find_lowest_level, named_lowest_level
from LumbarSegLib.commands.original_outlines import (
    OriginalOutlines,
    original_beside,
    original_by_network,
    original_from,
)
from LumbarSegLib.commands.progress import say
from LumbarSegLib.commands.segment_meanings import parse_segments
from LumbarSegLib.errors import InputError
from LumbarSegLib.io.study import Block, Study
from LumbarSegLib.report.audit import Audit, AuditedBlock, OutlineFile, image_sha256
from LumbarSegLib.report.output_folder import output_folder
from LumbarSegLib.report.provenance import Provenance, Source
from LumbarSegLib.report.result_folder import (
    RECORD_FILE,
    ModelOutlines,
    check_apart,
    outline_files,
    read_model_outlines,
    sha256_of,
)
from LumbarSegLib.report.run_record import run_record, write_run_record
from LumbarSegLib.report.study_result import MeasuredStudy, measure_outlines
from LumbarSegLib.report.timing import Stopwatch
from LumbarSegLib.study_reading import open_study
from LumbarSegLib.study_reading.block_outlines import BlockOutlines, read_block_outlines
from LumbarSegLib.study_reading.input_files import check_path

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Given:
    """What the user passed: the outlined blocks of a study, and the result folder that the outlines lie in, if any."""

    study: Study
    #: All blocks of the image, and which of them are in `study`.
    all_blocks: Sequence[Block]
    chosen: Sequence[int]
    outlines: Sequence[BlockOutlines]
    warnings: Sequence[str]
    folder: Path | None
    record: ModelOutlines | None

    @property
    def is_untouched(self) -> bool:
        """Whether all outlines are known to be those of a network."""
        return self.record is not None and all(self.record.is_untouched(each.path) for each in self.outlines)


def run_measure(options: argparse.Namespace, stopwatch: Stopwatch) -> None:
    """Measure given outlines, and set them beside the network's where these are known.

    Raises
    ------
    InputError
        If the image or the outlines cannot be used or do not belong together,
        or the output folder cannot be used.
    """
    named_lowest_level(options.lowest_level)  # a name that does not exist is refused before the work
    meanings = parse_segments(options.segment)
    outline_paths = [*options.segmentation, *([options.against] if options.against else [])]
    for path in outline_paths:
        check_path(path)
    check_apart(options.output, [*map(Path, options.image), *outline_paths])
    with output_folder(options.output, overwrite=options.overwrite) as folder:
        with stopwatch.part("read"):
            study = open_study(options.image, series=options.series, spacing_mm=options.spacing_mm)
            given = _read_given(options.segmentation, study, meanings)
        with stopwatch.part("original"):
            original = _find_original(options, given)
        with stopwatch.part("write"):
            measured = _measure(options, given, original)
            audit = None if original is None else _audit(options, stopwatch, given, measured, original, folder)
            outlines_record = measured.write(folder, None if audit is None else audit.tree())
            if audit is not None:
                audit.write(folder)
        record = run_record(
            given.study,
            measured.provenance,
            started_at=stopwatch.started_at,
            device=original.device if original else OriginalOutlines.device,
            device_reason=original.device_reason if original else OriginalOutlines.device_reason,
            settings=_settings(options),
            timings_s=stopwatch.seconds(),
            warnings=given.warnings,
        )
        write_run_record(folder / RECORD_FILE, record | outlines_record | _inputs(given))
    num_slices = sum(len(block.image) for block in given.study.blocks)
    changes = (
        "" if audit is None else f"; {audit.num_changed_pixels} pixels in {audit.num_changed_slices} slice(s) changed"
    )
    say(f"Wrote {options.output}: {num_slices} slices in {len(given.outlines)} block(s){changes}", quiet=options.quiet)


def _read_given(paths: Sequence[Path], study: Study, meanings: Mapping[str, str]) -> _Given:
    """Read the outlines, find their blocks, and leave out blocks without."""
    of_folders: list[Path] = []
    for path in paths:
        if path.is_dir():
            files = outline_files(path)
            if not files:
                raise InputError(
                    f"{path} holds no label maps of lumbarseg segment.", "Pass its output folder, or files."
                )
            of_folders += files
    files = [path for path in paths if not path.is_dir()]
    by_block = read_block_outlines(files, study.blocks, meanings, fallback=of_folders)
    outlines = [each for each in by_block if each is not None]
    if not any(each.label_map.any() for each in outlines):
        raise InputError(f"{paths[0]} outlines nothing in the image.", "Pass outlines of this image.")
    warnings = _warnings(study.blocks, by_block)
    for warning in warnings:
        logger.warning("%s", warning)
    chosen = [index for index, each in enumerate(by_block) if each is not None]
    kept = tuple(study.blocks[index] for index in chosen)
    records = {
        parent: record for each in outlines if (record := read_model_outlines(parent := each.path.parent)) is not None
    }
    folder, record = next(iter(records.items())) if len(records) == 1 else (None, None)
    return _Given(replace(study, blocks=kept), study.blocks, chosen, outlines, warnings, folder, record)


def _warnings(blocks: Sequence[Block], by_block: Sequence[BlockOutlines | None]) -> list[str]:
    warnings = []
    for number, (block, each) in enumerate(zip(blocks, by_block, strict=True), start=1):
        if each is None:
            slices = f" ({block.slice_sources[0]} to {block.slice_sources[-1]})" if block.slice_sources else ""
            warnings.append(
                f"Block {number} of the image{slices} has no outlines and is left out; the others are numbered anew."
            )
        elif each.num_overlapping:
            warnings.append(
                f"{each.num_overlapping} pixels of {each.path} lie in several structures and count for the later one."
            )
    return warnings


def _find_original(options: argparse.Namespace, given: _Given) -> OriginalOutlines | None:
    """Return the network's own outlines, where the user names them or they lie beside the given ones."""
    if options.against_model:
        return original_by_network(given.study, options.device, quiet=options.quiet)
    if options.against:
        return original_from(options.against, given.all_blocks, given.chosen)
    if given.folder is None or given.record is None or given.is_untouched:
        return None
    return original_beside(given.folder, given.record, given.all_blocks, given.chosen)


def _measure(options: argparse.Namespace, given: _Given, original: OriginalOutlines | None) -> MeasuredStudy:
    label_maps = [each.label_map for each in given.outlines]
    measurements = measure_outlines(given.study.blocks, label_maps, options.fat_method, options.bands)
    return MeasuredStudy(
        given.study.blocks,
        label_maps,
        measurements,
        _provenance(given, original, is_network_asked_now=options.against_model),
        find_lowest_level(options.lowest_level, given.study, measurements),
    )


def _provenance(given: _Given, original: OriginalOutlines | None, *, is_network_asked_now: bool) -> Provenance:
    """Say who made the outlines, as far as that is known.

    They are the network's if no pixel differs from its outlines, edited if
    they differ from those that they were made from, and given otherwise: that
    a network outlines the image anew for the comparison makes them no edit of it.
    """
    record = given.record
    if record is not None and given.is_untouched:
        return _named("model", record)
    is_same = original is not None and all(
        np.array_equal(each.label_map, before) for each, before in zip(given.outlines, original.label_maps, strict=True)
    )
    if original is not None and is_same and original.weights_name:
        return _named("model", original)
    if record is not None:
        return _named("edited", record)
    if original is None or is_same or is_network_asked_now:
        return Provenance(source="given", weights_name="", weights_sha256="")
    return _named("edited", original)


def _named(source: Source, network: ModelOutlines | OriginalOutlines) -> Provenance:
    return Provenance(source=source, weights_name=network.weights_name, weights_sha256=network.weights_sha256)


def _audit(
    options: argparse.Namespace,
    stopwatch: Stopwatch,
    given: _Given,
    measured: MeasuredStudy,
    original: OriginalOutlines,
    folder: Path,
) -> Audit:
    """Measure the original outlines in the same way, and set both side by side."""
    before = measure_outlines(measured.blocks, original.label_maps, options.fat_method, options.bands)
    files = original.write(folder, measured.blocks)
    blocks = [
        AuditedBlock(block, outlines.label_map, label_map, now, then, _file(outlines.path), file)
        for block, outlines, label_map, now, then, file in zip(
            measured.blocks, given.outlines, original.label_maps, measured.measurements, before, files, strict=True
        )
    ]
    return Audit(blocks, original.weights_name, original.weights_sha256, stopwatch.started_at)


def _file(path: Path) -> OutlineFile:
    return OutlineFile(str(path), sha256_of(path))


def _settings(options: argparse.Namespace) -> dict[str, object]:
    return {
        "segmentation": [str(path) for path in options.segmentation],
        "segment": options.segment,
        "against": None if options.against is None else str(options.against),
        "against_model": options.against_model,
        "series": options.series,
        "spacing_mm": options.spacing_mm,
        "device": options.device,
        "fat_method": options.fat_method,
        "bands": options.bands,
        "lowest_level": options.lowest_level,
    }


def _inputs(given: _Given) -> dict[str, object]:
    """Return what identifies the outlines and the image of each block."""
    return {
        "outlines": [
            {
                "block": number,
                "file": str(each.path),
                "sha256": sha256_of(each.path),
                "image_sha256": image_sha256(block),
            }
            for number, (block, each) in enumerate(zip(given.study.blocks, given.outlines, strict=True), start=1)
        ]
    }
