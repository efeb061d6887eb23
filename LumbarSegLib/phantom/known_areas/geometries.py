"""Every way in which a scanner or a converter may lay slices through a patient."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from LumbarSegLib.phantom.known_areas.shapes import DISCS, HALF_PLANES, LUMBAR, Shape

FloatArray = NDArray[np.float64]
Vector3 = tuple[float, float, float]

#: Middle of the sac, RAS mm; nothing may depend on the origin.
SPINE_RAS_MM: Vector3 = (17.0, -40.0, -312.0)

#: The patient's long axis, RAS.
UPWARD: Vector3 = (0.0, 0.0, 1.0)

_DIRECTIONS = {"R": (1, 0, 0), "L": (-1, 0, 0), "A": (0, 1, 0), "P": (0, -1, 0), "S": (0, 0, 1), "I": (0, 0, -1)}

# Rows and columns of pixels must not be symmetric about the shapes: the errors
# of counting in four equal quarters would add up.
_OFF_CENTER: Vector3 = (0.37, -0.21, 0.13)


@dataclass(frozen=True)
class BlockGrid:
    """The grid of one block.

    Parameters
    ----------
    affine_ijk_to_ras : (4, 4) ndarray
        See `LumbarSegLib.geometry`.
    shape_kji : tuple of int
        Slices, rows, columns.
    normal_ras : (3,) ndarray
        Unit vector across the slices.
    """

    affine_ijk_to_ras: FloatArray
    shape_kji: tuple[int, int, int]
    normal_ras: FloatArray


@dataclass(frozen=True)
class KnownGeometry:
    """Blocks of slices through a patient of known cross-section.

    Parameters
    ----------
    name : str
        For tables.
    grids : tuple of BlockGrid
        At least one.
    shapes : tuple of Shape
        The cross-section.
    axis_ras : tuple of float or None
        None: the shapes lie in the plane of the slices, whose areas are those
        of the shapes. Otherwise the patient is a bundle of columns along this
        unit vector with the shapes as their cross-section; a slice tilted to it by
        an angle t shows each shape's area divided by cos t.
    spine_turn_deg : float
        How far the shapes are turned about the axis, to the patient's right.
    """

    name: str
    grids: tuple[BlockGrid, ...]
    shapes: tuple[Shape, ...] = LUMBAR
    axis_ras: Vector3 | None = None
    spine_turn_deg: float = 0.0


def turn_about(axis: str, degrees: float) -> FloatArray:
    """Return the rotation (3, 3) about the patient's "R", "A" or "S" axis."""
    first, second = {"R": (1, 2), "A": (2, 0), "S": (0, 1)}[axis]
    angle = np.radians(degrees)
    turn = np.eye(3)
    turn[first, first] = turn[second, second] = np.cos(angle)
    turn[first, second], turn[second, first] = -np.sin(angle), np.sin(angle)
    return turn


def block_grid(
    axes: str = "LPS",
    spacing_kji_mm: Vector3 = (4.4, 0.6, 0.6),
    *,
    turn: FloatArray | None = None,
    num_slices: int = 2,
    field_mm: float = 180.0,
    center_mm: Vector3 = (0.0, 0.0, 0.0),
) -> BlockGrid:
    """Lay a block through the patient.

    Parameters
    ----------
    axes : str
        Where columns, rows and slices count to, as letters of R, L, A, P, S, I.
        An uneven number of reversals from "LPS" gives a left-handed grid.
    spacing_kji_mm : tuple of float
        Distances between voxel centers.
    turn : (3, 3) ndarray, optional
        Turns the block as a whole.
    num_slices : int
        At least 1.
    field_mm : float
        Both sides of the slices.
    center_mm : tuple of float
        RAS position of the block's center from the middle of the sac.

    Returns
    -------
    BlockGrid
    """
    turn = np.eye(3) if turn is None else turn
    directions = np.array([_DIRECTIONS[letter] for letter in axes], dtype=np.float64).T  # columns i, j, k
    shape_kji = (num_slices, round(field_mm / spacing_kji_mm[1]), round(field_mm / spacing_kji_mm[2]))
    affine = np.eye(4)
    affine[:3, :3] = turn @ directions * np.array(spacing_kji_mm[::-1])
    center = np.array(SPINE_RAS_MM) + _OFF_CENTER + center_mm
    affine[:3, 3] = center - affine[:3, :3] @ ((np.array(shape_kji[::-1]) - 1) / 2)
    return BlockGrid(affine, shape_kji, turn @ [0.0, 0.0, 1.0])


def known_geometries() -> tuple[KnownGeometry, ...]:
    """Return the geometries of the phantom suite."""
    return (*_spacings(), *_stored_axes(), *_oblique(), *_turned_patients(), *_fields_of_view(), *_simple_shapes())


def _spacings() -> list[KnownGeometry]:
    spacings: dict[str, Vector3] = {
        "isotropic voxels of 0.7 mm": (0.7, 0.7, 0.7),
        "rows 0.45 mm, columns 0.8 mm": (4.4, 0.45, 0.8),
        "rows 0.8 mm, columns 0.45 mm": (4.4, 0.8, 0.45),
        "slices 10 mm apart": (10.0, 0.6, 0.6),
        "coarse pixels of 0.9 mm": (4.4, 0.9, 0.9),
        "fine pixels of 0.3 mm": (4.4, 0.3, 0.3),
    }
    return [
        *(KnownGeometry(name, (block_grid(spacing_kji_mm=spacing),)) for name, spacing in spacings.items()),
        KnownGeometry("one slice", (block_grid(num_slices=1),)),
    ]


def _stored_axes() -> list[KnownGeometry]:
    """Flips on each axis in all combinations, with rows and columns in either order, of an oblique block."""
    turn = turn_about("R", 12) @ turn_about("A", 4) @ turn_about("S", -3)
    found = []
    for pair, vertical in itertools.product(("LP", "RP", "LA", "RA", "PL", "PR", "AL", "AR"), "SI"):
        grid = block_grid(pair + vertical, (4.4, 0.7, 0.5), turn=turn)
        hand = "left-handed" if np.linalg.det(grid.affine_ijk_to_ras[:3, :3]) < 0 else "right-handed"
        found.append(KnownGeometry(f"stored as {pair + vertical}, {hand}", (grid,)))
    return found


def _oblique() -> list[KnownGeometry]:
    """Tilted slices through columns along the patient's axis, alone and in blocks."""
    about = {"R": "left-right", "A": "front-back", "S": "long"}
    found = [
        KnownGeometry(
            f"oblique by {degrees:+d} degrees about the {name} axis",
            (block_grid(turn=turn_about(axis, degrees), num_slices=3),),
            axis_ras=UPWARD,
        )
        for (axis, name), degrees in itertools.product(about.items(), (-30, -15, -5, 5, 15, 30))
    ]
    combined = turn_about("R", 20) @ turn_about("A", 15) @ turn_about("S", 10)
    blocks = (
        block_grid("LPS", turn=turn_about("R", -20) @ turn_about("A", 2), num_slices=3, center_mm=(2, -3, -38)),
        block_grid("LPI", turn=turn_about("R", -5)),
        block_grid("RPS", turn=turn_about("R", 8) @ turn_about("A", -3), num_slices=1, center_mm=(-1, 2, 36)),
        block_grid("ALS", turn=turn_about("R", 15) @ turn_about("A", 4), num_slices=3, center_mm=(-2, -3, 70)),
    )
    leaning = turn_about("R", 12) @ UPWARD
    return [
        *found,
        *(
            KnownGeometry(
                f"oblique about all three axes, {hand}",
                (block_grid(axes, turn=combined, num_slices=3),),
                axis_ras=UPWARD,
            )
            for hand, axes in (("right-handed", "LPS"), ("left-handed", "LPI"))
        ),
        KnownGeometry("four blocks of differing tilt, axes and number of slices", blocks, axis_ras=UPWARD),
        KnownGeometry(
            "axial slices, spine leaning by 12 degrees",
            (block_grid(num_slices=4),),
            axis_ras=(float(leaning[0]), float(leaning[1]), float(leaning[2])),
        ),
    ]


def _turned_patients() -> list[KnownGeometry]:
    oblique = turn_about("R", -15) @ turn_about("A", 5)
    return [
        *(
            KnownGeometry(f"patient turned by {degrees:+d} degrees", (block_grid(),), spine_turn_deg=degrees)
            for degrees in (-30, -20, -10, 10, 20, 30)
        ),
        KnownGeometry(
            "patient turned by 20 degrees, block tilted, left-handed",
            (block_grid("RPS", (4.0, 0.5, 0.7), turn=oblique),),
            spine_turn_deg=20.0,
        ),
    ]


def _fields_of_view() -> list[KnownGeometry]:
    # The left edge of the field lies 56 mm to the patient's left of the sac and cuts psoas and erector spinae.
    cut = block_grid(center_mm=(34.0, 0.0, 0.0))
    # Tilted sideways, every slice is cut at another place: the only case in which slices differ.
    sideways = turn_about("A", 20) @ turn_about("R", 8)
    return [
        KnownGeometry("spine far from the image's center", (block_grid(field_mm=240.0, center_mm=(42.0, -31.0, 0.0)),)),
        KnownGeometry("muscles cut by the image's edge", (cut,)),
        KnownGeometry(
            "muscles cut by the image's edge, oblique, flipped",
            (block_grid("RAI", turn=sideways, num_slices=3, center_mm=(34.0, 0.0, 0.0)),),
            axis_ras=UPWARD,
        ),
    ]


def _simple_shapes() -> list[KnownGeometry]:
    oblique = turn_about("R", 25) @ turn_about("A", -10)
    return [
        KnownGeometry("circles", (block_grid(),), DISCS),
        KnownGeometry("circles, unequal pixels, flipped", (block_grid("RAI", (3.0, 0.4, 0.9)),), DISCS),
        KnownGeometry("circles cut by oblique slices", (block_grid(turn=oblique),), DISCS, UPWARD),
        KnownGeometry("half-planes", (block_grid(),), HALF_PLANES),
        KnownGeometry("half-planes, flipped", (block_grid("RAI", (3.0, 0.8, 0.5)),), HALF_PLANES),
        KnownGeometry("half-planes, rows and columns swapped", (block_grid("PLS"),), HALF_PLANES),
        KnownGeometry("half-planes, turned", (block_grid(),), HALF_PLANES, spine_turn_deg=-12.0),
    ]
