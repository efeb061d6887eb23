"""Label maps of known areas, and what measuring them has to give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from LumbarSegLib.anatomy import BY_KEY
from LumbarSegLib.phantom.known_areas.expectations import (
    Expectation,
    Plane,
    expected_areas,
    expected_diameters,
    expected_fat,
    expected_fat_index,
    expected_ratios,
    expected_sac_axis,
)
from LumbarSegLib.phantom.known_areas.geometries import SPINE_RAS_MM, BlockGrid, KnownGeometry
from LumbarSegLib.phantom.known_areas.shapes import Ellipse, Shape

FloatArray = NDArray[np.float64]

_SIGNALS = {
    "dural_sac": 900.0,
    "ligamentum_flavum": 150.0,
    "psoas": 200.0,
    "multifidus": 200.0,
    "erector_spinae": 200.0,
    "lamina": 350.0,
    "intervertebral_disc": 300.0,
}
_FAT_SIGNAL = 700.0
_BACKGROUND_SIGNAL = 500.0

#: Standard deviation; muscle and fat lie 25 of them apart, so that no pixel is doubtful.
_NOISE_SIGNAL = 20.0


@dataclass(frozen=True)
class KnownBlock:
    """A label map and the truth about it.

    Parameters
    ----------
    image : (K, J, I) ndarray of float32
        T2-like signal in whole numbers: that of the shape that holds the pixel's center, and noise.
    label_map : (K, J, I) ndarray of uint8
        The label of the same shape.
    affine_ijk_to_ras : (4, 4) ndarray
        See `LumbarSegLib.geometry`.
    expected : tuple of dict of str to Expectation
        Per slice, by key of the measure as in ``psoas_left_area``.
    """

    image: NDArray[np.float32]
    label_map: NDArray[np.uint8]
    affine_ijk_to_ras: FloatArray
    expected: tuple[dict[str, Expectation], ...]


def draw_known_blocks(geometry: KnownGeometry) -> tuple[KnownBlock, ...]:
    """Draw the blocks of a geometry."""
    return tuple(_draw_block(geometry, grid) for grid in geometry.grids)


def _draw_block(geometry: KnownGeometry, grid: BlockGrid) -> KnownBlock:
    num_slices, rows, columns = grid.shape_kji
    label_map = np.zeros(grid.shape_kji, dtype=np.uint8)
    signal = np.full(grid.shape_kji, _BACKGROUND_SIGNAL)
    j, i = np.indices((rows, columns), dtype=np.float64)
    expected = []
    for k in range(num_slices):
        plane = _plane(geometry, grid, k)
        x, y = (row[0] * i + row[1] * j + row[2] for row in plane.pixels_to_xy)
        for shape in geometry.shapes:
            inside = shape.contains(x, y)
            label_map[k][inside] = BY_KEY[shape.structure].index
            signal[k][inside] = _SIGNALS[shape.structure]
            if isinstance(shape, Ellipse) and shape.fat_share:
                signal[k][shape.fat().contains(x, y)] = _FAT_SIGNAL
        expected.append(_expected(geometry.shapes, plane))
    noise = np.random.default_rng(0).normal(0.0, _NOISE_SIGNAL, grid.shape_kji)
    image = np.rint(signal + noise).astype(np.float32)
    return KnownBlock(image, label_map, grid.affine_ijk_to_ras, tuple(expected))


def _plane(geometry: KnownGeometry, grid: BlockGrid, k: int) -> Plane:
    axis = grid.normal_ras if geometry.axis_ras is None else np.array(geometry.axis_ras)
    across = _cross_section_axes(axis, geometry.spine_turn_deg)
    affine = grid.affine_ijk_to_ras[:3]
    first_pixel = affine[:, 3] + k * affine[:, 2] - SPINE_RAS_MM
    return Plane(
        pixels_to_xy=across @ np.column_stack([affine[:, :2], first_pixel]),
        shape_ji=grid.shape_kji[1:],
        spacing_ij_mm=np.linalg.norm(affine[:, :2], axis=0),
        cosine=abs(float(axis @ grid.normal_ras)),
        slice_heights_mm=np.arange(grid.shape_kji[0], dtype=np.float64) * float(np.linalg.norm(affine[:, 2])),
    )


def _cross_section_axes(axis_ras: FloatArray, turn_deg: float) -> FloatArray:
    """Return the directions of x and y (2, 3), unit vectors across the axis."""
    front = np.array([0.0, 1.0, 0.0]) - axis_ras[1] * axis_ras
    front /= np.linalg.norm(front)
    right = np.cross(front, axis_ras)
    cosine, sine = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    return np.stack([cosine * right - sine * front, sine * right + cosine * front])


def _expected(shapes: tuple[Shape, ...], plane: Plane) -> dict[str, Expectation]:
    """Return all that is known of a slice; the fat only where shapes have a share of it."""
    areas = expected_areas(shapes, plane)
    fat = expected_fat(shapes, plane, areas)
    return {
        **areas,
        **expected_sac_axis(shapes, plane, areas),
        **expected_diameters(shapes, plane),
        **expected_ratios(areas),
        **fat,
        **expected_fat_index(fat, _SIGNALS["psoas"], _FAT_SIGNAL),
    }
