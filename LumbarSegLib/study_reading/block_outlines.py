"""Which outlines belong to which block of a study: found by their grids, drawn on the block's own."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from LumbarSegLib import geometry
from LumbarSegLib.anatomy import BY_INDEX
from LumbarSegLib.errors import InputError
from LumbarSegLib.geometry import FloatArray
from LumbarSegLib.io.segmentations import Segment, Segmentation, read_segmentation
from LumbarSegLib.io.study import Block
from LumbarSegLib.study_reading.outlined_slices import draw_segments, interpret

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class BlockOutlines:
    """The outlines of one block, on the block's own grid.

    Parameters
    ----------
    label_map : (K, J, I) ndarray of uint8
        0 background, 1-7 as in `LumbarSegLib.anatomy`.
    path : Path
        The file that they were read from.
    num_overlapping : int
        Pixels in several structures; they count for the later one in the file.
    """

    label_map: NDArray[np.uint8]
    path: Path
    num_overlapping: int


def read_block_outlines(
    paths: Sequence[Path], blocks: Sequence[Block], meanings: Mapping[str, str], fallback: Sequence[Path] = ()
) -> list[BlockOutlines | None]:
    """Read outlines and find the block of each.

    A file belongs to every block whose voxels it shares, whatever the order
    and directions of its axes; it may cover more or less than the block.
    Nothing is resampled. What it outlines outside of all blocks is counted in the log.

    Parameters
    ----------
    paths : sequence of Path
        Label maps and segmentations of 3D Slicer, see `read_segmentation`.
    blocks : sequence of Block
        Of one study.
    meanings : mapping of str to str
        What segments stand for, see `interpret`; a name need not be in every file.
    fallback : sequence of Path
        Files for the blocks that `paths` leave open.

    Returns
    -------
    list of BlockOutlines or None
        One entry per block; None where no file covers it.

    Raises
    ------
    InputError
        If a file cannot be read, holds what is not measured, or lies on the
        grid of no block; if two files (of `paths`, or of `fallback`) cover the
        same block; if a name of `meanings` is in no file.
    """
    segmentations = {path: read_segmentation(path) for path in (*paths, *fallback)}
    names = {segment.name for each in segmentations.values() for segment in each.segments}
    for name in meanings:
        if name not in names:
            raise InputError(f"There is no segment {name!r}.", f"The segments are: {', '.join(sorted(names))}.")
    first, second = (
        _by_block({path: segmentations[path] for path in group}, blocks, meanings) for group in (paths, fallback)
    )
    return [outlines or other for outlines, other in zip(first, second, strict=True)]


def _by_block(
    segmentations: Mapping[Path, Segmentation], blocks: Sequence[Block], meanings: Mapping[str, str]
) -> list[BlockOutlines | None]:
    found: list[BlockOutlines | None] = [None] * len(blocks)
    for path, segmentation in segmentations.items():
        values = _measured_values(segmentation, meanings, path)
        drawn = [_outlines_of(block, segmentation, values, path) for block in blocks]
        if not any(drawn):
            raise _on_no_grid(path, segmentation, blocks)
        if num_outside := _count_outlined(segmentation, values) - _count_drawn(drawn):
            logger.warning("%d outlined pixels of %s lie outside the image and do not count.", num_outside, path)
        for number, outlines in enumerate(drawn):
            earlier = found[number]
            if outlines is not None and earlier is not None:
                raise InputError(
                    f"{earlier.path} and {path} both outline block {number + 1}.", "Pass one of them at a time."
                )
            found[number] = outlines or earlier
    return found


def _measured_values(segmentation: Segmentation, meanings: Mapping[str, str], path: Path) -> dict[Segment, int]:
    """Return the value of each segment, all of them anatomies or background."""
    names = {segment.name for segment in segmentation.segments}
    values = interpret(segmentation.segments, {name: meanings[name] for name in names & meanings.keys()})
    for segment, value in values.items():
        if value and value not in BY_INDEX:
            raise InputError(
                f"{segment.name!r} in {path} is none of the seven anatomies.",
                f"Say what it is, or leave it out: --segment '{segment.name}=background'.",
            )
    return values


def _outlines_of(
    block: Block, segmentation: Segmentation, values: Mapping[Segment, int], path: Path
) -> BlockOutlines | None:
    if not _reaches(segmentation, block):
        return None
    drawn = draw_segments(block, segmentation, values)
    if drawn is None:
        return None
    label_map, claimed_twice = drawn
    return BlockOutlines(label_map, path, int(np.count_nonzero(claimed_twice)))


def _count_outlined(segmentation: Segmentation, values: Mapping[Segment, int]) -> int:
    outlined = np.zeros(segmentation.layers.shape[1:], dtype=np.bool_)
    for segment, value in values.items():
        if value:
            outlined |= segmentation.layers[segment.layer] == segment.value
    return int(np.count_nonzero(outlined))


def _count_drawn(drawn: Sequence[BlockOutlines | None]) -> int:
    return sum(int(np.count_nonzero(each.label_map)) for each in drawn if each is not None)


def _reaches(segmentation: Segmentation, block: Block) -> bool:
    """Whether the two grids have space in common, be it that of the same voxels or not."""
    to_own = np.linalg.inv(segmentation.affine_ijk_to_ras) @ block.affine_ijk_to_ras
    ends = [(0, size - 1) for size in block.image.shape[::-1]]
    corners = np.array([(*corner, 1) for corner in itertools.product(*ends)], dtype=np.float64) @ to_own.T
    last = np.array(segmentation.layers.shape[:0:-1]) - 1
    return bool((corners[:, :3].max(axis=0) > -0.5).all() and (corners[:, :3].min(axis=0) < last + 0.5).all())


def _on_no_grid(path: Path, segmentation: Segmentation, blocks: Sequence[Block]) -> InputError:
    """Return the error for outlines whose voxels are those of no block, with both grids."""
    nearest = next((block for block in blocks if _reaches(segmentation, block)), blocks[0])
    own = _grid_in_words(segmentation.layers.shape[1:], segmentation.affine_ijk_to_ras)
    image = _grid_in_words(nearest.image.shape, nearest.affine_ijk_to_ras)
    whose = "the image" if len(blocks) == 1 else f"any of the {len(blocks)} blocks of the image"
    problem = "is not on the grid of" if _reaches(segmentation, nearest) else "does not overlap"
    return InputError(
        f"{path} {problem} {whose}: it has {own}; the image has {image}.",
        "Export the outlines with the image as reference geometry.",
    )


def _grid_in_words(shape_kji: tuple[int, ...], affine_ijk_to_ras: FloatArray) -> str:
    size = " x ".join(str(count) for count in shape_kji[::-1])
    spacing = " x ".join(f"{step:.4g}" for step in geometry.spacing_kji_mm(affine_ijk_to_ras)[::-1])
    first = ", ".join(f"{value:.1f}" for value in affine_ijk_to_ras[:3, 3])
    return f"{size} voxels of {spacing} mm from R, A, S = {first} mm"
