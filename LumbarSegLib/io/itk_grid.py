"""Between the geometry of a SimpleITK image (LPS) and `affine_ijk_to_ras`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from LumbarSegLib import geometry
from LumbarSegLib.geometry import FloatArray

if TYPE_CHECKING:
    import SimpleITK

#: Largest cosine between two axes of a grid that still counts as rectangular.
#: ITK's NIfTI reader refuses more; 1e-4 moves a corner of 300 mm by 0.03 mm.
ORTHOGONALITY_TOLERANCE = 1e-4


def is_rectangular(affine_ijk_to_ras: FloatArray) -> bool:
    """Whether the axes of the grid are perpendicular (no shear) and of a length above zero."""
    columns = affine_ijk_to_ras[:3, :3]
    lengths = np.linalg.norm(columns, axis=0)
    if not np.isfinite(affine_ijk_to_ras).all() or (lengths <= 0).any():
        return False
    directions = columns / lengths
    return bool(np.abs(directions.T @ directions - np.eye(3)).max() <= ORTHOGONALITY_TOLERANCE)


def read_grid(image: SimpleITK.Image) -> FloatArray:
    """Return `affine_ijk_to_ras` (4, 4) of a three-dimensional SimpleITK image."""
    affine_lps = np.eye(4)
    affine_lps[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine_lps[:3, 3] = image.GetOrigin()
    return geometry.lps_to_ras(affine_lps)


def write_grid(image: SimpleITK.Image, affine_ijk_to_ras: FloatArray) -> None:
    """Give a three-dimensional SimpleITK image the grid of `affine_ijk_to_ras` (4, 4)."""
    affine_lps = geometry.lps_to_ras(affine_ijk_to_ras)
    spacing = np.linalg.norm(affine_lps[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((affine_lps[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(affine_lps[:3, 3].tolist())
