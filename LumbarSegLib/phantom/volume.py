"""A synthetic block of axial T2-like slices as one volume, for trying the program out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from LumbarSegLib.phantom import shapes
from LumbarSegLib.phantom.canvas import Grid, Pose
from LumbarSegLib.phantom.slices import draw_phantom_slice

_SLICE_DISTANCE_MM = 4.4

# Streams of random numbers that neither the phantoms for training nor the phantom study draw from.
_ANATOMY, _NOISE, _TEXTURE = (100, 101, 102)


@dataclass(frozen=True)
class PhantomVolume:
    """Parallel slices through one disc, and the truth about them.

    Parameters
    ----------
    image : (K, J, I) ndarray of float32
        T2-like signal in arbitrary positive units; slices from caudal to cranial.
    label_map : (K, J, I) ndarray of uint8
        Values of `LumbarSegLib.anatomy`.
    affine_ijk_to_ras : (4, 4) ndarray of float64
        See `LumbarSegLib.geometry`.
    """

    image: NDArray[np.float32]
    label_map: NDArray[np.uint8]
    affine_ijk_to_ras: NDArray[np.float64]


def draw_phantom_volume(
    num_slices: int = 5,
    *,
    seed: int = 0,
    shape_ji: tuple[int, int] = (320, 320),
    spacing_mm: float = 0.625,
    tilt_deg: float = 12.0,
) -> PhantomVolume:
    """Draw slices of one patient, slowly changing from slice to slice.

    The same seed gives the same volume.

    Parameters
    ----------
    num_slices : int
        At least 1.
    seed : int
        Decides anatomy, signal and noise.
    shape_ji : tuple of int
        Rows and columns.
    spacing_mm : float
        Between pixel centers.
    tilt_deg : float
        How far the front of the slices is lowered toward the feet.

    Returns
    -------
    PhantomVolume

    Raises
    ------
    ValueError
        If there is no slice, or a slice covers less than 150 mm in one direction.
    """
    if num_slices < 1:
        raise ValueError(f"num_slices must be at least 1, got {num_slices}.")
    rng = _random(seed, _ANATOMY)
    first = shapes.draw_slice_shape(rng)
    last = shapes.blend(first, shapes.draw_slice_shape(rng), 0.3)
    grid = Grid(shape_ji, spacing_mm, Pose(rotation_deg=2.0, shift_mm=(2.0, 5.0)))
    noise_rng = _random(seed, _NOISE)
    drawn = [
        # The same textures throughout, since it is one patient in one coil.
        draw_phantom_slice(shapes.blend(first, last, share), grid, _random(seed, _TEXTURE), noise_rng)
        for share in np.linspace(0.0, 1.0, num_slices).tolist()
    ]
    return PhantomVolume(
        np.stack([each.image for each in drawn]),
        np.stack([each.label_map for each in drawn]),
        _affine_ijk_to_ras((num_slices, *shape_ji), spacing_mm, tilt_deg),
    )


def _random(seed: int, stream: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(stream,)))


def _affine_ijk_to_ras(shape_kji: tuple[int, int, int], spacing_mm: float, tilt_deg: float) -> NDArray[np.float64]:
    """Return the (4, 4) affine of slices whose middle is the origin of the patient's frame."""
    tilt = np.radians(tilt_deg)
    # Columns run to the patient's left, rows to the back, slices to the head.
    direction_i = np.array([-1.0, 0.0, 0.0])
    direction_j = np.array([0.0, -np.cos(tilt), np.sin(tilt)])
    direction_k = np.array([0.0, np.sin(tilt), np.cos(tilt)])
    affine = np.eye(4)
    affine[:3, :3] = np.column_stack(
        [direction_i * spacing_mm, direction_j * spacing_mm, direction_k * _SLICE_DISTANCE_MM]
    )
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(shape_kji[::-1]) - 1) / 2)
    return affine
