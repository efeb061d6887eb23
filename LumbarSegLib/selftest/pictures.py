"""A small picture of a label map as it is stored, with the patient's directions at its edges."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from LumbarSegLib import geometry
from LumbarSegLib.anatomy import ANATOMIES, NUM_CLASSES
from LumbarSegLib.measurement import Midline
from LumbarSegLib.report.text import Color, draw_text

#: Longer side of the slice, and its frame for the letters, in pixels.
_SIZE = 168
_FRAME = 18
_FONT_SIZE = 13

# Light, for the printer.
_FRAME_COLOR: Color = (228, 231, 236)
_BACKGROUND: Color = (255, 255, 255)
_TEXT: Color = (20, 22, 26)

_LETTERS = ("R", "A", "S"), ("L", "P", "I")


def draw_slice(label_map: NDArray[np.uint8], affine_ijk_to_ras: NDArray[np.float64], midline: Midline | None) -> bytes:
    """Draw one slice with its rows and columns in the order of the array, at equal scale along both.

    Parameters
    ----------
    label_map : (J, I) ndarray of uint8
        Values of `LumbarSegLib.anatomy`.
    affine_ijk_to_ras : (4, 4) ndarray
        Of the block.
    midline : Midline or None
        Drawn as a line where there is one.

    Returns
    -------
    bytes
        PNG.
    """
    _, row_mm, column_mm = geometry.spacing_kji_mm(affine_ijk_to_ras)
    extent_mm = np.array([label_map.shape[1] * column_mm, label_map.shape[0] * row_mm])
    width, height = (int(size) for size in np.rint(_SIZE * extent_mm / extent_mm.max()))
    slice_picture = Image.fromarray(_palette()[label_map]).resize((width, height), Image.Resampling.NEAREST)
    canvas = Image.new("RGB", (width + 2 * _FRAME, height + 2 * _FRAME), _FRAME_COLOR)
    canvas.paste(slice_picture, (_FRAME, _FRAME))
    pen = ImageDraw.Draw(canvas)
    if midline is not None:
        step_px = np.array([width / label_map.shape[1], height / label_map.shape[0]])
        ends = _midline_ends(midline, affine_ijk_to_ras) + 0.5
        pen.line([tuple(end) for end in (ends * step_px + _FRAME).tolist()], fill=_TEXT)
    edges = affine_ijk_to_ras[:3, 0], affine_ijk_to_ras[:3, 1]
    places = {
        (_FRAME + width + 4, _FRAME + height // 2 - 8): edges[0],
        (5, _FRAME + height // 2 - 8): -edges[0],
        (_FRAME + width // 2 - 4, _FRAME + height + 1): edges[1],
        (_FRAME + width // 2 - 4, 1): -edges[1],
    }
    for place, direction in places.items():
        draw_text(pen, place, _letter(direction), _FONT_SIZE, _TEXT)
    content = io.BytesIO()
    canvas.quantize(16, dither=Image.Dither.NONE).save(content, format="PNG", optimize=True)
    return content.getvalue()


def _palette() -> NDArray[np.uint8]:
    colors = np.full((NUM_CLASSES, 3), _BACKGROUND, dtype=np.uint8)
    for anatomy in ANATOMIES:
        colors[anatomy.index] = anatomy.color
    return colors


def _midline_ends(midline: Midline, affine_ijk_to_ras: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return two points of the line, (2, 2), as (column, row)."""
    point, along = np.array(midline.point_ras_mm), np.array(midline.anterior_ras)
    ends = np.stack([point + 60 * along, point - 60 * along])
    indices = np.linalg.solve(affine_ijk_to_ras[:3, :3], (ends - affine_ijk_to_ras[:3, 3]).T).T
    return np.asarray(indices[:, :2], dtype=np.float64)


def _letter(direction_ras: NDArray[np.float64]) -> str:
    axis = int(np.argmax(np.abs(direction_ras)))
    return _LETTERS[0 if direction_ras[axis] > 0 else 1][axis]
