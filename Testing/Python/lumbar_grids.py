"""Grids of a lumbar volume as scanners and converters store them, by name."""

from __future__ import annotations

import numpy as np
from lumbar_ellipses import axial_affine, turn_about

_SPACING_KJI_MM = (4.4, 0.7, 0.6)
_OBLIQUE = turn_about(0, 17.0) @ turn_about(1, 5.0) @ turn_about(2, -4.0)

#: Affines (4, 4): directions of i, j and k in the patient, some turned as a whole.
GRIDS: dict[str, np.ndarray] = {
    "upright": axial_affine(spacing_kji_mm=_SPACING_KJI_MM),
    "oblique": axial_affine(spacing_kji_mm=_SPACING_KJI_MM, turn=_OBLIQUE),
    "rows_and_columns_flipped": axial_affine(((1, 0, 0), (0, 1, 0), (0, 0, 1)), _SPACING_KJI_MM, _OBLIQUE),
    "head_to_foot": axial_affine(((1, 0, 0), (0, -1, 0), (0, 0, -1)), _SPACING_KJI_MM, _OBLIQUE),
    "left_handed": axial_affine(((-1, 0, 0), (0, -1, 0), (0, 0, -1)), _SPACING_KJI_MM, _OBLIQUE),
    "left_handed_columns": axial_affine(((1, 0, 0), (0, -1, 0), (0, 0, 1)), _SPACING_KJI_MM, _OBLIQUE),
    "transposed": axial_affine(((0, -1, 0), (-1, 0, 0), (0, 0, 1)), _SPACING_KJI_MM, _OBLIQUE),
}
