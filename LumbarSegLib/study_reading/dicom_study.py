"""From DICOM files to blocks: scan, choose the series, stack its slices, read their pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from LumbarSegLib import geometry
from LumbarSegLib.errors import InputError
from LumbarSegLib.io.dicom_headers import scan_dicom
from LumbarSegLib.io.dicom_pixels import read_slices
from LumbarSegLib.io.dicom_records import DamagedFile, DicomSeries, DicomSlice, RefusedFile, SeriesTags
from LumbarSegLib.io.file_errors import cannot_be_read
from LumbarSegLib.io.study import Block
from LumbarSegLib.study_reading.checks import check_pixels, resolve_spacing
from LumbarSegLib.study_reading.input_files import FoundFiles, folder_of, name_below
from LumbarSegLib.study_reading.sagittal_series import is_sagittal_beside
from LumbarSegLib.study_reading.series_choice import choose_series
from LumbarSegLib.study_reading.series_nature import short_name
from LumbarSegLib.study_reading.slice_stacking import Stack, stack_slices


@dataclass(frozen=True)
class DicomBlocks:
    """The blocks of the chosen series, the sentence on the choice, warnings, and sagittal series beside it."""

    blocks: tuple[Block, ...]
    series_choice: str
    warnings: tuple[str, ...]
    sagittal_series: tuple[DicomSeries, ...]


def read_dicom_blocks(found: FoundFiles, source: Path, *, series: str | None, spacing_mm: float | None) -> DicomBlocks:
    """Read the blocks of one series among the files found.

    Parameters
    ----------
    found : FoundFiles
        All files to look at, DICOM or not.
    source : Path
        What the user passed, for messages and to name the files from.
    series : str or None
        One or several UIDs, see `choose_series`.
    spacing_mm : float or None
        For images without Pixel Spacing.

    Returns
    -------
    DicomBlocks

    Raises
    ------
    InputError
        If there is no usable series, or a file of the series is unusable.
    """
    scan = scan_dicom(found.files)
    refused = (*found.refused, *scan.refused)
    if not scan.series:
        raise _no_images(scan.damaged, refused, source)
    choice = choose_series([item.tags for item in scan.series], series)
    chosen = [item for item in scan.series if item.tags.uid in choice.uids]
    warnings = [*choice.warnings, *_damage_warnings(scan.damaged, choice.uids), *_refusal_warnings(refused)]
    blocks: list[Block] = []
    for item in chosen:
        slices = [_with_spacing(entry, spacing_mm) for entry in item.slices]
        stacks, stacking_warnings = stack_slices(slices, _have_same_pixels)
        axial = _axial_only(stacks, stacking_warnings)
        blocks += [_read_block(stack, item.tags, folder_of(source)) for stack in axial]
        whose = f"{short_name(item.tags)}: " if len(chosen) > 1 else ""
        warnings += [f"{whose}{warning}" for warning in stacking_warnings]
    if not blocks:
        raise InputError(
            f"No slice of the chosen series in {source} is axial.", "Choose another one with --series UID."
        )
    sagittal = tuple(item for item in scan.series if is_sagittal_beside(item.tags, chosen[0].tags))
    return DicomBlocks(tuple(blocks), choice.sentence, tuple(warnings), sagittal)


def _no_images(damaged: Sequence[DamagedFile], refused: Sequence[RefusedFile], source: Path) -> InputError:
    if refused:
        return cannot_be_read(refused[0].path, refused[0].reason)
    if damaged:
        return InputError(
            f"The DICOM files in {source} are truncated or damaged, for example {damaged[0].path}.",
            "Export or copy them again.",
        )
    return InputError(
        f"There are no DICOM images in {source}.",
        "Pass the folder of an MR study, a NIfTI, NRRD or MetaImage file, or one picture with --spacing-mm.",
    )


def _damage_warnings(damaged: Sequence[DamagedFile], uids: Sequence[str]) -> list[str]:
    """Refuse a series with a damaged file; warn of damaged files that may belong to any series."""
    for item in damaged:
        if item.series_uid in uids:
            raise InputError(
                f"{item.path} belongs to the chosen series and is truncated or damaged.",
                "Export or copy the series again.",
            )
    if not damaged:
        return []
    return [f"Damaged or empty files left out: {len(damaged)}, for example {damaged[0].path}."]


def _refusal_warnings(refused: Sequence[RefusedFile]) -> list[str]:
    if not refused:
        return []
    example = f"{refused[0].path} ({refused[0].reason})"
    return [f"Files or folders left out because they cannot be read: {len(refused)}, for example {example}."]


def _with_spacing(item: DicomSlice, given_mm: float | None) -> DicomSlice:
    return replace(item, spacing_ji_mm=resolve_spacing(item.spacing_ji_mm, given_mm, item.source))


def _have_same_pixels(first: DicomSlice, second: DicomSlice) -> bool:
    return bool(np.array_equal(read_slices([first]), read_slices([second])))


def _axial_only(stacks: Sequence[Stack], warnings: list[str]) -> list[Stack]:
    axial = [stack for stack in stacks if geometry.plane_name(stack.affine_ijk_to_ras) == "axial"]
    num_left_out = sum(len(stack.slices) for stack in stacks) - sum(len(stack.slices) for stack in axial)
    if num_left_out:
        warnings.append(f"Slices of the series left out because they are not axial: {num_left_out}.")
    return axial


def _read_block(stack: Stack, tags: SeriesTags, folder: Path) -> Block:
    image = read_slices(stack.slices)
    first, last = stack.slices[0].source, stack.slices[-1].source
    check_pixels(image, f"The block of {len(image)} slices from {first} to {last}")
    return Block(
        image=image,
        affine_ijk_to_ras=stack.affine_ijk_to_ras,
        slice_thickness_mm=stack.slices[0].thickness_mm,
        series_uid=tags.uid,
        series_description=tags.description,
        slice_sources=tuple(replace(item, path=name_below(item.path, folder)).source for item in stack.slices),
    )
