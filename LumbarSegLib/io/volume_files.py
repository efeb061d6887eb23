"""Read NIfTI, NRRD and MetaImage volumes through SimpleITK."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from LumbarSegLib.errors import InputError
from LumbarSegLib.geometry import FloatArray
from LumbarSegLib.io import itk_grid
from LumbarSegLib.io.volume_headers import StatedGeometry, damaged_volume, inspect_volume_header

#: Names of files that are read as volumes.
VOLUME_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")


@dataclass(frozen=True)
class Volume:
    """A volume file as it is.

    Parameters
    ----------
    image : (K, J, I) ndarray of float32
        Signal.
    affine_ijk_to_ras : (4, 4) ndarray
        Geometry in mm; assumed where `stated` says that the file leaves it open.
    stated : StatedGeometry
    """

    image: NDArray[np.float32]
    affine_ijk_to_ras: FloatArray
    stated: StatedGeometry


def read_volume(path: Path) -> Volume:
    """Read one volume file.

    A two-dimensional file is a volume of one slice without orientation.

    Parameters
    ----------
    path : Path
        A file with one of `VOLUME_SUFFIXES`.

    Returns
    -------
    Volume

    Raises
    ------
    InputError
        If the file may not be read, is damaged, has more than three axes or
        several values per voxel (color, vectors), its axes are not
        perpendicular, or its name is not valid UTF-8.
    """
    import SimpleITK  # slow to import

    check_name(path)
    stated = inspect_volume_header(path)
    try:
        image = SimpleITK.ReadImage(str(path))
    except RuntimeError as error:
        if "orthonormal" in str(error):
            raise sheared_volume(path) from error
        raise damaged_volume(path) from error
    if image.GetNumberOfComponentsPerPixel() != 1 or "complex" in image.GetPixelIDTypeAsString():
        raise InputError(f"{path} has several values per voxel.", "Pass a volume of gray values.")
    if image.GetDimension() == 2:
        image = SimpleITK.JoinSeries(image)
        stated = StatedGeometry(stated.has_spacing, has_orientation=False)
    size = image.GetSize()
    if len(size) > 3 and any(count > 1 for count in size[3:]):
        raise InputError(f"{path} has {len(size)} axes.", "Pass one volume of three axes.")
    if len(size) > 3:
        image = image[(slice(None),) * 3 + (0,) * (len(size) - 3)]
    affine_ijk_to_ras = itk_grid.read_grid(image)
    if not itk_grid.is_rectangular(affine_ijk_to_ras):
        raise sheared_volume(path)
    with np.errstate(over="ignore"):  # what overflows is infinite, and checked as such
        array = SimpleITK.GetArrayFromImage(image).astype(np.float32)
    return Volume(array, affine_ijk_to_ras, stated)


def check_name(path: Path) -> None:
    """Refuse a name that ITK cannot take: it ends the whole process."""
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise InputError(f"The name {path} is not valid UTF-8.", "Rename the file.") from error


def sheared_volume(path: Path) -> InputError:
    """Return the error for a volume file whose axes are not perpendicular."""
    return InputError(
        f"The axes of {path} are not perpendicular, or have no length.", "Resample it to a rectangular grid."
    )
