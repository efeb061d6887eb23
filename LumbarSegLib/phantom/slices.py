"""One synthetic axial T2-like slice with exactly known areas."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from LumbarSegLib import anatomy
from LumbarSegLib.phantom import raster, shapes
from LumbarSegLib.phantom.canvas import Grid, Pose
from LumbarSegLib.phantom.outlines import make_outlines
from LumbarSegLib.phantom.render import render
from LumbarSegLib.phantom.shapes import SliceShape

#: A slice has to cover this much, or some structures would lie outside it altogether.
_MIN_EXTENT_MM = 150.0


@dataclass(frozen=True)
class PhantomSlice:
    """A slice and the truth about it.

    Parameters
    ----------
    image : (J, I) ndarray of float32
        T2-like signal in arbitrary positive units; row 0 is anterior, column 0
        the patient's right.
    label_map : (J, I) ndarray of uint8
        Values of `LumbarSegLib.anatomy`; a pixel belongs to the structure that holds its center.
    areas_mm2 : dict of str to float
        Areas of the outlines within the slice, free of pixels, keyed
        ``dural_sac``, ``psoas_left`` and so on.
    spacing_mm : float
        Between pixel centers, both axes.
    """

    image: NDArray[np.float32]
    label_map: NDArray[np.uint8]
    areas_mm2: dict[str, float]
    spacing_mm: float


def draw_pose(rng: np.random.Generator) -> Pose:
    """Draw a patient's position on the table: turned up to 8 degrees, off center, small or large."""
    return Pose(
        rotation_deg=float(np.clip(rng.normal(0.0, 3.0), -8.0, 8.0)),
        shift_mm=(float(rng.uniform(-8, 8)), float(rng.uniform(-8, 8))),
        scale=float(rng.uniform(0.88, 1.12)),
    )


def make_phantom_slice(
    rng: np.random.Generator,
    shape_ji: tuple[int, int] = (320, 320),
    spacing_mm: float = 0.6,
    *,
    shape: SliceShape | None = None,
    pose: Pose | None = None,
) -> PhantomSlice:
    """Draw a slice in radiological reading order.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of everything random.
    shape_ji : tuple of int
        Rows and columns.
    spacing_mm : float
        Between pixel centers.
    shape : SliceShape, optional
        The anatomy; drawn where not given.
    pose : Pose, optional
        Its position on the grid; drawn where not given.

    Returns
    -------
    PhantomSlice

    Raises
    ------
    ValueError
        If the slice covers less than 150 mm in one direction.
    """
    shape = shapes.draw_slice_shape(rng) if shape is None else shape
    pose = draw_pose(rng) if pose is None else pose
    return draw_phantom_slice(shape, Grid(shape_ji, spacing_mm, pose), rng, rng)


def draw_phantom_slice(
    shape: SliceShape, grid: Grid, texture_rng: np.random.Generator, noise_rng: np.random.Generator
) -> PhantomSlice:
    """Draw the slice of a given anatomy.

    Parameters
    ----------
    shape : SliceShape
        The anatomy.
    grid : Grid
        Pixels and pose.
    texture_rng, noise_rng : numpy.random.Generator
        See `LumbarSegLib.phantom.render.render`.

    Returns
    -------
    PhantomSlice

    Raises
    ------
    ValueError
        If the grid covers less than 150 mm in one direction.
    """
    if min(grid.shape_ji) * grid.spacing_mm < _MIN_EXTENT_MM:
        raise ValueError(
            f"a phantom slice must cover {_MIN_EXTENT_MM:g} mm both ways, got {grid.shape_ji} pixels of "
            f"{grid.spacing_mm:g} mm; take more or larger pixels."
        )
    outlines = make_outlines(shape)
    label_map = np.zeros(grid.shape_ji, dtype=np.uint8)
    areas_mm2 = {}
    for key, parts in outlines.items():
        index = anatomy.BY_KEY[key.removesuffix("_left").removesuffix("_right")].index
        seen = [raster.clip_to_grid(grid.to_pixels(part), grid.shape_ji) for part in parts]
        areas_mm2[key] = grid.spacing_mm**2 * sum(abs(raster.signed_area(part)) for part in seen)
        for part in parts:
            raster.paint_label(label_map, grid.to_pixels(part), index)
    image = render(outlines, shape.muscle_end, grid, texture_rng, noise_rng)
    return PhantomSlice(image, label_map, areas_mm2, grid.spacing_mm)
