"""Write and read label maps as NIfTI files on the grid of their block."""

from __future__ import annotations

import errno
import gzip
import os
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from LumbarSegLib.geometry import FloatArray
from LumbarSegLib.io import itk_grid
from LumbarSegLib.io.file_errors import writing

#: Bytes of a NIfTI-1 header with its extension flag; the voxels follow.
_HEADER_BYTES = 352


def write_label_map(path: Path, label_map: NDArray[np.uint8], affine_ijk_to_ras: FloatArray) -> None:
    """Write a label map as NIfTI.

    Both transforms of the header (qform and sform) hold the grid, left-handed
    grids included; they have single precision.

    Parameters
    ----------
    path : Path
        Must end in .nii or .nii.gz.
    label_map : (K, J, I) ndarray of uint8
        Class indices.
    affine_ijk_to_ras : (4, 4) ndarray
        Geometry in mm.

    Raises
    ------
    ValueError
        If the array, the grid (sheared) or the name of the file does not fit.
    OSError
        If the file cannot be written; `errno` and `filename` say why and which.
    """
    if label_map.ndim != 3 or label_map.dtype != np.uint8:
        raise ValueError(f"label_map must be (K, J, I) of uint8, got {label_map.shape} of {label_map.dtype}.")
    if not path.name.endswith((".nii", ".nii.gz")):
        raise ValueError(f"path must end in .nii or .nii.gz, got {path.name}.")
    if not itk_grid.is_rectangular(affine_ijk_to_ras):
        raise ValueError("affine_ijk_to_ras must have perpendicular axes: NIfTI files cannot be sheared here.")
    content = _encode(label_map, affine_ijk_to_ras)
    if path.name.endswith(".gz"):
        content = gzip.compress(content, compresslevel=6, mtime=0)
    with writing(path):
        path.write_bytes(content)


def _encode(label_map: NDArray[np.uint8], affine_ijk_to_ras: FloatArray) -> bytes:
    """Return the bytes of an uncompressed NIfTI file.

    ITK writes to a place of its own only: it reports success on a full disk,
    and ends the process on a name that is not UTF-8.
    """
    import SimpleITK  # slow to import

    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(label_map))
    itk_grid.write_grid(image, affine_ijk_to_ras)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "labels.nii"
        SimpleITK.WriteImage(image, str(path))
        content = path.read_bytes()
    if len(content) != _HEADER_BYTES + label_map.size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    return content


def read_label_map(path: Path) -> tuple[NDArray[np.uint8], FloatArray]:
    """Read a label map written by `write_label_map`.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    label_map : (K, J, I) ndarray of uint8
    affine_ijk_to_ras : (4, 4) ndarray
        In mm, of single precision.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is no three-dimensional image of whole numbers from 0 to 255.
    """
    import SimpleITK  # slow to import

    if not path.is_file():
        raise FileNotFoundError(f"There is no label map at {path}.")
    try:
        image = SimpleITK.ReadImage(str(path))
    except RuntimeError as error:
        raise ValueError(f"{path} cannot be read as a label map.") from error
    values = SimpleITK.GetArrayFromImage(image)
    label_map = values.astype(np.uint8)
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1 or not np.array_equal(label_map, values):
        raise ValueError(f"{path} must hold one whole number from 0 to 255 per voxel of a volume.")
    return label_map, itk_grid.read_grid(image)
