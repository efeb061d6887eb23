"""From a volume file, or a plain picture, to a block."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from LumbarSegLib import geometry
from LumbarSegLib.errors import InputError
from LumbarSegLib.geometry import FloatArray
from LumbarSegLib.io.picture_files import read_picture
from LumbarSegLib.io.study import Block
from LumbarSegLib.io.volume_files import read_volume
from LumbarSegLib.study_reading.checks import check_pixels, label_map_warnings, resolve_spacing

#: An axis whose spacing exceeds the others by this factor is the slice axis:
#: two-dimensional acquisitions have slices 4-10 times as thick as their pixels.
SLICE_AXIS_FACTOR = 1.5

#: Distance of slices where a picture or file leaves it open; no area depends on it.
ASSUMED_STEP_MM = 1.0


def read_volume_block(path: Path, name: str, spacing_mm: float | None) -> tuple[Block, list[str]]:
    """Read a volume file as one block.

    The block keeps the file's own grid; only where the slice axis is not the
    last one of the file are the axes exchanged.

    Parameters
    ----------
    path : Path
        See `LumbarSegLib.io.volume_files`.
    name : str
        What the block calls the file.
    spacing_mm : float or None
        In-plane spacing, for a file without one.

    Returns
    -------
    block : Block
    warnings : list of str

    Raises
    ------
    InputError
        If the file is unusable or has no axial slices.
    """
    volume = read_volume(path)
    check_pixels(volume.image, str(path))
    affine = volume.affine_ijk_to_ras
    if not volume.stated.has_orientation:
        affine = geometry.radiological_affine(geometry.spacing_kji_mm(affine))
    image, affine, warnings = _with_axial_slices(volume.image, affine, path)
    _, row_mm, column_mm = geometry.spacing_kji_mm(affine)
    own_ji_mm = (row_mm, column_mm) if volume.stated.has_spacing else None
    row_mm, column_mm = resolve_spacing(own_ji_mm, spacing_mm, str(path))
    if own_ji_mm is None:
        # ITK has taken 1 mm, `ASSUMED_STEP_MM`, along every axis.
        affine = affine @ np.diag([column_mm, row_mm, 1.0, 1.0])
    warnings += label_map_warnings(image, str(path))
    if not volume.stated.has_orientation:
        warnings.append(_sides_assumed(path))
    block = Block(
        image=image,
        affine_ijk_to_ras=affine,
        orientation_known=volume.stated.has_orientation,
        slice_distance_known=volume.stated.has_spacing,
        slice_sources=(name,) * len(image),
    )
    return block, warnings


def read_picture_block(path: Path, name: str, spacing_mm: float | None) -> tuple[Block, list[str]]:
    """Read a picture as a block of one slice in radiological reading order.

    Parameters
    ----------
    path : Path
        See `LumbarSegLib.io.picture_files`.
    name : str
        What the block calls the file.
    spacing_mm : float or None
        Width of a pixel; pictures have none of their own.

    Returns
    -------
    block : Block
    warnings : list of str

    Raises
    ------
    InputError
        If the picture is unusable or the spacing is missing.
    """
    image = read_picture(path)[np.newaxis]
    check_pixels(image, str(path))
    affine = geometry.radiological_affine((ASSUMED_STEP_MM, *resolve_spacing(None, spacing_mm, str(path))))
    block = Block(image, affine, orientation_known=False, slice_sources=(name,))
    return block, [*label_map_warnings(image, str(path)), _sides_assumed(path)]


def _with_axial_slices(
    image: NDArray[np.float32], affine: FloatArray, path: Path
) -> tuple[NDArray[np.float32], FloatArray, list[str]]:
    """Return the volume with axial slices along k, the axes exchanged where necessary."""
    if geometry.plane_name(affine) == "axial":
        return image, affine, []
    spacing_ijk = geometry.spacing_kji_mm(affine)[::-1]
    for axis in (0, 1):
        others = [spacing for number, spacing in enumerate(spacing_ijk) if number != axis]
        order = [0, 1, 2]
        order[axis], order[2] = 2, axis
        exchanged = affine[:, [*order, 3]]
        if geometry.plane_name(exchanged) == "axial" and spacing_ijk[axis] >= SLICE_AXIS_FACTOR * max(others):
            # The array has the axes (k, j, i): the reverse of the affine's columns.
            turned = np.ascontiguousarray(np.swapaxes(image, 0, 2 - axis))
            return turned, exchanged, [f"The axial slices of {path} lie along axis {'ij'[axis]}, which became axis k."]
    plane = geometry.plane_name(affine)
    raise InputError(
        f"The slices of {path} are {plane}, not axial (spacing {spacing_ijk[0]:.3g} x {spacing_ijk[1]:.3g} x "
        f"{spacing_ijk[2]:.3g} mm).",
        "Pass an axial series, or reformat the volume into axial slices.",
    )


def _sides_assumed(path: Path) -> str:
    return (
        f"{path} does not say how it is oriented: it is read as a radiological axial image, "
        "with the patient's right at its left edge and the front at the top; check the sides."
    )
