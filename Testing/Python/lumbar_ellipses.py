"""A lumbar slice made of ellipses, whose areas are known, in any geometry."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from LumbarSegLib.anatomy import BY_KEY


@dataclass(frozen=True)
class Ellipse:
    """Centers and half axes in mm: x to the patient's right, y to the front, from the middle of the sac."""

    structure: str
    center: tuple[float, float]
    half_axes: tuple[float, float]

    @property
    def area_mm2(self) -> float:
        return float(np.pi * np.prod(self.half_axes))

    def tolerance_mm2(self, pixel_mm: float) -> float:
        """Half a pixel along the edge: no more is lost or gained by drawing on a grid.

        The length of the edge is Euler's upper bound.
        """
        return float(0.5 * pixel_mm * np.pi * np.sqrt(2 * np.sum(np.square(self.half_axes))))


#: Left and right differ by much more than the tolerance, so that swapped sides show.
LUMBAR = {
    "dural_sac": Ellipse("dural_sac", (0, 0), (9, 6)),
    "intervertebral_disc": Ellipse("intervertebral_disc", (0, 30), (25, 17)),
    "ligamentum_flavum": Ellipse("ligamentum_flavum", (0, -9.5), (7, 2.5)),
    "lamina_left": Ellipse("lamina", (-8, -18), (7, 4)),
    "lamina_right": Ellipse("lamina", (8, -18), (7, 4)),
    "psoas_left": Ellipse("psoas", (-48, 26), (14, 17)),
    "psoas_right": Ellipse("psoas", (48, 26), (17, 20)),
    "multifidus_left": Ellipse("multifidus", (-13, -39), (9, 14)),
    "multifidus_right": Ellipse("multifidus", (14, -39), (11, 15)),
    "erector_spinae_left": Ellipse("erector_spinae", (-46, -40), (20, 14)),
    "erector_spinae_right": Ellipse("erector_spinae", (45, -40), (17, 12)),
}

#: Both sides of a slice; the ellipses fit in even when turned.
FIELD_MM = 165.0


def axial_affine(
    edges_ras: tuple[tuple[float, float, float], ...] = ((-1, 0, 0), (0, -1, 0), (0, 0, 1)),
    spacing_kji_mm: tuple[float, float, float] = (4.0, 0.5, 0.5),
    turn: np.ndarray | None = None,
) -> np.ndarray:
    """Affine with the given directions of i, j and k (rows of `edges_ras`), then turned as a whole."""
    affine = np.eye(4)
    affine[:3, :3] = np.array(edges_ras, dtype=float).T * np.array(spacing_kji_mm[::-1])
    if turn is not None:
        affine[:3, :3] = turn @ affine[:3, :3]
    affine[:3, 3] = (17.0, -40.0, -312.0)  # nothing may depend on the origin
    return affine


def turn_about(axis: int, degrees: float) -> np.ndarray:
    """Rotation about the R (0), A (1) or S (2) axis."""
    first, second = [other for other in range(3) if other != axis]
    radians = np.radians(degrees)
    turn = np.eye(3)
    turn[first, first] = turn[second, second] = np.cos(radians)
    turn[first, second], turn[second, first] = -np.sin(radians), np.sin(radians)
    return turn


# Directions of i, j and k in RAS: reading order is i to the left, j to the back.
LEFT, BACK, UP = (-1, 0, 0), (0, -1, 0), (0, 0, 1)
RIGHT, FRONT, DOWN = (1, 0, 0), (0, 1, 0), (0, 0, -1)

#: Every way in which a scanner or a file may lay out the same slice.
GEOMETRIES = {
    "reading order": axial_affine(),
    "anisotropic": axial_affine(spacing_kji_mm=(4.0, 0.8, 0.45)),
    "isotropic volume": axial_affine(spacing_kji_mm=(0.5, 0.5, 0.5)),
    "flipped i": axial_affine((RIGHT, BACK, UP)),
    "flipped j": axial_affine((LEFT, FRONT, UP)),
    "flipped k, left-handed": axial_affine((LEFT, BACK, DOWN)),
    "flipped i, j and k": axial_affine((RIGHT, FRONT, DOWN)),
    "transposed": axial_affine((BACK, LEFT, UP)),
    "transposed, flipped, anisotropic": axial_affine((FRONT, LEFT, DOWN), spacing_kji_mm=(5.0, 0.45, 0.8)),
    "tilted forward 30": axial_affine(turn=turn_about(0, 30)),
    "tilted backward 30": axial_affine(turn=turn_about(0, -30)),
    "tilted sideways 30": axial_affine(turn=turn_about(1, 30)),
    "grid turned 30 in the plane": axial_affine(turn=turn_about(2, 30)),
    "grid turned -30 in the plane": axial_affine(turn=turn_about(2, -30)),
    "double oblique, left-handed": axial_affine((LEFT, BACK, DOWN), turn=turn_about(0, 25) @ turn_about(2, -20)),
}


def draw(
    affine: np.ndarray,
    ellipses: Iterable[Ellipse],
    *,
    slices: int = 1,
    spine_turn_deg: float = 0.0,
    center_offset_mm: tuple[float, float] = (0.0, 0.0),
) -> np.ndarray:
    """Label map (K, J, I) of ellipses in every slice, about its center, by the RAS position of each pixel."""
    step_i, step_j = affine[:3, :2].T
    normal = np.cross(step_i, step_j)
    normal *= np.sign(normal[2]) / np.linalg.norm(normal)
    front = np.array([0, 1, 0]) - normal[1] * normal
    front /= np.linalg.norm(front)
    right = np.cross(front, normal)
    columns, rows = (round(FIELD_MM / np.linalg.norm(step)) for step in (step_i, step_j))
    j, i = np.mgrid[:rows, :columns] - np.array([rows - 1, columns - 1]).reshape(2, 1, 1) / 2
    positions = i[..., None] * step_i + j[..., None] * step_j
    x, y = positions @ right - center_offset_mm[0], positions @ front - center_offset_mm[1]
    radians = np.radians(spine_turn_deg)
    x, y = x * np.cos(radians) - y * np.sin(radians), x * np.sin(radians) + y * np.cos(radians)
    labels = np.zeros((rows, columns), dtype=np.uint8)
    for ellipse in ellipses:
        (center_x, center_y), (half_x, half_y) = ellipse.center, ellipse.half_axes
        inside = ((x - center_x) / half_x) ** 2 + ((y - center_y) / half_y) ** 2 <= 1
        labels[inside] = BY_KEY[ellipse.structure].index
    return np.repeat(labels[None], slices, axis=0)
