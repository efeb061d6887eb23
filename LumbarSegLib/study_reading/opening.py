"""The way into the package: whatever the user passes becomes a study of blocks."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from LumbarSegLib import geometry
from LumbarSegLib.errors import InputError
from LumbarSegLib.io.picture_files import PICTURE_SUFFIXES
from LumbarSegLib.io.study import Block, Study
from LumbarSegLib.study_reading.checks import check_given_spacing
from LumbarSegLib.study_reading.input_files import (
    USABLE_INPUT,
    check_path,
    find_dicom_files,
    is_image_file,
    name_below,
)
from LumbarSegLib.study_reading.volume_blocks import read_picture_block, read_volume_block

logger = logging.getLogger(__name__)


def open_study(
    source: Path | str | Sequence[Path | str], *, series: str | None = None, spacing_mm: float | None = None
) -> Study:
    """Read a study.

    Parameters
    ----------
    source : path or sequence of paths
        A folder with DICOM files at any depth, single DICOM files; one or
        several volume files (.nii, .nii.gz, .nrrd, .nhdr, .mha, .mhd); or one
        picture (.png, .jpg, .tif, .bmp).
    series : str, optional
        Series Instance UID to use instead of the automatic choice; several,
        separated by commas, if they complete each other.
    spacing_mm : float, optional
        Width of a pixel in mm, for input that does not state it.

    Returns
    -------
    Study
        At least one block; blocks from caudal to cranial by their centers.
        The slices of DICOM blocks run from caudal to cranial, those of volume
        files as in the file.

    Raises
    ------
    InputError
        If the input cannot be used; the message says how to repair it.

    Notes
    -----
    Why a series was chosen, and every warning, also go to the log.
    """
    given = [source] if isinstance(source, str | Path) else source
    if not given or "" in given:  # Path("") would be the current folder
        raise InputError("No input was given.", USABLE_INPUT)
    study = _open_paths([Path(item) for item in given], series, spacing_mm)
    for warning in study.warnings:
        logger.warning("%s", warning)
    return study


def _open_paths(paths: Sequence[Path], series: str | None, spacing_mm: float | None) -> Study:
    check_given_spacing(spacing_mm)
    for path in paths:
        check_path(path)
    image_files = [path for path in paths if is_image_file(path)]
    if image_files and len(image_files) < len(paths):
        raise InputError(
            f"DICOM and other image files were passed together, for example {image_files[0]}.",
            "Pass them one after the other.",
        )
    if image_files:
        if series is not None:
            raise InputError("--series names a DICOM series, but the input is an image file.", "Leave out --series.")
        return _open_image_files(paths, spacing_mm)
    return _open_dicom(paths, series, spacing_mm)


def _open_image_files(paths: Sequence[Path], spacing_mm: float | None) -> Study:
    pictures = [path for path in paths if path.name.lower().endswith(PICTURE_SUFFIXES)]
    if pictures and len(paths) > 1:
        raise InputError(
            f"{len(paths)} files were passed, among them the picture {pictures[0]}.",
            "Pass one picture at a time: pictures do not say how they lie to each other.",
        )
    read = read_picture_block if pictures else read_volume_block
    folder = paths[0].parent
    read_files = [read(path, str(name_below(path, folder)), spacing_mm) for path in paths]
    return Study(
        source=paths[0],
        blocks=tuple(sorted((block for block, _ in read_files), key=_center_height_mm)),
        series_choice=f"{', '.join(map(str, paths))} was passed as an image file; there was no series to choose.",
        warnings=tuple(warning for _, warnings in read_files for warning in warnings),
    )


def _open_dicom(paths: Sequence[Path], series: str | None, spacing_mm: float | None) -> Study:
    # pydicom takes as long to import as the rest of reading; image files do without it.
    from LumbarSegLib.study_reading.dicom_study import read_dicom_blocks

    found = find_dicom_files(paths)
    result = read_dicom_blocks(found, paths[0], series=series, spacing_mm=spacing_mm)
    logger.info("%s", result.series_choice)
    blocks = tuple(sorted(result.blocks, key=_center_height_mm))
    return Study(paths[0], blocks, result.series_choice, result.warnings, result.sagittal_series)


def _center_height_mm(block: Block) -> float:
    affine, shape_kji = block.affine_ijk_to_ras, block.image.shape
    first = geometry.slice_center_ras_mm(affine, shape_kji, 0)
    last = geometry.slice_center_ras_mm(affine, shape_kji, len(block.image) - 1)
    return float((first[2] + last[2]) / 2)
