"""How each block is shown: one scale for all, cropped around the labeled structures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from LumbarSegLib import geometry
from LumbarSegLib.io.study import Block
from LumbarSegLib.report.outlines import Crop, draw_outlines, resample

#: Shown around the labeled structures.
MARGIN_MM = 8.0

#: A crop is at least this large, so that a lone small label is seen in its surroundings.
MIN_SIZE_MM = 80.0

#: A connected piece of labels that is smaller does not decide what is shown:
#: a stray speck would shrink everything else.
MIN_PIECE_AREA_MM2 = 20.0

#: Of the signal that a block shows; MR has no absolute scale.
WINDOW_PERCENTILES = (1.0, 99.5)

#: Pixels of one slice that share an edge or a corner belong together; slices do not.
_IN_PLANE = np.array([np.zeros((3, 3)), np.ones((3, 3)), np.zeros((3, 3))], dtype=bool)


@dataclass(frozen=True)
class BlockView:
    """Turns the slices of one block into pictures.

    Parameters
    ----------
    block : Block
        What is shown.
    orientation : InPlaneOrientation
        Turns a slice into reading order.
    crop : Crop
        The part of a slice, in reading order, that is shown.
    window : tuple of float
        Signal shown as black and as white.
    """

    block: Block
    orientation: geometry.InPlaneOrientation
    crop: Crop
    window: tuple[float, float]

    @property
    def pixels_per_mm(self) -> float:
        """Scale of the picture, along both axes."""
        row_mm, _ = self.orientation.apply_spacing(self.block.spacing_kji_mm[1:])
        return self.crop.shape[0] / (self.crop.height * row_mm)

    def picture(self, k: int, labels: NDArray[np.integer]) -> Image.Image:
        """Draw slice `k` with the outlines of `labels` (J, I)."""
        low, high = self.window
        signal = self.orientation.apply(self.block.image[k])
        gray = np.clip((signal - low) * (255.0 / max(high - low, 1e-6)), 0.0, 255.0).astype(np.uint8)
        picture = resample(gray, self.crop).convert("RGB")
        draw_outlines(picture, self.orientation.apply(labels), self.crop)
        return picture

    def to_picture(self, position_ras_mm: NDArray[np.float64]) -> tuple[float, float]:
        """Return the picture's (row, column) of a position (3,) in the slice's plane."""
        i, j, _ = np.linalg.solve(
            self.block.affine_ijk_to_ras[:3, :3], position_ras_mm - self.block.affine_ijk_to_ras[:3, 3]
        )
        row, column = (i, j) if self.orientation.transpose else (j, i)
        rows, columns = self.orientation.apply(self.block.image[0]).shape
        if self.orientation.flip_rows:
            row = rows - 1 - row
        if self.orientation.flip_columns:
            column = columns - 1 - column
        return self.crop.to_picture(float(row), float(column))


def block_views(
    blocks: Sequence[Block], label_maps: Sequence[NDArray[np.integer]], picture_width: int
) -> list[BlockView]:
    """Choose what to show of each block, at the same physical size for all.

    Parameters
    ----------
    blocks : sequence of Block
        At least one.
    label_maps : sequence of (K, J, I) ndarray
        One per block. Where it is empty, the middle of the block is shown.
    picture_width : int
        Width of every picture in pixels; the height follows.

    Returns
    -------
    list of BlockView
        One per block; their pictures have the same shape and scale.
    """
    orientations = [geometry.in_plane_orientation(block.affine_ijk_to_ras) for block in blocks]
    extents = [
        _labeled_extent(orientation.apply(label_map), geometry.pixel_area_mm2(block.affine_ijk_to_ras))
        for orientation, block, label_map in zip(orientations, blocks, label_maps, strict=True)
    ]
    spacings = [
        np.array(orientation.apply_spacing(block.spacing_kji_mm[1:]))
        for orientation, block in zip(orientations, blocks, strict=True)
    ]
    fields_mm = [
        np.array(orientation.apply(block.image[0]).shape) * spacing
        for orientation, block, spacing in zip(orientations, blocks, spacings, strict=True)
    ]
    labeled_mm = [
        (extent[1] - extent[0]) * spacing + 2 * MARGIN_MM
        for extent, spacing in zip(extents, spacings, strict=True)
        if extent is not None
    ]
    size_mm = np.maximum(np.max(labeled_mm, axis=0), MIN_SIZE_MM) if labeled_mm else np.max(fields_mm, axis=0)
    shape = (round(picture_width * float(size_mm[0] / size_mm[1])), picture_width)
    views = []
    for block, orientation, extent, spacing in zip(blocks, orientations, extents, spacings, strict=True):
        rows_columns = np.array(orientation.apply(block.image[0]).shape)
        center = (rows_columns - 1) / 2 if extent is None else (extent[0] + extent[1] - 1) / 2
        size = size_mm / spacing
        top, left = center - size / 2
        crop = Crop(float(top), float(left), float(size[0]), float(size[1]), shape)
        views.append(BlockView(block, orientation, crop, _window(orientation.apply(block.image), crop)))
    return views


def _labeled_extent(label_map: NDArray[np.integer], pixel_mm2: float) -> NDArray[np.int_] | None:
    """First (row, column) of the labels of all slices and the one past the last, (2, 2); None without labels."""
    labeled = label_map != 0
    pieces, _ = ndimage.label(labeled, structure=_IN_PLANE)
    is_large = np.bincount(pieces.ravel()) * pixel_mm2 >= MIN_PIECE_AREA_MM2
    is_large[0] = False  # what is not labeled
    large = is_large[pieces]
    shown = (large if large.any() else labeled).any(axis=0)
    rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    if rows.size == 0:
        return None
    return np.array([[rows[0], columns[0]], [rows[-1] + 1, columns[-1] + 1]])


def _window(image: NDArray[np.float32], crop: Crop) -> tuple[float, float]:
    """Percentiles of the signal that `crop` shows of a block in reading order."""
    rows, columns = image.shape[1:]
    top, left = max(round(crop.top), 0), max(round(crop.left), 0)
    bottom, right = min(round(crop.top + crop.height), rows), min(round(crop.left + crop.width), columns)
    # Every second pixel tells the percentiles as well.
    low, high = np.percentile(image[:, top:bottom:2, left:right:2], WINDOW_PERCENTILES)
    return float(low), float(high)
