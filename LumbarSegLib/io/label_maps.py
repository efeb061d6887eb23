"""Write label maps as NIfTI or NRRD files on the grid of their block, and read them."""

from __future__ import annotations

import errno
import gzip
import os
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from LumbarSegLib import geometry
from LumbarSegLib.geometry import FloatArray
from LumbarSegLib.io import itk_grid
from LumbarSegLib.io.file_errors import writing

#: Names of files that label maps are written to.
LABEL_MAP_SUFFIXES = (".nii.gz", ".nii", ".nrrd")

#: Bytes of a NIfTI-1 header with its extension flag; the voxels follow.
_HEADER_BYTES = 352


def write_label_map(path: Path, label_map: NDArray[np.uint8], affine_ijk_to_ras: FloatArray) -> None:
    """Write a label map as NIfTI or NRRD, as the name says.

    Both transforms of a NIfTI header (qform and sform) hold the grid,
    left-handed grids included; they have single precision. NRRD holds it in full.

    Parameters
    ----------
    path : Path
        Must end in one of `LABEL_MAP_SUFFIXES`.
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
    name = path.name.lower()
    if not name.endswith(LABEL_MAP_SUFFIXES):
        raise ValueError(f"path must end in {', '.join(LABEL_MAP_SUFFIXES)}, got {path.name}.")
    if not itk_grid.is_rectangular(affine_ijk_to_ras):
        raise ValueError("affine_ijk_to_ras must have perpendicular axes: label maps cannot be sheared here.")
    encode = _encode_nrrd if name.endswith(".nrrd") else _encode_nifti
    content = encode(label_map, affine_ijk_to_ras)
    if name.endswith(".gz"):
        content = gzip.compress(content, compresslevel=6, mtime=0)
    with writing(path):
        path.write_bytes(content)


def _encode_nrrd(label_map: NDArray[np.uint8], affine_ijk_to_ras: FloatArray) -> bytes:
    """Return the bytes of an NRRD file (format 4, https://teem.sourceforge.net/nrrd/format.html)."""
    affine_lps = geometry.lps_to_ras(affine_ijk_to_ras)
    axis_i, axis_j, axis_k, origin = (
        "(" + ",".join(repr(float(value)) for value in column) + ")" for column in affine_lps[:3].T
    )
    slices, rows, columns = label_map.shape
    header = (
        "NRRD0004\n"
        "type: uint8\n"
        "dimension: 3\n"
        "space: left-posterior-superior\n"
        f"sizes: {columns} {rows} {slices}\n"
        f"space directions: {axis_i} {axis_j} {axis_k}\n"
        "kinds: domain domain domain\n"
        "encoding: gzip\n"
        f"space origin: {origin}\n"
        "\n"
    )
    return header.encode() + gzip.compress(label_map.tobytes(), compresslevel=6, mtime=0)


def _encode_nifti(label_map: NDArray[np.uint8], affine_ijk_to_ras: FloatArray) -> bytes:
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
        In mm; of single precision, if the file is NIfTI.

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
