"""Where a block of slices lies in the patient: affine, spacing, plane and sides.

Notation: arrays are (K, J, I) with K the slice axis; ``affine_ijk_to_ras`` is a
(4, 4) matrix that takes voxel indices (i, j, k, 1) to millimeters in the RAS
frame (right, anterior and superior positive), as in 3D Slicer and NIfTI.
DICOM and ITK write LPS; `lps_to_ras` converts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Scalar = TypeVar("Scalar", bound=np.generic)

#: A slice whose normal is farther than this from the body axis is not axial.
#: L5/S1 blocks are tilted by up to about 40 degrees.
AXIAL_MAX_TILT_DEG = 45.0

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def lps_to_ras(affine_lps: FloatArray) -> FloatArray:
    """Convert a (4, 4) affine between LPS and RAS (its own inverse).

    Parameters
    ----------
    affine_lps : (4, 4) ndarray
        Voxel indices to millimeters, LPS (or RAS for the way back).

    Returns
    -------
    (4, 4) ndarray
    """
    result: FloatArray = _LPS_TO_RAS @ np.asarray(affine_lps, dtype=np.float64)
    return result


def radiological_affine(spacing_kji_mm: tuple[float, float, float]) -> FloatArray:
    """Return the affine of slices in radiological reading order, with voxel (0, 0, 0) at the origin.

    Columns run to the patient's left, rows to the back, slices to the head.
    """
    step_mm, row_mm, column_mm = spacing_kji_mm
    return lps_to_ras(np.diag([column_mm, row_mm, step_mm, 1.0]))


def spacing_kji_mm(affine_ijk_to_ras: FloatArray) -> tuple[float, float, float]:
    """Return the distances between voxel centers along (k, j, i) in mm."""
    lengths = np.linalg.norm(affine_ijk_to_ras[:3, :3], axis=0)
    return float(lengths[2]), float(lengths[1]), float(lengths[0])


def pixel_area_mm2(affine_ijk_to_ras: FloatArray) -> float:
    """Return the in-plane area of one pixel in mm2 (the cross product of its two edges)."""
    edge_i, edge_j = affine_ijk_to_ras[:3, 0], affine_ijk_to_ras[:3, 1]
    return float(np.linalg.norm(np.cross(edge_i, edge_j)))


def slice_normal_ras(affine_ijk_to_ras: FloatArray) -> FloatArray:
    """Return the unit normal of the slices, (3,), pointing to the patient's head."""
    normal = np.cross(affine_ijk_to_ras[:3, 0], affine_ijk_to_ras[:3, 1])
    normal = normal / np.linalg.norm(normal)
    result: FloatArray = -normal if normal[2] < 0 else normal
    return result


def axial_tilt_deg(affine_ijk_to_ras: FloatArray) -> float:
    """Return the angle between the slice normal and the body's long axis, 0-90 degrees."""
    cosine = float(np.clip(abs(slice_normal_ras(affine_ijk_to_ras)[2]), 0.0, 1.0))
    return float(np.degrees(np.arccos(cosine)))


def plane_name(affine_ijk_to_ras: FloatArray) -> Literal["axial", "coronal", "sagittal"]:
    """Name the anatomical plane that lies nearest to the slices.

    Slices within `AXIAL_MAX_TILT_DEG` of axial count as axial; the others go
    to the nearer of coronal and sagittal.
    """
    if axial_tilt_deg(affine_ijk_to_ras) <= AXIAL_MAX_TILT_DEG:
        return "axial"
    normal = np.abs(slice_normal_ras(affine_ijk_to_ras))
    return "sagittal" if normal[0] >= normal[1] else "coronal"


def positions_ras_mm(affine_ijk_to_ras: FloatArray, indices_ijk: NDArray[np.generic]) -> FloatArray:
    """Map voxel indices (N, 3), in the order i, j, k, to RAS millimeters (N, 3)."""
    indices = np.asarray(indices_ijk, dtype=np.float64)
    result: FloatArray = indices @ affine_ijk_to_ras[:3, :3].T + affine_ijk_to_ras[:3, 3]
    return result


def slice_center_ras_mm(affine_ijk_to_ras: FloatArray, shape_kji: tuple[int, int, int], k: int) -> FloatArray:
    """Return the RAS position (3,) in mm of the center of slice `k`."""
    _, rows, columns = shape_kji
    center = np.array([[(columns - 1) / 2.0, (rows - 1) / 2.0, float(k)]])
    result: FloatArray = positions_ras_mm(affine_ijk_to_ras, center)[0]
    return result


@dataclass(frozen=True)
class InPlaneOrientation:
    """How to turn a slice so that it reads like a radiological axial image.

    After `apply`, rows run from anterior to posterior and columns from the
    patient's right to the left, which is the orientation that the network has
    been trained on. `undo` is its exact inverse.

    Parameters
    ----------
    transpose : bool
        Swap the last two axes first.
    flip_rows, flip_columns : bool
        Then reverse the rows, the columns.
    """

    transpose: bool
    flip_rows: bool
    flip_columns: bool

    def apply(self, array: NDArray[Scalar]) -> NDArray[Scalar]:
        """Turn the last two axes of `array` (..., J, I) into reading order."""
        if self.transpose:
            array = np.swapaxes(array, -1, -2)
        if self.flip_rows:
            array = np.flip(array, axis=-2)
        if self.flip_columns:
            array = np.flip(array, axis=-1)
        return array

    def undo(self, array: NDArray[Scalar]) -> NDArray[Scalar]:
        """Turn an array in reading order back to the axes (..., J, I)."""
        if self.flip_columns:
            array = np.flip(array, axis=-1)
        if self.flip_rows:
            array = np.flip(array, axis=-2)
        if self.transpose:
            array = np.swapaxes(array, -1, -2)
        return array

    def apply_spacing(self, spacing_ji_mm: tuple[float, float]) -> tuple[float, float]:
        """Row and column spacing in mm after `apply`."""
        return spacing_ji_mm[::-1] if self.transpose else spacing_ji_mm


def in_plane_orientation(affine_ijk_to_ras: FloatArray) -> InPlaneOrientation:
    """Find the transposition and flips nearest to radiological reading order.

    Parameters
    ----------
    affine_ijk_to_ras : (4, 4) ndarray
        Geometry of an axial block (see `plane_name`).

    Returns
    -------
    InPlaneOrientation
    """
    direction_i = affine_ijk_to_ras[:3, 0] / np.linalg.norm(affine_ijk_to_ras[:3, 0])
    direction_j = affine_ijk_to_ras[:3, 1] / np.linalg.norm(affine_ijk_to_ras[:3, 1])
    # Reading order wants the columns along -R and the rows along -A.
    straight = abs(direction_i[0]) + abs(direction_j[1])
    swapped = abs(direction_i[1]) + abs(direction_j[0])
    transpose = bool(swapped > straight)
    along_columns, along_rows = (direction_j, direction_i) if transpose else (direction_i, direction_j)
    return InPlaneOrientation(
        transpose=transpose,
        flip_rows=bool(along_rows[1] > 0),
        flip_columns=bool(along_columns[0] > 0),
    )
