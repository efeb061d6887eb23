"""Resampling a slice to a picture and drawing thin outlines on it.

Positions are in pixels of a slice in radiological reading order; whole numbers
are pixel centers.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from LumbarSegLib.anatomy import ANATOMIES, VERTEBRAL_BODY_INDEX

#: Name and color of each outline by label value. No result has a vertebral body; labeled slices do.
OUTLINES = {
    **{anatomy.index: (anatomy.name, anatomy.color) for anatomy in ANATOMIES},
    VERTEBRAL_BODY_INDEX: ("Vertebral body", (225, 225, 225)),
}

#: Of the outline, in picture pixels: seen at a glance, hides next to nothing.
LINE_WIDTH = 1.7

#: The anatomy shines through the line.
LINE_OPACITY = 0.9

#: Blur that turns a mask into a measure of the distance to its edge; it also
#: rounds off the steps of the pixels.
_BLUR = 1.0


@dataclass(frozen=True)
class Crop:
    """A rectangle of a slice and the picture that it fills.

    Parameters
    ----------
    top, left : float
        Edge of the rectangle; pixel 0 reaches from -0.5 to 0.5.
    height, width : float
        May reach beyond the slice; what lies outside is black.
    shape : tuple of int
        Rows and columns of the picture.
    """

    top: float
    left: float
    height: float
    width: float
    shape: tuple[int, int]

    def to_picture(self, row: float, column: float) -> tuple[float, float]:
        """Return the picture's (row, column) of a position in the slice."""
        return (
            (row - self.top) * self.shape[0] / self.height - 0.5,
            (column - self.left) * self.shape[1] / self.width - 0.5,
        )

    def around(self, mask: NDArray[np.bool_]) -> tuple[Crop, tuple[int, int]] | None:
        """Return the part that shows `mask` (rows, columns) and its corner (x, y) in the picture, or None."""
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if rows.size == 0:
            return None
        scale = np.array([self.shape[0] / self.height, self.shape[1] / self.width])
        # Two pixels wider, so that blurring meets no edge.
        first = np.array([rows[0], columns[0]]) - 2.5 - np.array([self.top, self.left])
        stop = np.array([rows[-1], columns[-1]]) + 2.5 - np.array([self.top, self.left])
        first, stop = np.clip(np.rint([first * scale, stop * scale]), 0, self.shape).astype(int)
        if (stop <= first).any():
            return None
        top, left = np.array([self.top, self.left]) + first / scale
        height, width = (stop - first) / scale
        shape = (int(stop[0] - first[0]), int(stop[1] - first[1]))
        return Crop(float(top), float(left), float(height), float(width), shape), (int(first[1]), int(first[0]))


def resample(slice_8bit: NDArray[np.uint8], crop: Crop) -> Image.Image:
    """Resample a slice (rows, columns) to the picture of `crop`.

    Returns
    -------
    Image
        8-bit gray, of the shape ``crop.shape``.
    """
    first_row, first_column = int(np.floor(crop.top + 0.5)), int(np.floor(crop.left + 0.5))
    # Pillow counts from the corner of a pixel, and wants a box within the image.
    left, top = crop.left + 0.5 - first_column, crop.top + 0.5 - first_row
    tile_shape = (int(np.ceil(top + crop.height)), int(np.ceil(left + crop.width)))
    tile = Image.new("L", tile_shape[::-1])
    tile.paste(Image.fromarray(slice_8bit), (-first_column, -first_row))
    box = (left, top, left + crop.width, top + crop.height)
    return tile.resize(crop.shape[::-1], Image.Resampling.BICUBIC, box=box)


def draw_outlines(picture: Image.Image, label_map: NDArray[np.integer], crop: Crop) -> None:
    """Draw the outline of every label into `picture`, just inside its edge.

    Lines lie inside so that two neighbors show side by side, each in its color.

    Parameters
    ----------
    picture : Image
        Color picture of the shape ``crop.shape``, changed in place.
    label_map : (rows, columns) ndarray of int
        Labels of the slice in reading order.
    crop : Crop
        What `picture` shows of the slice.
    """
    for index, (_, color) in OUTLINES.items():
        mask = label_map == index
        shown = crop.around(mask)
        if shown is not None:
            part, left_top = shown
            smooth = resample(mask.astype(np.uint8) * 255, part).filter(ImageFilter.GaussianBlur(_BLUR))
            picture.paste(color, left_top, mask=smooth.point(_LINE_OPACITIES))


def _line_opacities() -> list[int]:
    """Return the opacity (0-255) of the line for each gray value of a blurred mask.

    Along a straight edge the blurred mask is the normal distribution of the
    distance to the edge, so its inverse gives that distance. The line starts at
    the edge and has soft rims of one pixel, so that neighbors hardly mix.
    """
    gray = (np.arange(256) + 0.5) / 256
    depth = np.array([NormalDist(sigma=_BLUR).inv_cdf(value) for value in gray])
    opacity = np.clip(depth, 0, 1) * np.clip(LINE_WIDTH + 1 - depth, 0, 1)
    return [round(value) for value in 255 * LINE_OPACITY * opacity]


_LINE_OPACITIES = _line_opacities()
