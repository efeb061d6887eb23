"""From an image and outlines on a grid of their own to labeled slices in reading order.

Notation: L layers of a segmentation, K slices of J rows and I columns of the
image. Nothing is resampled: the two grids have to share their voxels, though
not their extent, the order of their axes or their directions.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from LumbarSegLib import geometry
from LumbarSegLib.anatomy import ANATOMIES, IGNORE_INDEX, VERTEBRAL_BODY_INDEX
from LumbarSegLib.errors import InputError
from LumbarSegLib.geometry import FloatArray
from LumbarSegLib.io.labeled_slice_files import to_16_bit
from LumbarSegLib.io.labeled_slices import LabeledSlice
from LumbarSegLib.io.segmentations import Segment, Segmentation
from LumbarSegLib.io.study import Block

logger = logging.getLogger(__name__)

#: What a segment may stand for, by the words for it, and its value in label maps.
MEANINGS: dict[str, int] = {
    **{anatomy.key: anatomy.index for anatomy in ANATOMIES},
    "vertebral_body": VERTEBRAL_BODY_INDEX,
    "background": 0,
    "unlabeled": IGNORE_INDEX,
}

#: Names of segments that need no explanation: keys and names in any case, and values of label maps.
_WORDS: dict[str, int] = {
    **{key.replace("_", " "): value for key, value in MEANINGS.items()},
    **{anatomy.name.lower(): anatomy.index for anatomy in ANATOMIES},
    **{str(value): value for value in MEANINGS.values()},
}

#: Voxels of two grids are the same if their centers differ by less than this share of a voxel.
_GRID_TOLERANCE = 0.1

#: Rows and columns of a labeled slice have one spacing; scanners write it with rounding errors.
_SQUARE_TOLERANCE = 0.005


def interpret(segments: tuple[Segment, ...], given: Mapping[str, str]) -> dict[Segment, int]:
    """Find out what each segment stands for.

    Parameters
    ----------
    segments : tuple of Segment
        Of one segmentation.
    given : mapping of str to str
        Name of a segment to a key of `MEANINGS`; goes before what the segment says itself.

    Returns
    -------
    dict of Segment to int
        Value in label maps.

    Raises
    ------
    InputError
        If a segment has an unknown name, or a name or meaning of `given` does not exist.
    """
    names = [each.name for each in segments]
    for name, meaning in given.items():
        if name not in names:
            raise InputError(f"There is no segment {name!r}.", f"The segments are: {', '.join(names) or 'none'}.")
        if meaning not in MEANINGS:
            raise InputError(f"{meaning!r} is nothing that {name!r} can be.", f"Choose from {', '.join(MEANINGS)}.")
    values: dict[Segment, int] = {}
    unknown = []
    for each in segments:
        meaning = given.get(each.name, each.anatomy_key)
        word = each.name.strip().lower().replace("_", " ")
        if meaning in MEANINGS:
            values[each] = MEANINGS[meaning]
        elif word in _WORDS:
            values[each] = _WORDS[word]
        else:
            unknown.append(each.name)
    if unknown:
        raise InputError(
            f"Unknown segments: {', '.join(unknown)}.",
            f"Say what each is: --segment '{unknown[0]}=ANATOMY', with one of {', '.join(MEANINGS)}.",
        )
    return values


def label_block(block: Block, segmentation: Segmentation, values: Mapping[Segment, int]) -> NDArray[np.uint8] | None:
    """Draw a segmentation on the grid of a block, for labeled slices.

    Voxels in two structures of different value are left unlabeled
    (`IGNORE_INDEX`), as nobody can tell which one was meant; their number goes
    to the log.

    Parameters
    ----------
    block, segmentation, values
        As for `draw_segments`.

    Returns
    -------
    (K, J, I) ndarray of uint8, or None
        None if the voxels of the two grids are not the same.
    """
    drawn = draw_segments(block, segmentation, values)
    if drawn is None:
        return None
    label_map, claimed_twice = drawn
    label_map[claimed_twice] = IGNORE_INDEX
    if claimed_twice.any():
        logger.warning("%d pixels are in two structures: they are left unlabeled.", int(claimed_twice.sum()))
    return label_map


def draw_segments(
    block: Block, segmentation: Segmentation, values: Mapping[Segment, int]
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]] | None:
    """Draw a segmentation on the grid of a block; where structures overlap, the later one in the file wins.

    Parameters
    ----------
    block : Block
        The image.
    segmentation : Segmentation
        May cover less or more than the block.
    values : mapping of Segment to int
        See `interpret`.

    Returns
    -------
    label_map : (K, J, I) ndarray of uint8
    claimed_twice : (K, J, I) ndarray of bool
        Voxels in two structures of different value.
    None in place of both if the voxels of the two grids are not the same.
    """
    layers = _on_grid(segmentation, block.affine_ijk_to_ras, block.image.shape)
    if layers is None:
        return None
    label_map = np.zeros(block.image.shape, dtype=np.uint8)
    claimed_twice = np.zeros(block.image.shape, dtype=np.bool_)
    for each, value in values.items():
        mask = layers[each.layer] == each.value
        if value:
            claimed_twice |= mask & (label_map != 0) & (label_map != value)
            label_map[mask] = value
    return label_map, claimed_twice


def cut_slices(block: Block, label_map: NDArray[np.uint8], name: str, first_number: int = 0) -> list[LabeledSlice]:
    """Cut the slices that hold a label, turned into radiological reading order.

    Parameters
    ----------
    block : Block
        The image, axial.
    label_map : (K, J, I) ndarray of uint8
        On its grid.
    name : str
        Slice k is called NAME-NNN with its number `first_number` + k.
    first_number : int
        Number of slice 0.

    Raises
    ------
    InputError
        If the pixels are not square.
    """
    _, row_mm, column_mm = block.spacing_kji_mm
    if abs(row_mm - column_mm) > _SQUARE_TOLERANCE * max(row_mm, column_mm):
        raise InputError(
            f"The pixels are not square ({row_mm:g} x {column_mm:g} mm).",
            "Resample image and outlines to square pixels first.",
        )
    orientation = geometry.in_plane_orientation(block.affine_ijk_to_ras)
    image = orientation.apply(to_16_bit(block.image))
    turned = orientation.apply(label_map)
    return [
        LabeledSlice(f"{name}-{first_number + k:03d}", image[k], np.ascontiguousarray(turned[k]), row_mm)
        for k in range(len(turned))
        if turned[k].any()
    ]


def _on_grid(
    segmentation: Segmentation, affine_ijk_to_ras: FloatArray, shape_kji: tuple[int, ...]
) -> NDArray[np.uint16] | None:
    """Bring layers to (L, K, J, I) of another grid, 0 where they do not reach; None if voxels do not coincide."""
    to_own = np.linalg.inv(segmentation.affine_ijk_to_ras) @ affine_ijk_to_ras
    exact = np.round(to_own)
    ends = [(0, size - 1) for size in shape_kji[::-1]]
    corners = np.array([(*corner, 1) for corner in itertools.product(*ends)], dtype=np.float64).T  # (4, 8)
    axes = np.abs(exact[:3, :3])
    if np.abs((to_own - exact) @ corners).max() > _GRID_TOLERANCE or (axes.sum(axis=0) != 1).any():
        return None
    if (axes.sum(axis=1) != 1).any():
        return None
    layers = segmentation.layers
    result = np.zeros((len(layers), *shape_kji), dtype=layers.dtype)
    # In the order of the arrays' axes (k, j, i): where each voxel of ours lies in the file's array.
    ours, theirs = [], []
    order = []
    for own_axis in (2, 1, 0):
        axis = int(np.argmax(axes[own_axis]))
        indices = (exact[own_axis, axis] * np.arange(shape_kji[2 - axis]) + exact[own_axis, 3]).astype(int)
        inside = (indices >= 0) & (indices < layers.shape[3 - own_axis])
        ours.append((axis, np.flatnonzero(inside)))
        theirs.append(indices[inside])
        order.append(3 - axis)
    cut = layers[np.ix_(np.arange(len(layers)), *theirs)]
    cut = np.transpose(cut, (0, *(1 + order.index(axis) for axis in (1, 2, 3))))
    targets = [positions for _, positions in sorted(ours, key=lambda each: -each[0])]
    result[np.ix_(np.arange(len(layers)), *targets)] = cut
    return result
